import { maskSecrets } from "../mask.ts";
import { failure, reasonOf } from "../failure.ts";
import { lastLines, runProgram } from "../program.ts";
import { sleep } from "../sleep.ts";
import type { SystemdBus } from "./bus.ts";
import { readUnit } from "./read.ts";

export type JobMethod = "StartUnit" | "StopUnit" | "RestartUnit" | "ReloadUnit" | "ReloadOrRestartUnit";

const verbs: Readonly<Record<JobMethod, string>> = {
  StartUnit: "start",
  StopUnit: "stop",
  RestartUnit: "restart",
  ReloadUnit: "reload",
  ReloadOrRestartUnit: "reload",
};

/** Queues a job for a unit in mode `replace` and waits until systemd says what became of it. Fails with systemd's reason and the unit's last log lines. */
export async function runJob(bus: SystemdBus, method: JobMethod, unit: string, signal: AbortSignal): Promise<void> {
  const results = new Map<string, string>();
  let wake = (): void => undefined;
  let lost = false;
  const stopSignals = bus.onSignal(({ member, body }) => {
    if (member !== "JobRemoved") return;
    results.set(String(body[1]), String(body[3]));
    wake();
  });
  const stopBack = bus.onBack(() => {
    lost = true;
    wake();
  });
  try {
    const job = await bus.call<string>(method, "ss", [unit, "replace"], {}, { timeoutMs: 120_000 }).catch((cause: unknown) => {
      throw failure("service/job", `Unable to ${verbs[method]} ${unit}: ${reasonOf(cause)}`, { cause });
    });
    while (!results.has(job) && !lost) {
      if (signal.aborted)
        throw failure("service/timeout", `Unable to ${verbs[method]} ${unit}: systemd had not finished in time`, {
          detail: await lastLog(unit),
          retry: "later",
        });
      await new Promise<void>((resolve) => {
        wake = resolve;
        void sleep(2000, signal).then(resolve);
      });
      if (!results.has(job) && !lost && !(await jobExists(bus, job))) await sleep(50);
    }
    const result = results.get(job) ?? (await settled(bus, unit, signal));
    if (result === "done" || result === "skipped") return;
    await fail(bus, method, unit, result);
  } finally {
    stopSignals();
    stopBack();
  }
}

async function jobExists(bus: SystemdBus, job: string): Promise<boolean> {
  return bus.call("GetJob", "u", [Number(job.slice(job.lastIndexOf("/") + 1))]).then(
    () => true,
    () => false,
  );
}

/** After a lost connection the job's end was not seen: waits until no job is queued and takes the unit's state for the answer. */
async function settled(bus: SystemdBus, unit: string, signal: AbortSignal): Promise<string> {
  for (;;) {
    const { Job, ActiveState } = await readUnit(bus, unit);
    if (Job[0] === 0) return ActiveState === "failed" ? "failed" : "done";
    if (signal.aborted) return "timeout";
    await sleep(200, signal);
  }
}

async function fail(bus: SystemdBus, method: JobMethod, unit: string, result: string): Promise<never> {
  const state = await readUnit(bus, unit).catch(() => undefined);
  const reasons: Readonly<Record<string, string>> = {
    canceled: "the job was cancelled by another one",
    timeout: "it took longer than the unit allows",
    failed: `the unit is ${state?.ActiveState ?? "unknown"} (${state?.SubState ?? "unknown"})`,
    dependency: "a unit that it needs failed",
    invalid: "the unit cannot do that",
    assert: "an assertion of the unit does not hold",
  };
  throw failure("service/job", `Unable to ${verbs[method]} ${unit}: ${reasons[result] ?? result}`, {
    detail: await lastLog(unit),
    retry: result === "canceled" ? "later" : "never",
  });
}

/** The last lines that a unit logged, secrets masked; empty where the journal cannot be read. */
async function lastLog(unit: string): Promise<string> {
  const argv = ["journalctl", "--no-pager", "--quiet", "--output=short-iso", "--lines=15", "--boot", `--unit=${unit}`];
  const result = await runProgram(argv, { timeoutMs: 3000, maxOutput: 16_384 }).catch(() => undefined);
  return result?.code === 0 ? maskSecrets(lastLines(result.output, 4096)) : "";
}
