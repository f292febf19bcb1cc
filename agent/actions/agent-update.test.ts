import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AgentRelease, releaseText } from "../../schemas/release.ts";
import { probeAgent } from "../probes/agent.ts";
import { hostClock } from "../runtime/clock.ts";
import type { ActionContext } from "../runtime/verbs.ts";
import { volatileMemory } from "../runtime/volatile-memory.ts";
import { installationIn } from "../update/installation.ts";
import type { OwnAgent } from "../update/own-agent.ts";
import { updateAgent } from "./agent-update.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519"),
  bytes = "#!/bin/sh\necho 0.2.0\n";
const unsigned = {
  version: "0.2.0",
  name: "agent-linux-x64",
  size: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
};
const signed = (what: Omit<AgentRelease, "signature">) => ({
  ...what,
  signature: sign(null, Buffer.from(releaseText(what)), privateKey).toString("base64"),
  withinSeconds: 30,
});

let folder: string, own: OwnAgent, restarted: PromiseWithResolvers<void>;
const context = (step: string, signal = AbortSignal.timeout(15_000)): ActionContext => ({
  memory: volatileMemory(hostClock),
  signal,
  sealKey: undefined,
  step,
  resource: "AgentPlacement/all",
  progress: () => {},
  accepts: async () => undefined,
});
const code = (done: Promise<unknown>): Promise<unknown> =>
  done.catch((failure: { problems?: { code: string; summary: string }[] }) => [
    failure.problems?.[0]?.code,
    failure.problems?.[0]?.summary,
  ]);
const look = () => probeAgent(own)();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "update-"));
  restarted = Promise.withResolvers();
  const installation = installationIn(folder);
  await mkdir(join(folder, "versions", "0.1.0-abababababab"), { recursive: true });
  await installation.confirm({ dir: "0.1.0-abababababab", version: "0.1.0", sha256: "", step: "", withinSeconds: 1, left: 1 });
  own = {
    version: "0.1.0",
    variant: "agent-linux-x64",
    platform: { os: "linux", arch: "x64", libc: "glibc" },
    installation,
    onTrial: undefined,
    key: publicKey,
    fetch: async (_, from) => Readable.from([Buffer.from(bytes.slice(from))]),
    restart: () => restarted.resolve(),
    onChange: () => () => {},
  };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("a release that is signed is put on trial, and the agent ends", async () => {
  const over = new AbortController(),
    done = updateAgent(own)(signed(unsigned), context("run-1/A/all@h1#1", over.signal)).catch(() => "given up");
  await restarted.promise;
  expect(await own.installation?.trial()).toEqual({
    dir: `0.2.0-${unsigned.sha256.slice(0, 12)}`,
    version: "0.2.0",
    sha256: unsigned.sha256,
    step: "run-1/A/all@h1#1",
    withinSeconds: 30,
    left: 3,
  });
  expect(await look()).toMatchObject({ version: "0.1.0", state: "trial", pending: "0.2.0", changing: true });
  over.abort();
  expect(await done).toBe("given up");
});

test("a release whose version, name, size or digest is not what was signed is refused", async () => {
  for (const other of [{ version: "0.3.0" }, { name: "agent.cjs" }, { size: 1 }, { sha256: "0".repeat(64) }, { signature: "AAAA" }])
    expect(await code(updateAgent(own)({ ...signed(unsigned), ...other }, context("a")))).toMatchObject([
      "agent/release-signature",
      expect.anything(),
    ]);
  expect(await look()).toMatchObject({ state: "steady" });
});

test("one for another machine, and any where no start script started the agent, is refused", async () => {
  expect(await code(updateAgent(own)(signed({ ...unsigned, name: "agent-linux-arm64" }), context("a")))).toMatchObject([
    "agent/other-variant",
    expect.anything(),
  ]);
  expect(await code(updateAgent({ ...own, installation: undefined })(signed(unsigned), context("a")))).toMatchObject([
    "agent/not-updatable",
    expect.anything(),
  ]);
});

test("after a trial that failed the same step fails with the reason, and another step tries again", async () => {
  await writeFile(
    join(folder, "failed"),
    `0.2.0-${unsigned.sha256.slice(0, 12)} 30 0 0.2.0 ${unsigned.sha256} run-1/A/all@h1#1\n1763632800 it ended with status 1 before it had reported in\n`,
  );
  expect((await look()).failed).toEqual({
    version: "0.2.0",
    sha256: unsigned.sha256,
    reason: "it ended with status 1 before it had reported in",
    at: 1_763_632_800_000,
  });
  expect(await code(updateAgent(own)(signed(unsigned), context("run-1/A/all@h1#1")))).toEqual([
    "agent/update-failed",
    "Unable to update the agent to 0.2.0: it ended with status 1 before it had reported in; 0.1.0 is back",
  ]);
  void updateAgent(own)(signed(unsigned), context("run-2/A/all@h1#1")).catch(() => {});
  await restarted.promise;
  expect(await look()).toMatchObject({ state: "trial", pending: "0.2.0" });
  expect((await look()).failed).toBeUndefined();
});
