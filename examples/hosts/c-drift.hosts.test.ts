import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { DriftView, EventView } from "../../schemas/api.ts";
import { correctDrift, everythingRuns, manifest, resource } from "./resources.ts";
import { measured, type Stage, startStage } from "./stage.ts";

let stage: Stage;
/** h1 only alerts, h2 puts back. */
const policies = manifest(everythingRuns, correctDrift.replace('"*"', "name=h2").replace("on: *", "on: name=h2"));
const path = "/etc/drift/app.conf";
const things = manifest(
  resource("Service", "nginx", { on: "*", state: "running", enabled: true }),
  resource("File", "app", { on: "*", path, content: "a = 1\n", owner: "root", group: "root", mode: "0640" }),
  resource("Package", "sudo", { on: "*" }),
  resource("Package", "tree", { on: "*" }),
);

beforeAll(async () => {
  stage = await startStage({ hosts: 2, settings: "drift:\n  correctionsPerHour: 1000\n" });
  await stage.commit({ "manifests/policies.yaml": policies, "manifests/things.yaml": things });
  await stage.untilInSync();
});
afterAll(() => stage?.close());
beforeEach(() => stage.untilInSync());

interface Case {
  readonly what: string;
  readonly instance: string;
  readonly argv: readonly string[];
  readonly back: readonly string[];
  /** Paths of the differences that the alert has to name. */
  readonly paths: readonly string[];
}

const nginx = ["systemctl", "start", "nginx"],
  restore = ["sh", "-c", `mkdir -p /etc/drift; printf 'a = 1\\n' >${path}; chown root:root ${path}; chmod 0640 ${path}`];
const cases: readonly Case[] = [
  {
    what: "a service killed by kill -9",
    instance: "Service/nginx",
    argv: ["systemctl", "kill", "--signal=KILL", "nginx"],
    back: nginx,
    paths: ["state"],
  },
  { what: "systemctl stop", instance: "Service/nginx", argv: ["systemctl", "stop", "nginx"], back: nginx, paths: ["state"] },
  {
    what: "systemctl disable",
    instance: "Service/nginx",
    argv: ["systemctl", "disable", "--quiet", "nginx"],
    back: ["systemctl", "enable", "--quiet", "nginx"],
    paths: ["enabled"],
  },
  { what: "a file edited in place", instance: "File/app", argv: ["sh", "-c", `echo 'b = 2' >>${path}`], back: restore, paths: ["content"] },
  { what: "a file replaced by rename", instance: "File/app", argv: ["sed", "-i", "s/1/9/", path], back: restore, paths: ["content"] },
  { what: "a deleted file", instance: "File/app", argv: ["rm", path], back: restore, paths: ["content"] },
  { what: "a deleted folder", instance: "File/app", argv: ["rm", "-r", "/etc/drift"], back: restore, paths: ["content"] },
  { what: "chmod", instance: "File/app", argv: ["chmod", "0666", path], back: restore, paths: ["mode"] },
  { what: "chown", instance: "File/app", argv: ["chown", "www-data:www-data", path], back: restore, paths: ["owner", "group"] },
  {
    what: "a removed package",
    instance: "Package/tree",
    argv: ["apt-get", "remove", "-qy", "tree"],
    back: ["apt-get", "install", "-qy", "tree"],
    paths: ["state"],
  },
];

const alerted =
  (id: string) =>
  (event: EventView): boolean =>
    event.type === "drift" && event.about === id;
/** Who it was may be told a moment after what it was. */
const named =
  (id: string) =>
  (event: EventView): boolean =>
    event.about === id && (event.type === "drift.by" || (event.type === "drift" && (event.data as { by?: unknown }).by !== undefined));
const closed =
  (id: string) =>
  (event: EventView): boolean =>
    event.type === "drift.closed" && event.about === id;
const pathsOf = (event: EventView): string[] => (event.data as { differences: { path: string }[] }).differences.map(({ path: at }) => at);

/** Runs a command on a host and tells, by the host's clock, when. */
async function does(host: Stage["hosts"][number], argv: readonly string[]): Promise<number> {
  const { stdout } = await host.exec("sh", "-c", 'date +%s%3N; exec "$@" >/dev/null 2>&1', "sh", ...argv);
  return Number(stdout.split("\n")[0]);
}

