import { afterAll, beforeAll, expect, test } from "vitest";
import { netSpawn } from "../lab/lab.ts";
import { everythingRuns, manifest, resource } from "./resources.ts";
import { measured, type Stage, startStage, until } from "./stage.ts";

let stage: Stage;
const sitePath = "/etc/nginx/conf.d/shop.conf";
const site = (answer: string): string => `server {\n  listen 8080;\n  location / { return ${answer}; }\n}\n`;
const web = (content: string, service: Record<string, unknown> = {}): string =>
  manifest(
    resource("File", "site", { on: "*", path: sitePath, content, validator: "nginx", reloads: ["Service/nginx"] }),
    resource("Service", "nginx", {
      on: "*",
      state: "running",
      needs: ["File/site"],
      health: { http: "http://localhost:8080/", expect: 200, within: "2s" },
      rollout: { maxUnavailable: 1, onFailure: "rollback" },
      ...service,
    }),
  );
const served = async (host: Stage["hosts"][number]): Promise<string> =>
  (await host.exec("curl", "-s", "http://localhost:8080/", { reject: false })).stdout;
const sites = async (): Promise<string[]> => Promise.all(stage.hosts.map(async (host) => (await host.exec("cat", sitePath)).stdout));
const lastRun = async (before: number) => {
  const id = await until("another run", async () => {
    const runs = await stage.runs();
    return runs.length > before ? runs[0]?.id : undefined;
  });
  return stage.untilEnded(id);
};

beforeAll(async () => {
  stage = await startStage({ hosts: 3 });
  await stage.commit({ "manifests/policy.yaml": everythingRuns, "manifests/web.yaml": web(site("200 good")) });
  await stage.untilInSync();
});
afterAll(() => stage?.close());

test("a bad nginx configuration is caught by the validator before it goes live", async () => {
  const mark = async () =>
    Promise.all(
      stage.hosts.map(
        async (host) =>
          (
            await host.exec(
              "sh",
              "-c",
              `stat -c '%i %Z' ${sitePath}; systemctl show -p InvocationID,NRestarts nginx; journalctl -q -u nginx | wc -l`,
            )
          ).stdout,
      ),
    );
  const before = await mark(),
    runs = (await stage.runs()).length;
  await stage.commit({ "manifests/web.yaml": web("server {\n  listen 8080\n  location / { }\n}\n") });
  const run = await lastRun(runs);
  expect(run.state).toBe("failed");
  const failed = run.changes.filter(({ state }) => state === "failed");
  expect(failed.map(({ id }) => id.replace(/@.*/, ""))).toEqual(["File/site"]);
  expect(failed[0]?.steps[0]?.problem).toMatchObject({
    code: "file/invalid",
    summary: "The nginx check refuses the file; the one in place was left alone.",
    detail: expect.stringMatching(/shop\.conf:\d/),
  });
  expect(run.changes.filter(({ state }) => state === "skipped")).toHaveLength(run.changes.length - 1);
  expect(await mark()).toEqual(before);
  for (const host of stage.hosts) expect(await served(host)).toBe("good");
  await stage.commit({ "manifests/web.yaml": web(site("200 good")) });
  await stage.untilInSync();
});

test("failed health takes file and reload back, stops the rollout before the other hosts, and holds the change until git changes", async () => {
  const before = await sites(),
    runs = (await stage.runs()).length;
  await stage.commit({ "manifests/web.yaml": web(site("500 bad")) });
  const run = await lastRun(runs);
  expect(run.state, JSON.stringify(run)).toBe("rolled-back");
  const states = Object.groupBy(run.changes, ({ state }) => state);
  expect(states["rolled-back"]?.map(({ id }) => id.replace(/@.*/, "")).sort()).toEqual(["File/site", "Service/nginx"]);
  expect(new Set(states["rolled-back"]?.map(({ id }) => id.replace(/.*@/, ""))).size).toBe(1);
  expect(states.skipped).toHaveLength(4);
  expect(states["rolled-back"]?.find(({ id }) => id.startsWith("Service/"))?.health).toMatch(/500/);
  expect(await sites()).toEqual(before);
  // nginx lets its old workers answer for a moment after a reload.
  for (const host of stage.hosts) await expect.poll(() => served(host)).toBe("good");
  const held = (await stage.instances()).filter(({ state }) => state === "held");
  // The file waits for another commit on all hosts: on the one where it failed, and on those that the rollout did not reach.
  expect(held.map(({ id }) => id)).toEqual(["File/site@h1", "File/site@h2", "File/site@h3"]);
  expect(await stage.runs()).toHaveLength(runs + 1);
  for (const { reason } of held) expect(reason).toContain("rolled back");
  // What is held is not tried again.
  await stage.commit({ "README.md": "another commit, the same resource\n" });
  await until("the commit", async () => ((await stage.status()).commit === (await stage.status()).head ? true : undefined));
  expect((await stage.plan()).changes).toEqual([]);
  await stage.commit({ "manifests/web.yaml": web(site("200 better")) });
  await stage.untilInSync();
  for (const host of stage.hosts) expect(await served(host)).toBe("better");
});

test("a rolling restart never takes more than one down", async () => {
  // Slow enough to be seen.
  const slow = { dropIns: { slow: "[Service]\nExecStartPre=/bin/sleep 0.4\n" } };
  await stage.commit({ "manifests/web.yaml": web(site("200 better"), slow) });
  await stage.untilInSync();
  const start = Date.now(),
    runs = (await stage.runs()).length;
  const sampler = netSpawn([process.execPath, `${import.meta.dirname}/sample-down.ts`, ...stage.hosts.map((host) => `${host.ip}:8080`)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  sampler.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
  await stage.commit({ "manifests/web.yaml": web(site("200 better"), { ...slow, restartedAt: new Date().toISOString() }) });
  const run = await lastRun(runs);
  measured("rolling restart of 3 hosts", Date.now() - start);
  const sampled = new Promise((resolve) => sampler.once("close", resolve));
  sampler.kill("SIGTERM");
  await sampled;
  expect(run.state).toBe("succeeded");
  const { samples, mostDown, downAtSomeTime } = JSON.parse(output) as { samples: number; mostDown: number; downAtSomeTime: number };
  expect(samples).toBeGreaterThan(50);
  expect(downAtSomeTime).toBe(3);
  expect(mostDown).toBe(1);
  // The hosts' own journals say the same.
  const spans = (await Promise.all(stage.hosts.map((host) => downSpans(host, start)))).flat().sort((a, b) => a.from - b.from);
  expect(spans).toHaveLength(3);
  for (const [index, span] of spans.entries()) expect(span.from).toBeGreaterThan(spans[index - 1]?.to ?? 0);
});

/** When nginx was not up, as systemd noted it: from "Stopping" to "Started", in microseconds. */
async function downSpans(host: Stage["hosts"][number], since: number): Promise<{ from: number; to: number }[]> {
  const { stdout } = await host.exec(
    "journalctl",
    "-q",
    "-o",
    "json",
    "--unit",
    "nginx",
    "--since",
    `@${Math.floor(since / 1000)}`,
    "_PID=1",
  );
  const lines = stdout
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { MESSAGE: string; __REALTIME_TIMESTAMP: string });
  const at = (word: string): number[] =>
    lines.filter(({ MESSAGE }) => MESSAGE.startsWith(word)).map((line) => Number(line.__REALTIME_TIMESTAMP));
  const starts = at("Started");
  return at("Stopping").map((from, index) => ({ from, to: starts[index] ?? Number.POSITIVE_INFINITY }));
}
