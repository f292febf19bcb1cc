import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "../config.ts";
import { startController } from "../main.ts";
import { temporaryFolder, temporaryRepository } from "../repo/testing.ts";

const environment = { PORT: "0", WS_PORT: "0", WS_HOST: "127.0.0.1", LOG_LEVEL: "silent" };

async function somebodyOnAPort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise((resolve) => void server.close(() => resolve())));
  return String((server.address() as AddressInfo).port);
}

test("a workspace that is no git repository is said, and nothing is left behind that keeps a second start from working", async () => {
  const folder = await temporaryFolder();
  await expect(startController(await readConfig(environment, { workspace: folder }))).rejects.toThrow(
    `Unable to open the workspace ${folder}: it is not a git repository`,
  );
  await expect(startController(await readConfig(environment, { workspace: join(folder, "none") }))).rejects.toThrow(
    "there is no such folder",
  );
});

test.each([
  ["PORT", (port: string) => `Unable to listen on 127.0.0.1:${port}: another program uses this port`],
  ["WS_PORT", (port: string) => `Unable to listen for agents on port ${port}: another program listens there`],
])("%s in use is said; what was opened is closed again, and with another port it starts", async (which, said) => {
  const { dir } = await temporaryRepository({ "manifests/a.yaml": "" }),
    port = await somebodyOnAPort();
  await expect(startController(await readConfig({ ...environment, [which]: port }, { workspace: dir }))).rejects.toThrow(said(port));
  const running = await startController(await readConfig(environment, { workspace: dir }));
  onTestFinished(() => running.stop());
  expect(running.controller.ready()).toBe(true);
  await expect(startController(await readConfig(environment, { workspace: dir }))).rejects.toThrow("another process has it open");
});

test("settings that are wrong are all named at once", async () => {
  const { dir } = await temporaryRepository({ "backend-ai.yaml": "aproval: {}\n" });
  const refused = readConfig({ PORT: "http", REQUIRE_AUTH: "perhaps", JWT_SECRET: "short", HOST: "0.0.0.0" }, { workspace: dir });
  await expect(refused).rejects.toThrow(/Unable to use PORT=http: it is not a port/);
  await expect(refused).rejects.toThrow(/Unable to use REQUIRE_AUTH=perhaps: it is neither true nor false/);
  await expect(refused).rejects.toThrow(/Unable to use JWT_SECRET: it is shorter than 32 bytes/);
  await expect(refused).rejects.toThrow(/Unable to serve the API on 0\.0\.0\.0 without TLS/);
  await expect(refused).rejects.toThrow(/backend-ai\.yaml:1:1.*aproval/);
});
