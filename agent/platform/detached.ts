import { spawn } from "node:child_process";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { failure } from "./failure.ts";
import { environment, type ProgramResult } from "./program.ts";
import { sleep } from "./sleep.ts";
import { type ApartOptions, follow, orGivenUp, outputFolder, readLog, type RunApart, unitName } from "./transient.ts";

/**
 * Runs a program where there is no systemd to run it apart: as a process group of its own whose output goes to a file, so that it goes on
 * when the agent ends (one that writes to a pipe of ours would be killed by it). A restarted agent waits for it, then runs it again, which has to be harmless.
 */
export const runDetached: RunApart = async (argv, options) => {
  const place = `${outputFolder}/${unitName(options.step, options.purpose)}`,
    log = `${place}.log`,
    mark = `${place}.pid`;
  await mkdir(outputFolder, { recursive: true, mode: 0o700 });
  await waitForOld(mark, options);
  await rm(log, { force: true });
  const over = new AbortController();
  const ended = start(argv, options, log, mark);
  const following = follow(log, options.progress, over.signal);
  try {
    const code = await orGivenUp(ended, { ...options, signal: AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]) });
    const { text, truncated } = await readLog(log);
    await rm(mark, { force: true });
    return { code, output: text, truncated, timedOut: false } satisfies ProgramResult;
  } finally {
    over.abort();
    await following;
    await rm(log, { force: true });
  }
};

async function start([file = "", ...args]: readonly string[], options: ApartOptions, log: string, mark: string): Promise<number | null> {
  const output = await open(log, "a", 0o600);
  try {
    const child = spawn(file, args, {
      detached: true,
      stdio: ["ignore", output.fd, output.fd],
      env: { ...environment, ...options.env },
      cwd: "/",
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", resolve);
    });
    if (child.pid !== undefined) await writeFile(mark, `${child.pid} ${(await ticksOf(child.pid)) ?? ""}`, { mode: 0o600 });
    return await ended;
  } finally {
    await output.close();
  }
}

async function waitForOld(mark: string, options: ApartOptions): Promise<void> {
  const [pid = "", ticks = ""] = (await readFile(mark, "utf8").catch(() => "")).split(" ");
  if (pid === "" || ticks === "") return;
  for (let told = false; (await ticksOf(Number(pid))) === ticks; told = true) {
    if (!told) options.progress(`${options.purpose} still runs from before: waiting for it`);
    if (options.signal.aborted)
      throw failure("program/still-running", `Unable to wait for ${options.purpose}: process ${pid} still runs`, { retry: "later" });
    await sleep(300, options.signal);
  }
}

/** When a process was started, in ticks since boot (proc(5)): with its id it names one process; undefined where there is none, or it only waits to be collected. */
async function ticksOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? undefined : fields[19];
}
