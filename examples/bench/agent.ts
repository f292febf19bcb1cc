import { type ChildProcess, spawn } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { newKey, saveIdentity } from "../../agent/runtime/identity.ts";
import { readMachine } from "../../agent/runtime/machine.ts";
import type { Hub } from "../../controller/hub/hub.ts";
import { startStand } from "../sandbox/stand.ts";
import { median, type Report } from "./figure.ts";

const dist = fileURLToPath(new URL("../../dist/", import.meta.url));

/** What is measured, with its limit for memory: resident, in bytes. */
const forms = [
  { name: "agent compiled by Bun", file: `agent-linux-${arch()}`, command: (path: string) => [path], memory: 42 },
  { name: "agent bundle on Node", file: "agent.cjs", command: (path: string) => [process.execPath, path], memory: 75 },
] as const;

/** The agent of this machine against a real controller in this process, over TLS: it is asked what every host is asked, and nothing is to be done on it. */
export async function run(report: Report, scale: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "backend-ai-bench-"));
  const stand = await startStand({ folder, hosts: 0, seed: 1 });
  try {
    // Nothing is declared: a real machine must not be changed by a benchmark.
    const { controller, hub, agentsPort } = stand.running;
    const edits = ["app", "base", "data", "hosts", "policies", "web"].map((name) => ({ path: `manifests/${name}.yaml`, text: null }));
    await controller.commit(edits, { message: "Nothing", source: "cli" }, { name: "bench", role: "admin" });
    for (const form of forms) {
      const path = join(dist, form.file);
      if (
        !(await access(path).then(
          () => true,
          () => false,
        ))
      ) {
        process.stderr.write(`${form.name}: left out, dist/${form.file} is missing (npm run build:agent)\n`);
        continue;
      }
      await measure(report, form, form.command(path), { folder: join(folder, form.file), hub, port: agentsPort, quick: scale < 1 });
    }
  } finally {
    await stand.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Place {
  readonly folder: string;
  readonly hub: Hub;
  readonly port: number;
  readonly quick: boolean;
}

async function measure(
  report: Report,
  { name, memory }: (typeof forms)[number],
  command: readonly string[],
  { folder, hub, port, quick }: Place,
): Promise<void> {
  const config = join(folder, "agent.env"),
    host = name.toLowerCase().replaceAll(" ", "-");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(config, `CONTROLLER_URL=https://127.0.0.1:${port}\nSTATE_DIR=${folder}\n`, { mode: 0o600 });
  await enrolHere(hub, host, folder);
  const starts: number[] = [];
  let child: ChildProcess | undefined;
  for (let round = 0; round < (quick ? 3 : 7); round++) {
    if (child !== undefined) await ended(child);
    const begun = performance.now();
    child = spawn(command[0]!, [...command.slice(1), "run", "--config", config], { stdio: ["ignore", "ignore", "inherit"] });
    await online(hub, host);
    starts.push(performance.now() - begun);
  }
  report(`${name}, start to connected`, median(starts), "ms", { target: 150 });
  const seconds = quick ? 5 : 30;
  await pause(quick ? 3000 : 10_000);
  const before = await cpuSeconds(child!.pid!);
  await pause(seconds * 1000);
  report(`${name}, idle`, (((await cpuSeconds(child!.pid!)) - before) * 100) / seconds, "% CPU", {
    target: 0.1,
    note: `over ${seconds} s`,
  });
  report(`${name}, idle`, await residentMiB(child!.pid!), "MiB resident", { target: memory });
  await ended(child!);
}

async function enrolHere(hub: Hub, host: string, stateDir: string): Promise<void> {
  const { privateKey, publicKey } = newKey(),
    { machineId, hardwareId } = readMachine();
  const machine = { machineId, ...(hardwareId === undefined ? {} : { hardwareId }) };
  const { token } = await hub.createToken({ ttlMs: 60_000, maxUses: 1, by: "bench", preset: { host } });
  const answer = await hub.enrol({ token, publicKey, hostname: host, ...machine, version: "0.1.0" });
  if ("code" in answer) throw new Error(answer.summary);
  await saveIdentity(stateDir, { ...answer, privateKey, ...machine });
}

async function online(hub: Hub, host: string): Promise<void> {
  for (const end = Date.now() + 20_000; hub.agentOf(host)?.state !== "online"; await pause(1))
    if (Date.now() > end) throw new Error(`${host} did not connect`);
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await gone;
}

/** Processor time of all threads of a process, from /proc/PID/task/TID/schedstat (nanoseconds; the kernel's sched-stats.rst). */
async function cpuSeconds(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const times = await Promise.all(
    threads.map(async (thread) => Number((await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8")).split(" ")[0])),
  );
  return times.reduce((sum, ns) => sum + ns, 0) / 1e9;
}

async function residentMiB(pid: number): Promise<number> {
  return Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
}
