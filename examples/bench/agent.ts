import { type ChildProcess, spawn } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { arch, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isInstalled, parseDpkgStatus } from "../../agent/platform/packages/dpkg-status.ts";
import { newKey, saveIdentity } from "../../agent/runtime/identity.ts";
import { readMachine } from "../../agent/runtime/machine.ts";
import { agentEnvironment, nodeOptions } from "../../controller/hub/agent-unit.ts";
import type { Hub } from "../../controller/hub/hub.ts";
import type { Running } from "../../controller/main.ts";
import { startStand } from "../sandbox/stand.ts";
import { median, percentile, type Report } from "./figure.ts";

const dist = fileURLToPath(new URL("../../dist/", import.meta.url));

/** What is measured, with its limit for memory: resident, in bytes. */
const forms = [
  { name: "agent compiled by Bun", file: `agent-linux-${arch()}`, command: (path: string) => [path], memory: 42 },
  { name: "agent bundle on Node", file: "agent.cjs", command: (path: string) => [process.execPath, ...nodeOptions, path], memory: 75 },
] as const;

/** Things that are watched in the second round, as on a usual host: files, and packages where dpkg lists them. */
const watched = { files: 20, packages: 5 };

/** The agent of this machine against a real controller in this process, over TLS: first it is asked what every host is asked, then 25 things more. Nothing is to be done on the machine. */
export async function run(report: Report, scale: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "backend-ai-bench-"));
  const stand = await startStand({ folder, hosts: 0, seed: 1 });
  try {
    const { hub, agentsPort } = stand.running;
    await clear(stand.running);
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
      await measure(report, form, form.command(path), {
        folder: join(folder, form.file),
        hub,
        port: agentsPort,
        quick: scale < 1,
        // Not in the state folder: an agent touches nothing there that manifests name.
        declare: () => declare(stand.running, join(folder, `${form.file}-watched`)),
        clear: () => clear(stand.running),
      });
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
  /** Has things watched that are as they are declared already. */
  declare(): Promise<void>;
  clear(): Promise<void>;
}

const me = { name: "bench", role: "admin" } as const;

/** Nothing is declared: a real machine must not be changed by a benchmark. */
async function clear({ controller }: Running): Promise<void> {
  const edits = ["all", "app", "base", "data", "hosts", "policies", "web"].map((name) => ({ path: `manifests/${name}.yaml`, text: null }));
  await controller.commit(edits, { message: "Nothing", source: "cli" }, me);
}

/** Declares files of a temporary folder and packages of this machine, each as it is; waits until all are known to be so. */
async function declare({ controller }: Running, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const manifest = (kind: string, name: string, spec: readonly string[]): string =>
    [
      `apiVersion: backend-ai/v1`,
      `kind: ${kind}`,
      "metadata:",
      `  name: ${name}`,
      "spec:",
      `  on: "*"`,
      ...spec.map((line) => `  ${line}`),
    ].join("\n");
  const resources: string[] = [manifest("Policy", "all", ["approval: { from: low }"])];
  for (let at = 0; at < watched.files; at++) {
    const path = join(folder, `${at}.conf`);
    await writeFile(path, `setting = ${at}\n`, { mode: 0o644 });
    resources.push(manifest("File", `file-${at}`, [`path: ${path}`, `content: "setting = ${at}\\n"`]));
  }
  for (const name of await installed()) resources.push(manifest("Package", name, []));
  await controller.commit(
    [{ path: "manifests/all.yaml", text: `${resources.join("\n---\n")}\n` }],
    { message: "Watch", source: "cli" },
    me,
  );
  const known = (): boolean => controller.status().instances.inSync === resources.length - 1;
  for (const end = Date.now() + 20_000; !known(); await pause(10))
    if (Date.now() > end) throw new Error(`not everything is as it is declared: ${JSON.stringify(controller.status().instances)}`);
}

/** Some packages that this machine has; none where it has no dpkg. */
async function installed(): Promise<string[]> {
  const entries = parseDpkgStatus(await readFile("/var/lib/dpkg/status", "utf8").catch(() => ""));
  return entries
    .filter((entry) => isInstalled(entry) && /^[a-z0-9-]+$/.test(entry.name))
    .map(({ name }) => name)
    .slice(0, watched.packages);
}

async function measure(
  report: Report,
  { name, memory }: (typeof forms)[number],
  command: readonly string[],
  { folder, hub, port, quick, declare, clear }: Place,
): Promise<void> {
  const config = join(folder, "agent.env"),
    host = name.toLowerCase().replaceAll(" ", "-");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(config, `CONTROLLER_URL=https://127.0.0.1:${port}\nSTATE_DIR=${folder}\nALLOW_VERBS=none\n`, { mode: 0o600 });
  await enrolHere(hub, host, folder);
  const starts: number[] = [];
  let child: ChildProcess | undefined;
  for (let round = 0; round < (quick ? 3 : 7); round++) {
    if (child !== undefined) await ended(child);
    const begun = performance.now();
    child = spawn(command[0]!, [...command.slice(1), "run", "--config", config], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { PATH: process.env["PATH"], ...agentEnvironment },
    });
    await online(hub, host);
    starts.push(performance.now() - begun);
  }
  report(`${name}, start to connected`, median(starts), "ms", { target: 150 });
  const limits = { memory, seconds: quick ? 5 : 60, settle: quick ? 3 : 20 };
  await idle(report, `${name}, idle`, child!.pid!, limits);
  await declare();
  await idle(report, `${name}, idle, 25 things watched`, child!.pid!, limits);
  await ended(child!);
  await clear();
}

/** Lets it come to rest, then looks once a second. What it used is told by the kernel, and so does not depend on what else the machine does. */
async function idle(
  report: Report,
  name: string,
  pid: number,
  { memory, seconds, settle }: { readonly memory: number; readonly seconds: number; readonly settle: number },
): Promise<void> {
  await pause(settle * 1000);
  const used = await cpuMeter(pid),
    begun = performance.now(),
    resident: number[] = [];
  for (let second = 0; second < seconds; second++) {
    await pause(1000);
    resident.push(await residentMiB(pid));
    await used();
  }
  report(name, (await used()) / 1e4 / (performance.now() - begun), "% CPU", { target: 0.1, note: `over ${seconds} s` });
  report(name, median(resident), "MiB resident", { target: memory, note: "median of one look a second" });
  report(`${name}, 9 of 10 looks`, percentile(resident, 90), "MiB resident");
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

/** Adds up the processor time of a process's threads since it was made, in nanoseconds. Asked once a second it misses no more than the last moments of a thread that ended: /proc/PID/task/TID/schedstat is exact, but goes with the thread. */
async function cpuMeter(pid: number): Promise<() => Promise<number>> {
  const read = async (): Promise<Map<string, number>> => {
    const threads = await readdir(`/proc/${pid}/task`);
    const times = threads.map(async (thread): Promise<[string, number]> => {
      const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => "0");
      return [thread, Number(text.split(" ")[0])];
    });
    return new Map(await Promise.all(times));
  };
  let known = await read(),
    sum = 0;
  return async () => {
    const now = await read();
    for (const [thread, ns] of now) sum += Math.max(0, ns - (known.get(thread) ?? 0));
    known = now;
    return sum;
  };
}

async function residentMiB(pid: number): Promise<number> {
  return Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
}