test.for(cases)("$what is alerted on h1, and nothing is changed there", async ({ what, instance, argv, back, paths }) => {
  const [h1] = stage.hosts,
    id = `${instance}@h1`,
    after = await stage.lastEvent(),
    runs = await stage.runs();
  const at = await does(h1!, argv);
  const alert = await stage.untilEvent(after, alerted(id));
  measured(`${what} to alert`, Date.parse(alert.at) - at);
  expect(pathsOf(alert)).toEqual(expect.arrayContaining([...paths]));
  expect((await stage.drift()).map((one: DriftView) => one.instance)).toEqual([id]);
  expect(await stage.instance(id)).toMatchObject({ state: "drifted" });
  expect(await stage.runs()).toEqual(runs);
  await h1!.exec(...back);
  await stage.untilEvent(after, closed(id));
  expect(await stage.drift()).toEqual([]);
});

test.for(cases)("$what is put back on h2", async ({ what, instance, argv, paths }) => {
  const [, h2] = stage.hosts,
    id = `${instance}@h2`,
    after = await stage.lastEvent();
  const at = await does(h2!, argv);
  const alert = await stage.untilEvent(after, alerted(id)),
    end = await stage.untilEvent(after, closed(id));
  measured(`${what} to put back`, Date.parse(end.at) - at);
  expect(pathsOf(alert)).toEqual(expect.arrayContaining([...paths]));
  await stage.untilInSync();
  expect((await h2!.exec("stat", "-c", "%a %U:%G", path)).stdout).toBe("640 root:root\n");
  expect((await h2!.exec("cat", path)).stdout).toBe("a = 1\n");
  expect((await h2!.exec("systemctl", "is-active", "nginx")).stdout).toBe("active\n");
  expect((await h2!.exec("systemctl", "is-enabled", "nginx")).stdout).toBe("enabled\n");
  expect((await h2!.exec("dpkg-query", "-Wf", "${Status}", "tree")).stdout).toBe("install ok installed");
  expect((await stage.drift(false)).find((one) => one.instance === id)).toMatchObject({ corrected: true });
  // What was put back is not drift in its turn.
  expect((await stage.events(after, "drift")).map((event) => event.about)).toEqual([id]);
});

test("kill -9 to serving again", async () => {
  const [, h2] = stage.hosts,
    times: number[] = [];
  for (let count = 0; count < 10; count++) {
    const script = `systemctl kill --signal=KILL nginx; s=$(date +%s%3N); for i in $(seq 2000); do curl -s -o /dev/null localhost && break; done; echo $(($(date +%s%3N) - s))`;
    await stage.untilInSync();
    times.push(Number((await h2!.exec("sh", "-c", script)).stdout));
  }
  measured(
    "kill -9 to serving",
    times.sort((a, b) => a - b),
  );
  expect((await h2!.exec("systemctl", "is-active", "nginx")).stdout).toBe("active\n");
});

test("who did it is named where the host can tell: sudo, and apt's history", async () => {
  const [h1] = stage.hosts;
  await h1!.exec("sh", "-c", "useradd -m alice && echo 'alice ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/alice");
  let after = await stage.lastEvent();
  await h1!.exec("su", "alice", "-c", "sudo systemctl stop nginx");
  expect((await stage.untilEvent(after, named("Service/nginx@h1"))).data).toMatchObject({
    by: { who: "alice (sudo)", how: expect.stringContaining("systemctl stop nginx") },
  });
  await h1!.exec("systemctl", "start", "nginx");
  await stage.untilInSync();
  after = await stage.lastEvent();
  await h1!.exec("su", "alice", "-c", "sudo apt-get remove -qy tree");
  expect((await stage.untilEvent(after, named("Package/tree@h1"))).data).toMatchObject({
    by: { who: expect.stringContaining("alice"), how: expect.stringMatching(/apt/) },
  });
  await h1!.exec("apt-get", "install", "-qy", "tree");
});

test("after too many corrections within an hour a person has to look", async () => {
  await stage.commit({ "backend-ai.yaml": "drift:\n  correctionsPerHour: 1\n" });
  await stage.untilInSync();
  const [, h2] = stage.hosts,
    after = await stage.lastEvent();
  await h2!.exec("systemctl", "stop", "nginx");
  const alert = await stage.untilEvent(after, (event) => alerted("Service/nginx@h2")(event) && event.text.includes("a person has to look"));
  expect(alert.text).toMatch(/put back \d+ times within an hour/);
  expect((await h2!.exec("systemctl", "is-active", "nginx", { reject: false })).stdout).toBe("inactive\n");
  await h2!.exec("systemctl", "start", "nginx");
});
