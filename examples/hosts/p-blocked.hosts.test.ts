import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { gateway, netSpawn } from "../lab/lab.ts";
import { correctDrift, everythingRuns, manifest, resource } from "./resources.ts";
import { measured, type Stage, startStage, until } from "./stage.ts";

let stage: Stage, address: string, proxy: ChildProcess;
const port = 3444;

async function startProxy(): Promise<void> {
  proxy = netSpawn(
    [
      process.execPath,
      join(import.meta.dirname, "proxy.fixture.ts"),
      join(stage.data, "keys"),
      address,
      String(port),
      `https://${address}:3001`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  await once(createInterface(proxy.stdout!), "line");
}
async function stopProxy(): Promise<void> {
  const over = once(proxy, "exit");
  proxy.kill();
  await over;
}
const file = (content: string): string =>
  manifest(resource("File", "app", { on: "*", path: "/etc/app.conf", content: `${content}\n`, mode: "0640" }));
const content = async (): Promise<string> => (await stage.hosts[0]!.exec("cat", "/etc/app.conf")).stdout;
const connected = async (): Promise<string[]> => (await stage.events(0, "agent-connected")).map(({ text }) => text);

beforeAll(async () => {
  stage = await startStage({ hosts: 1, install: false });
  address = await gateway();
  await startProxy();
  // Everything goes through the proxy, the installation and the enrolment as well.
  const command = (await stage.enrolCommand()).replaceAll(`https://${address}:3001`, `https://${address}:${port}`);
  await stage.hosts[0]!.exec("sh", "-c", command);
  await until("h1 online", async () => ((await stage.status()).hosts.online === 1 ? true : undefined));
});
afterAll(async () => {
  proxy?.kill();
  await stage?.close();
});

test("where a proxy lets no WebSocket through, a file converges by long polling", async () => {
  const startedAt = Date.now();
  await stage.commit({ "manifests/policy.yaml": manifest(everythingRuns, correctDrift), "manifests/app.yaml": file("one") });
  await stage.untilInSync();
  measured("converge a file by long polling", Date.now() - startedAt);
  expect(await content()).toBe("one\n");
  expect(await connected()).toEqual(["The agent connected by long polling."]);
});

test("drift is seen and put back", async () => {
  const last = await stage.lastEvent(),
    startedAt = Date.now();
  await stage.hosts[0]!.exec("sh", "-c", "echo two >/etc/app.conf");
  await stage.untilEvent(last, ({ type }) => type.startsWith("drift"));
  measured("drift seen by long polling", Date.now() - startedAt);
  await stage.untilInSync();
  expect(await content()).toBe("one\n");
});

test("a proxy that restarts costs no message: the same connection goes on", async () => {
  const before = await connected();
  await stopProxy();
  await stage.commit({ "manifests/app.yaml": file("three") });
  await startProxy();
  await stage.untilInSync();
  expect(await content()).toBe("three\n");
  expect(await connected()).toEqual(before);
});

test("a controller that restarts is found again", async () => {
  await stage.killController();
  await stage.startController();
  await stage.commit({ "manifests/app.yaml": file("four") });
  await stage.untilInSync();
  expect(await content()).toBe("four\n");
  expect(new Set(await connected())).toEqual(new Set(["The agent connected by long polling."]));
});
