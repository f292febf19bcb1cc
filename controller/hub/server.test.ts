import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as tlsConnect } from "node:tls";
import { afterEach, beforeEach, expect, test } from "vitest";
import { machineClock } from "./clock.ts";
import { connected, dial, enrolled, type Fixture, fetchPinned, type Reply, startFixture, tokenFor } from "./hub.fixture.ts";
import { enrolCommand } from "./install-script.ts";
import { startAgentServer } from "./server.ts";
import { ownCertificate } from "./server-certificate.ts";
import { nodeOptions } from "./agent-unit.ts";

let fixture: Fixture, dist: string;
beforeEach(async () => {
  dist = await mkdtemp(join(tmpdir(), "dist-"));
  await writeFile(join(dist, "agent-linux-x64"), "the agent");
  await writeFile(join(dist, "agent.cjs"), "the other agent");
  await writeFile(join(dist, "secret.txt"), "not for everybody");
  fixture = await startFixture({ dist });
});
afterEach(async () => {
  await fixture.close();
  await rm(dist, { recursive: true });
});

const get = (path: string): Promise<Reply> => fetchPinned(`${fixture.url}${path}`, fixture.keys.ca);
const post = (path: string, body: unknown): Promise<Reply> => fetchPinned(`${fixture.url}${path}`, fixture.keys.ca, body);
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

test("gives the CA, the agents, and a script that knows their digests and no secret", async () => {
  const token = await tokenFor(fixture),
    script = (await get("/install-agent.sh")).body;
  expect((await get("/agent/v1/ca")).body).toBe(fixture.keys.ca);
  expect((await get("/agent/v1/download/agent-linux-x64")).body).toBe("the agent");
  expect(script).toContain(`agent-linux-x64) echo ${sha256("the agent")} ;;`);
  expect(script).toContain(`agent.cjs) echo ${sha256("the other agent")} ;;`);
  expect(script).toContain(`exec "%s" ${nodeOptions.join(" ")} "$(dirname "$(readlink -f "$0")")/agent.cjs" "$@"`);
  expect(script).toContain("# Starts the Backend AI agent of this host, for its service: start run\n");
  expect(script).toContain("\nEnvironment=MIMALLOC_SCAVENGER=0\n");
  expect(script).toContain("\nexport MIMALLOC_SCAVENGER=0\n");
  expect(script).not.toMatch(/@[A-Z_]+@/);
  expect(script).not.toContain(token);
  expect(execFileSync("sh", ["-n"], { input: script }).toString()).toBe("");
});

test("a newer agent in the folder is offered with its own digest", async () => {
  await get("/install-agent.sh");
  await writeFile(join(dist, "agent-linux-x64"), "a newer agent");
  expect((await get("/install-agent.sh")).body).toContain(sha256("a newer agent"));
});

test("asks systemd for a watchdog only where something can feed it, and not to start wrong settings again", async () => {
  const script = (await get("/install-agent.sh")).body.replace(/\nmain "\$@"\n$/, "\nunit_for_host\n"),
    bin = join(dist, "bin");
  await mkdir(bin);
  for (const name of ["cat", "grep"]) await symlink(`/bin/${name}`, join(bin, name));
  const unit = (): string => execFileSync("/bin/sh", ["-s"], { input: script, env: { PATH: bin } }).toString();
  const without = unit();
  await symlink("/bin/true", join(bin, "systemd-notify"));
  const lines = unit().split("\n"),
    watchdog = ["NotifyAccess=all", "WatchdogSec=60", "WatchdogSignal=SIGKILL"];
  expect(lines.filter((line) => watchdog.includes(line))).toEqual(watchdog);
  expect(lines).toContain("RestartPreventExitStatus=64 78");
  expect(without.split("\n")).toEqual(lines.filter((line) => !watchdog.includes(line)));
});

