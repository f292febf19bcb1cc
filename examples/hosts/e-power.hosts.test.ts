import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { everythingRuns, manifest, resource } from "./resources.ts";
import { type Stage, startStage, until } from "./stage.ts";

let stage: Stage;
const file = (word: string): string => resource("File", "motd", { on: "*", path: "/etc/motd", content: `${word}\n` });

beforeAll(async () => {
  stage = await startStage({ hosts: 2, settings: "hub:\n  lateAfter: 2s\n  offlineAfter: 4s\n" });
  await stage.commit({ "manifests/policy.yaml": everythingRuns, "manifests/motd.yaml": file("one") });
  await stage.untilInSync();
});
afterAll(() => stage?.close());

test("a host that is powered off is unknown, not missing: nothing is planned for it, and it is in sync when it is back", async () => {
  const [h1, h2] = stage.hosts;
  let after = await stage.lastEvent();
  await h2!.kill();
  await stage.untilEvent(after, ({ type, host }) => type === "host.offline" && host === "h2");
  expect(await stage.instance("File/motd@h2")).toMatchObject({ state: "unknown" });
  expect(await stage.host("h2")).toMatchObject({ online: false, state: "offline" });
  expect(await stage.drift()).toEqual([]);
  await stage.commit({ "manifests/motd.yaml": file("two") });
  await until("h1 changed", async () => ((await h1!.exec("cat", "/etc/motd")).stdout === "two\n" ? true : undefined));
  await until("nothing runs", async () => ((await stage.status()).running.length === 0 ? true : undefined));
  const plan = await stage.plan();
  expect(plan.changes).toEqual([]);
  expect(plan.unknown.map(({ id }) => id)).toEqual(["File/motd@h2"]);
  expect(plan.unknown[0]?.reason).toMatch(/connected|offline/);
  after = await stage.lastEvent();
  await h2!.start();
  await stage.untilInSync();
  expect((await h2!.exec("cat", "/etc/motd")).stdout).toBe("two\n");
  expect(await stage.events(after, "drift")).toEqual([]);
});

test("drift while the network is cut is kept, arrives once, and what ran is not repeated", async () => {
  const [, h2] = stage.hosts,
    after = await stage.lastEvent(),
    runs = await stage.runs();
  await h2!.cut();
  await stage.untilEvent(after, ({ type, host }) => type === "host.offline" && host === "h2");
  await h2!.exec("sh", "-c", "echo drifted >/etc/motd");
  await pause(10_000);
  expect(await stage.events(after, "drift")).toEqual([]);
  await h2!.heal();
  const alert = await stage.untilEvent(after, ({ type, about }) => type === "drift" && about === "File/motd@h2");
  expect(alert.text).toContain("File/motd@h2 drifted");
  await pause(2000);
  expect(await stage.events(after, "drift")).toHaveLength(1);
  expect(await stage.runs()).toEqual(runs);
  await h2!.exec("sh", "-c", "echo two >/etc/motd");
  await stage.untilInSync();
});

test("a network cut in mid-run: the step under way is done once, and the run ends after it", async () => {
  const [, h2] = stage.hosts,
    unit = "[Service]\nExecStartPre=/bin/sh -c 'echo start >>/var/log/counted'\nExecStart=/bin/sleep infinity\nExecStop=/bin/sleep 3\n";
  await h2!.exec("sh", "-c", `cat >/etc/systemd/system/counted.service; systemctl daemon-reload; systemctl start counted`, { input: unit });
  await pause(1100);
  const after = await stage.lastEvent(),
    runs = (await stage.runs()).length;
  await stage.commit({
    "manifests/counted.yaml": resource("Service", "counted", { on: "name=h2", restartedAt: new Date().toISOString() }),
  });
  await until("the stop", async () =>
    (await h2!.exec("systemctl", "is-active", "counted", { reject: false })).stdout === "deactivating\n" ? true : undefined,
  );
  await h2!.cut();
  await stage.untilEvent(after, ({ type, host }) => type === "host.offline" && host === "h2");
  await h2!.heal();
  await stage.untilInSync();
  const [run] = await stage.runs();
  expect(await stage.runs()).toHaveLength(runs + 1);
  expect(run?.state).toBe("succeeded");
  expect((await h2!.exec("cat", "/var/log/counted")).stdout).toBe("start\nstart\n");
});

test("a host that is rebooted in mid-run: the run ends, and all is in sync", { timeout: 240_000 }, async () => {
  const [, h2] = stage.hosts;
  await h2!.exec("sh", "-c", "DEBIAN_FRONTEND=noninteractive apt-get purge -qy nginx nginx-common");
  const after = await stage.lastEvent();
  await stage.commit({
    "manifests/web.yaml": manifest(
      resource("Package", "nginx", { on: "name=h2" }),
      resource("Service", "nginx", { on: "name=h2", state: "running", enabled: true, needs: ["Package/nginx"] }),
    ),
  });
  await until("the package manager", async () =>
    (await h2!.exec("pgrep", "-x", "dpkg|apt-get", { reject: false })).code === 0 ? true : undefined,
  );
  await h2!.reboot();
  await until("the end of the run", async () => ((await stage.status()).running.length === 0 ? true : undefined), {
    ms: 100_000,
    otherwise: async () => stage.run((await stage.runs())[0]!.id),
  });
  // What was cut off is tried again by itself after half a minute.
  await stage.untilInSync(undefined, 90_000);
  expect((await h2!.exec("systemctl", "is-active", "nginx")).stdout).toBe("active\n");
  expect((await h2!.exec("dpkg", "--audit")).stdout).toBe("");
  expect((await stage.events(after)).filter(({ type }) => type === "run.started").length).toBeLessThanOrEqual(3);
});
