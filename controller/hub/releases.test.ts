import { createHash, createPublicKey, verify } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { releaseText } from "../../schemas/release.ts";
import { machineClock } from "./clock.ts";
import { type Enrolled, enrolled, type Fixture, fetchPinned, proveOver, type Reply, startFixture } from "./hub.fixture.ts";
import { type Releases, releasesIn } from "./releases.ts";
import { type AgentServer, startAgentServer } from "./server.ts";
import { ownCertificate } from "./server-certificate.ts";

let fixture: Fixture, server: AgentServer, folder: string, releases: Releases, guest: Enrolled;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

async function put(at: string, version: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(at, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(at, name), text);
  const told = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, { size: text.length, sha256: sha256(text) }]));
  await writeFile(join(at, "release.json"), JSON.stringify({ version, files: told }));
}
const names = (): string[] => releases.served().map(({ release }) => `${release.version} ${release.name}`);

beforeAll(async () => {
  fixture = await startFixture();
  folder = await mkdtemp(join(tmpdir(), "releases-"));
  releases = releasesIn(folder, fixture.keys.signing);
  server = await startAgentServer({
    hub: fixture.hub,
    certificate: ownCertificate(join(fixture.folder, "keys"), ["127.0.0.1"]),
    clock: machineClock,
    log: quiet,
    port: 0,
    host: "127.0.0.1",
    releases,
  });
  guest = await enrolled(fixture, "web-01");
});
beforeEach(async () => {
  await rm(folder, { recursive: true, force: true });
  await put(folder, "0.10.0", { "agent-linux-x64": "ten", "agent.cjs": "ten for node" });
  await put(join(folder, "releases", "old"), "0.9.0", { "agent-linux-x64": "nine", "agent-linux-x64-musl": "nine for musl" });
  await releases.refresh();
});
afterAll(async () => {
  await server.close();
  await fixture.close();
  await rm(folder, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string> = {}): Promise<Reply> =>
  fetchPinned(`https://127.0.0.1:${server.port}/agent/v1/releases/${path}`, fixture.keys.ca, undefined, { headers });
const bearer = async (): Promise<Record<string, string>> => ({
  authorization: `Bearer ${String((await proveOver(fixture, guest)).json["jwt"])}`,
});

test("every version in the folder is served, newest first, signed by the key that agents know", () => {
  expect(names()).toEqual(["0.10.0 agent-linux-x64", "0.10.0 agent.cjs", "0.9.0 agent-linux-x64", "0.9.0 agent-linux-x64-musl"]);
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: fixture.keys.controllerKey }, format: "jwk" });
  for (const { release } of releases.served())
    expect(verify(null, Buffer.from(releaseText(release)), key, Buffer.from(release.signature, "base64"))).toBe(true);
});

test("a platform gets its own releases, in the same array as long as they are the same", async () => {
  const mine = releases.for({ arch: "x64", libc: "glibc" });
  expect(mine.map(({ version, name }) => `${version} ${name}`)).toEqual([
    "0.10.0 agent-linux-x64",
    "0.10.0 agent.cjs",
    "0.9.0 agent-linux-x64",
  ]);
  expect(releases.for({ arch: "x64", libc: "musl" }).map(({ name }) => name)).toEqual(["agent.cjs", "agent-linux-x64-musl"]);
  expect([await releases.refresh(), releases.for({ arch: "x64" }) === mine]).toEqual([false, true]);
  await put(join(folder, "releases", "new"), "0.11.0", { "agent-linux-x64": "eleven" });
  expect([await releases.refresh(), releases.for({ arch: "x64" })[0]?.version]).toEqual([true, "0.11.0"]);
});

test("a file that is not what its release.json says, or that has another name, is left out", async () => {
  await put(folder, "0.10.0", { "agent-linux-x64": "ten", "secret.txt": "secret" });
  await writeFile(join(folder, "releases", "old", "agent-linux-x64"), "NINE");
  await writeFile(join(folder, "releases", "broken.json"), "{");
  await releases.refresh();
  expect(names()).toEqual(["0.10.0 agent-linux-x64", "0.9.0 agent-linux-x64-musl"]);
  await writeFile(join(folder, "release.json"), "{");
  await releases.refresh();
  expect(names()).toEqual(["0.9.0 agent-linux-x64-musl"]);
});

test("an agent that shows its JWT gets a release, whole or from a byte on", async () => {
  const jwt = await bearer();
  expect(await get("0.9.0/agent-linux-x64", jwt)).toMatchObject({ status: 200, body: "nine" });
  expect(await get("0.9.0/agent-linux-x64", { ...jwt, range: "bytes=2-" })).toMatchObject({ status: 206, body: "ne" });
  expect((await get("0.9.0/agent-linux-x64", { ...jwt, range: "bytes=4-" })).status).toBe(416);
});

test("nobody else gets any, and nothing else is given", async () => {
  const jwt = await bearer(),
    path = "0.9.0/agent-linux-x64";
  expect((await get(path)).status).toBe(401);
  expect((await get(path, { authorization: "Bearer a.b.c" })).status).toBe(401);
  for (const other of ["0.8.0/agent-linux-x64", "0.9.0/release.json", "0.9.0/../../release.json", "", "0.10.0"])
    expect([other, (await get(other, jwt)).status]).toEqual([other, 404]);
  const revoked = await enrolled(fixture, "web-02"),
    authorization = `Bearer ${String((await proveOver(fixture, revoked)).json["jwt"])}`;
  expect((await get(path, { authorization })).status).toBe(200);
  await fixture.hub.revoke(revoked.agent, "test");
  expect((await get(path, { authorization })).status).toBe(403);
});