test("shows a renewed certificate without a restart, and open connections stay", async () => {
  const names = ["localhost", "127.0.0.1"],
    keys = join(fixture.folder, "keys");
  const renewing = await startAgentServer({
    hub: fixture.hub,
    // As time does it: the one there is no longer good, and is made anew.
    certificate: (now) => ownCertificate(keys, names)(now),
    clock: machineClock,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    host: "127.0.0.1",
    port: 0,
    limits: { certificateCheckMs: 20 },
  });
  const shown = async () => {
    const socket = tlsConnect({ port: renewing.port, host: "127.0.0.1", ca: fixture.keys.ca });
    await once(socket, "secureConnect");
    return { socket, serial: socket.getPeerCertificate().serialNumber };
  };
  const before = await shown();
  names.push("new.example");
  await expect
    .poll(async () => {
      const { socket, serial } = await shown();
      socket.destroy();
      return serial === before.serial;
    })
    .toBe(false);
  before.socket.write("GET /agent/v1/ca HTTP/1.1\r\nhost: x\r\n\r\n");
  expect(String((await once(before.socket, "data"))[0])).toMatch(/^HTTP\/1.1 200 /);
  before.socket.destroy();
  await renewing.close();
});

test("sends so many agents at a time and no more", async () => {
  const busy = await startAgentServer({
    hub: fixture.hub,
    certificate: ownCertificate(join(fixture.folder, "keys"), ["127.0.0.1"]),
    clock: machineClock,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    host: "127.0.0.1",
    port: 0,
    dist,
    limits: { downloads: 1 },
  });
  await writeFile(join(dist, "agent-linux-arm64"), Buffer.alloc(64 * 1024 * 1024));
  const path = "/agent/v1/download/",
    ask = (name: string): Promise<number> =>
      fetchPinned(`https://127.0.0.1:${busy.port}${path}${name}`, fixture.keys.ca).then((reply) => reply.status);
  expect(await ask("agent-linux-x64")).toBe(200);
  // One that reads nothing holds the only place, until it goes.
  const slow = tlsConnect({ port: busy.port, host: "127.0.0.1", ca: fixture.keys.ca });
  await once(slow, "secureConnect");
  slow.write(`GET ${path}agent-linux-arm64 HTTP/1.1\r\nhost: x\r\n\r\n`);
  await once(slow, "readable");
  expect(await ask("agent-linux-x64")).toBe(503);
  slow.destroy();
  await expect.poll(() => ask("agent-linux-x64")).toBe(200);
  await busy.close();
});

test.each(["secret.txt", "../secret.txt", "..%2fsecret.txt", "", "agent-linux-x64/.."])(
  "gives nothing else of the folder: %j",
  async (name) => {
    const reply = await get(`/agent/v1/download/${name}`);
    expect([reply.status, reply.json.retry]).toEqual([404, "never"]);
  },
);

test("refuses bodies that are too large, no JSON, or of another form", async () => {
  const code = async (body: unknown) => {
    const reply = await post("/agent/v1/enrol", body);
    return [reply.status, reply.json.code];
  };
  expect(await code("x".repeat(20_000))).toEqual([413, "http/body-size"]);
  expect(await code("{")).toEqual([400, "http/malformed"]);
  expect(await code({ token: 1 })).toEqual([400, "http/invalid"]);
  expect((await get("/agent/v1/enrol")).status).toBe(404);
  expect((await post("/agent/v1/challenge", { agent: "" })).status).toBe(400);
});

test("refuses WebSockets elsewhere, and requests with too long a head", async () => {
  const socket = tlsConnect({ port: fixture.server.port, host: "127.0.0.1", ca: fixture.keys.ca });
  await once(socket, "secureConnect");
  socket.write(`GET /agent/v1/ca HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(20_000)}\r\n\r\n`);
  expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1.1 431 /);
  socket.destroy();
  const other: Fixture = { ...fixture, url: `${fixture.url}/elsewhere` };
  expect(((await dial(other, "x.y.z")) as Reply).status).toBe(404);
});

