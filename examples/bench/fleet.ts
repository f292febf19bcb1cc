import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Identity, newKey } from "../../agent/runtime/identity.ts";
import type { Running } from "../../controller/main.ts";
import { pretendFleet } from "../sandbox/fleet.ts";
import { machineIdOf } from "../sandbox/pretend-agent.ts";
import { startStand } from "../sandbox/stand.ts";
import type { Report } from "./figure.ts";

const me = { name: "bench", role: "admin" } as const;
const agentsProgram = fileURLToPath(new URL("./fleet-agents.ts", import.meta.url));

const policy = `apiVersion: backend-ai/v1
kind: Policy
metadata:
  name: all
spec:
  on: "*"
  approval: { from: never }
`;
const manifest = (word: string): string => `apiVersion: backend-ai/v1
kind: File
metadata:
  name: bench
spec:
  on: "*"
  path: /etc/bench.conf
  content: |
    ${word}
`;

/** One controller in this process, all agents in another: what the agents cost the controller, and what one commit for all of them takes. */
export async function run(report: Report, scale: number): Promise<void> {
  const count = Math.max(50, Math.round(5000 * scale)),
    name = `${count} agents`;
  const folder = await mkdtemp(join(tmpdir(), "backend-ai-bench-"));
  const stand = await startStand({ folder, hosts: 0, seed: 1 });
  let agents: ChildProcess | undefined;
  try {
    const { controller, agentsPort } = stand.running;
    const nothing = ["app", "base", "data", "hosts", "policies", "web"].map((file) => ({ path: `manifests/${file}.yaml`, text: null }));
    await controller.commit([...nothing, { path: "manifests/all.yaml", text: policy }], { message: "Nothing", source: "cli" }, me);
    const file = join(folder, "identities.json"),
      begun = performance.now();
    await writeFile(file, JSON.stringify({ hosts: count, identities: await enrolAll(stand.running, count) }), { mode: 0o600 });
    report(`${name}, enrolled`, (performance.now() - begun) / 1000, "s");
    agents = fork(agentsProgram, [file, `https://127.0.0.1:${agentsPort}`], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    await once(agents, "message");
    const before = await memory();
    const connecting = performance.now(),
      used = process.cpuUsage();
    agents.send("connect");
    await until(() => controller.status().hosts.online === count);
    report(`${name}, all connected`, (performance.now() - connecting) / 1000, "s", {
      target: Math.max(2, 30 * scale),
      note: "agents share the processors with the controller",
    });
    const { user: connectUser, system: connectSystem } = process.cpuUsage(used);
    report(`${name}, all connected: processor time of the controller`, (connectUser + connectSystem) / 1e6, "s");
    await quiet();
    const after = await memory();
    report(`${name}, memory of the controller for each`, (after.rss - before.rss) / count / 1024, "KiB resident", { target: 90 });
    const idle = process.cpuUsage();
    await pause(5000);
    const { user, system } = process.cpuUsage(idle);
    report(`${name}, controller when idle`, (user + system) / 50_000, "% CPU");
    for (const [word, what] of [
      ["first", "a new file on all"],
      ["second", "a change of it"],
    ] as const) {
      const start = performance.now(),
        run = process.cpuUsage();
      await controller.commit([{ path: "manifests/bench.yaml", text: manifest(word) }], { message: what, source: "cli" }, me);
      await until(() => {
        const { instances, running } = controller.status();
        return instances.inSync === count && running.length === 0;
      });
      report(`${name}, ${what}: commit to converged`, (performance.now() - start) / 1000, "s", { target: Math.max(2, 30 * scale) });
      report(`${name}, ${what}: processor time of the controller`, (process.cpuUsage(run).user + process.cpuUsage(run).system) / 1e6, "s");
    }
  } finally {
    agents?.kill("SIGKILL");
    await stand.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function enrolAll({ hub }: Running, count: number): Promise<Identity[]> {
  const { token } = await hub.createToken({ ttlMs: 3_600_000, maxUses: count, by: "bench" });
  const identities: Identity[] = [];
  for (const { host } of pretendFleet({ hosts: count, seed: 1 }).hosts) {
    const { privateKey, publicKey } = newKey(),
      machineId = machineIdOf(host);
    const answer = await hub.enrol({ token, publicKey, hostname: host.name, machineId, version: "0.1.0" });
    if ("code" in answer) throw new Error(answer.summary);
    identities.push({ ...answer, privateKey, machineId });
  }
  return identities;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(50);
}

/** Waits until this process has had little to do for two seconds: what the agents report at first is taken in. */
async function quiet(): Promise<void> {
  for (let still = 0; still < 2; ) {
    const before = process.cpuUsage();
    await pause(1000);
    const { user, system } = process.cpuUsage(before);
    still = user + system < 200_000 ? still + 1 : 0;
  }
}

async function memory(): Promise<{ rss: number; heap: number }> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await pause(100);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}
