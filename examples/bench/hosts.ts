import { existsSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join, resolve } from "node:path";
import { startStage, type Stage } from "../hosts/stage.ts";
import { type Shell, openShell } from "../hosts/shell.ts";
import { declared } from "./hosts-declared.ts";
import { measureDrift } from "./hosts-drift.ts";
import { measureIdle } from "./hosts-idle.ts";
import { measureCommits, measureKills } from "./hosts-serving.ts";
import { type Report, timedOnce } from "./figure.ts";

const program = resolve(import.meta.dirname, "../../dist/agent-linux-x64");

/** What the parts of this benchmark share: hosts with the agent and everything in sync, and a shell on each. */
export interface Bench {
  readonly stage: Stage;
  readonly shells: readonly Shell[];
  readonly report: Report;
  /** Of the sizes: 1 for the ones that targets are for. */
  readonly scale: number;
}

/** Whether this machine can have real hosts; says on standard error why not. */
function able(): boolean {
  const missing =
    process.platform !== "linux" || process.getuid?.() !== 0
      ? "real hosts need root on Linux"
      : existsSync(program)
        ? undefined
        : `${join("dist", "agent-linux-x64")} is missing (npm run build:agent)`;
  if (missing !== undefined) process.stderr.write(`hosts: left out, ${missing}\n`);
  return missing === undefined;
}

/** A controller and ten real systemd hosts on this machine, the compiled agent installed on them as people install it. Takes the lab down however it ends. */
export async function run(report: Report, scale: number): Promise<void> {
  if (!able()) return;
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort(new Error(`given up by ${signal}`)));
  const given = new Promise<never>((_, reject) => stop.signal.addEventListener("abort", () => reject(stop.signal.reason)));
  given.catch(() => undefined);
  const [bootMs, stage] = await timedOnce(() =>
    startStage({ hosts: Math.max(3, Math.round(10 * scale)), settings: "drift:\n  correctionsPerHour: 1000\n", signal: stop.signal }),
  );
  try {
    say(`${stage.hosts.length} installed after ${Math.round(bootMs)} ms`);
    await Promise.race([measure(stage, report, scale), given]);
  } finally {
    await stage.close();
  }
}

/** What this is at, with the load of the machine: figures of a busy one say little. */
const say = (what: string): void =>
  void process.stderr.write(`hosts: ${what}; load ${loadavg()[0]?.toFixed(2)} on ${availableParallelism()} processors\n`);

async function measure(stage: Stage, report: Report, scale: number): Promise<void> {
  await stage.commit(declared({ word: "one", drift: "alert" }));
  await stage.untilInSync();
  const shells = stage.hosts.map(({ name }) => openShell(name)),
    bench: Bench = { stage, shells, report, scale };
  await measureDrift(bench);
  say("drift is measured");
  await measureCommits(bench);
  say("commits are measured");
  await stage.commit(declared({ word: "one", drift: "correct" }));
  await stage.untilInSync();
  await measureKills(bench);
  say("corrections are measured");
  await measureIdle(bench);
  await Promise.all(shells.map((shell) => shell.close()));
}