test("drops connections while too many handshakes are under way, and takes them again afterwards", async () => {
  const options = {
    hub: fixture.hub,
    certificate: ownCertificate(join(fixture.folder, "keys"), ["127.0.0.1"]),
    clock: machineClock,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    host: "127.0.0.1",
  };
  const small = await startAgentServer({ ...options, port: 0, limits: { handshakes: 4 } });
  const idle = [connect(small.port, "127.0.0.1"), connect(small.port, "127.0.0.1")];
  await Promise.all(idle.map((socket) => once(socket, "connect")));
  const url = `https://127.0.0.1:${small.port}/agent/v1/ca`;
  await expect(fetchPinned(url, fixture.keys.ca)).rejects.toThrow(/socket|ECONNRESET/);
  for (const socket of idle) socket.destroy();
  const ask = (): Promise<number> =>
    fetchPinned(url, fixture.keys.ca).then(
      (reply) => reply.status,
      () => ask(),
    );
  expect(await ask()).toBe(200);
  // A handshake that is over does not count: more connections than may shake hands can be open at once.
  const open = await Promise.all(
    [1, 2, 3, 4, 5, 6].map(async () => {
      const socket = tlsConnect({ port: small.port, host: "127.0.0.1", ca: fixture.keys.ca });
      await once(socket, "secureConnect").catch(() => {});
      return socket;
    }),
  );
  await expect.poll(async () => ask()).toBe(200);
  for (const socket of open) socket.destroy();
  await small.close();
});

test("says who has the port", async () => {
  const again = startAgentServer({
    hub: fixture.hub,
    certificate: ownCertificate(join(fixture.folder, "keys"), ["127.0.0.1"]),
    clock: machineClock,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    host: "127.0.0.1",
    port: fixture.server.port,
  });
  await expect(again).rejects.toThrow(`Unable to listen for agents on port ${fixture.server.port}: another program listens there`);
});

test("closes while agents are connected", async () => {
  const guest = await enrolled(fixture, "web-01"),
    line = await connected(fixture, guest);
  await fixture.server.close();
  await expect(get("/agent/v1/ca")).rejects.toThrow("ECONNREFUSED");
  await fixture.hub.close();
  expect((await line.end()).reason).toBe("shutdown");
});

test("the install command carries the CA and the token, neither as an argument, and is good shell", async () => {
  const token = await tokenFor(fixture),
    command = enrolCommand({ url: `${fixture.url}/`, ca: fixture.keys.ca, token });
  expect(execFileSync("sh", ["-n"], { input: command }).toString()).toBe("");
  expect(command).toContain(fixture.keys.ca.trim());
  expect(command.split("\n").filter((line) => line.includes(token))).toEqual([token]);
  expect(() => enrolCommand({ url: "https://x; rm -rf /", ca: "", token })).toThrow(TypeError);
  expect(() => enrolCommand({ url: "http://x", ca: "", token })).toThrow(TypeError);
});

test("the install command gets this controller's script, pinned to its CA", async () => {
  const bin = join(dist, "bin"),
    seen = join(dist, "seen");
  await mkdir(bin);
  // In place of the script's run as root: what would be run, and what it gets.
  await writeFile(join(bin, "sudo"), `#!/bin/sh\ncat "$2" >"${seen}"; cat >>"${seen}"; echo "$*" >>"${seen}"\n`, { mode: 0o755 });
  await writeFile(join(bin, "id"), "#!/bin/sh\necho 1000\n", { mode: 0o755 });
  const token = await tokenFor(fixture),
    other = await startFixture();
  const run = (ca: string) => {
    const command = enrolCommand({ url: fixture.url, ca, token });
    return import("node:child_process").then(
      ({ execFile }) =>
        new Promise<number>((resolve) =>
          execFile("sh", ["-c", command], { env: { PATH: `${bin}:/usr/bin:/bin` } }, (failure) =>
            resolve(failure === null ? 0 : Number(failure.code)),
          ),
        ),
    );
  };
  expect(await run(other.keys.ca)).not.toBe(0);
  await other.close();
  expect(await run(fixture.keys.ca)).toBe(0);
  const text = execFileSync("cat", [seen]).toString(),
    script = (await get("/install-agent.sh")).body;
  expect(text.startsWith(`${script}${token}\n`)).toBe(true);
  expect(text.slice(script.length + token.length + 1)).toMatch(
    new RegExp(`^sh /\\S+/install-agent.sh --url ${fixture.url} --ca /\\S+/ca.pem\n$`),
  );
});
