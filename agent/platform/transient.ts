import { createHash } from "node:crypto";
import { mkdir, open, rm } from "node:fs/promises";
import { failure } from "./failure.ts";
import { type ProgramResult, runProgram } from "./program.ts";
import { sleep } from "./sleep.ts";

/** Runs programs that must outlive the agent. Under systemd each gets a transient unit of its own; elsewhere see detached.ts. */
export type RunApart = (argv: readonly string[], options: ApartOptions) => Promise<ProgramResult>;

/** What a program is run apart for, and who watches it. */
export interface ApartOptions {
  /** What the program is run for: one unit per step and purpose. */
  readonly step: string;
  readonly purpose: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
  readonly timeoutMs: number;
}

/** Where the output of programs that run apart is while they run. */
export const outputFolder = "/run/backend-ai-steps";
const maxOutput = 1_048_576;

/** Name of the unit in which a step's program runs: the same after a restart of the agent. */
export const unitName = (step: string, purpose: string): string =>
  `backend-ai-step-${createHash("sha256").update(`${step}\0${purpose}`).digest("hex").slice(0, 20)}.service`;

/**
 * Runs a program in a transient unit, outside of the agent's sandbox, memory limit and life: its output goes to a file, so that nothing breaks when the agent goes.
 * A unit of this name that still runs, from before the agent was restarted, is waited for first; the program is then run again, which has to be harmless.
 */
export const runInUnit: RunApart = async (argv, options) => {
  const unit = unitName(options.step, options.purpose);
  await mkdir(outputFolder, { recursive: true, mode: 0o700 });
  const log = `${outputFolder}/${unit}.log`;
  await waitForOld(unit, options);
  await rm(log, { force: true });
  await runProgram(["systemctl", "reset-failed", "--quiet", unit], { timeoutMs: 10_000 });
  const settings = Object.entries(options.env).map(([name, value]) => `--setenv=${name}=${value}`);
  const command = [
    "systemd-run",
    "--quiet",
    "--wait",
    "--collect",
    `--unit=${unit}`,
    `--description=backend-ai: ${options.purpose}`,
    "--property=StandardInput=null",
    `--property=StandardOutput=append:${log}`,
    `--property=StandardError=append:${log}`,
    `--property=RuntimeMaxSec=${Math.ceil(options.timeoutMs / 1000) + 60}`,
    "--property=OOMPolicy=continue",
    "--property=KillMode=mixed",
    ...settings,
    "--",
    ...argv,
  ];
  const over = new AbortController();
  const following = follow(log, options.progress, over.signal);
  // No abort signal here: a package manager that is killed half-way leaves a broken host. What takes too long is given up on, and goes on.
  const running = runProgram(command, { timeoutMs: options.timeoutMs + 120_000 });
  try {
    const result = await orGivenUp(running, options);
    const { text, truncated } = await readLog(log);
    return { ...result, output: text === "" ? result.output : text, truncated };
  } finally {
    over.abort();
    await following;
    await rm(log, { force: true });
  }
};

/** What is run, unless the signal comes first: then it goes on, and `program/still-running` is thrown. */
export async function orGivenUp<T>(running: Promise<T>, options: ApartOptions): Promise<T> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    const stop = (): void =>
      reject(
        failure(
          "program/still-running",
          `Unable to wait for ${options.purpose}: it had not finished in time and goes on in ${unitName(options.step, options.purpose)}`,
          { retry: "later" },
        ),
      );
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    running.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

async function waitForOld(unit: string, options: ApartOptions): Promise<void> {
  for (let told = false; await isRunning(unit); told = true) {
    if (!told) options.progress(`${options.purpose} still runs from before: waiting for it`);
    if (options.signal.aborted)
      throw failure("program/still-running", `Unable to wait for ${options.purpose}: ${unit} still runs`, { retry: "later" });
    await sleep(300, options.signal);
  }
}

async function isRunning(unit: string): Promise<boolean> {
  const result = await runProgram(["systemctl", "show", "--property=ActiveState", "--value", unit], { timeoutMs: 10_000 });
  return ["active", "activating", "deactivating"].includes(result.output.trim());
}

/** The end of an output file, at most 1 MiB. */
export async function readLog(path: string): Promise<{ text: string; truncated: boolean }> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return { text: "", truncated: false };
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - maxOutput);
    const bytes = Buffer.alloc(size - start);
    await file.read(bytes, 0, bytes.length, start);
    return { text: bytes.toString("utf8"), truncated: start > 0 };
  } finally {
    await file.close();
  }
}

/** Tells the lines that a growing file gets, a few times a second. */
export async function follow(path: string, onLine: (line: string) => void, until: AbortSignal): Promise<void> {
  let at = 0;
  let rest = "";
  while (!until.aborted) {
    await sleep(200, until);
    const file = await open(path, "r").catch(() => undefined);
    if (file === undefined) continue;
    const chunk = Buffer.alloc(65_536);
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at).finally(() => file.close());
    at += bytesRead;
    const lines = (rest + chunk.toString("utf8", 0, bytesRead)).split("\n");
    rest = (lines.pop() ?? "").slice(-4096);
    for (const line of lines) if (line.trim() !== "") onLine(line.trim().slice(0, 1000));
  }
}
