import { ProblemError, type Problem } from "../../schemas/problem.ts";
import type { Change, Plan, Step } from "../../schemas/plan.ts";
import type { RunEvent, RunState, StepResult } from "../../schemas/run.ts";
import { apply, type Command, newRun, next, type Run } from "../core/run.ts";
import type { RunStore } from "../store/runs.ts";
import type { Agents, Log, Unseal } from "./ports.ts";

export interface ExecuteLimits {
  readonly perHost: number;
  readonly overall: number;
  /** How long a step waits for a host that is not connected, in milliseconds. */
  readonly hostPatienceMs: number;
}

interface ExecutorOptions {
  readonly store: RunStore;
  readonly agents: Agents;
  readonly unseal: Unseal;
  readonly limits: ExecuteLimits;
  readonly unavailable: (resource: string, except: ReadonlySet<string>) => number;
  readonly onProgress: (run: Run, event: RunEvent) => void;
  /** Called once a run is over and its end is in the journal. */
  readonly onEnd: (run: Run) => void;
  readonly log: Log;
  readonly now: () => number;
}

/** Carries runs out: asks the pure reducer what is next, does it, journals what happened before anything follows from it. */
export interface Executor {
  /** `before`: the facts that the plan was made on, by instance; they are journaled, for undo. */
  start(id: string, plan: Plan, by: string, before: Record<string, unknown>): Promise<Run>;
  resume(id: string, plan: Plan, events: readonly RunEvent[]): Run;
  /** An agent's result by the id under which the step went out; resolves once it is journaled. Repeats and unknown runs are fine. */
  onResult(wireId: string, result: StepResult): Promise<void>;
  /** A host connected again: what waits for it is sent again. */
  onOnline(host: string): void;
  cancel(id: string, by: string): Promise<boolean>;
  running(): readonly Run[];
  close(): Promise<void>;
}

/** The id of a step on the wire: unique over all runs, and the same each time it is sent. */
export const wireId = (run: string, step: string, undo: boolean): string => `${run}/${step}${undo ? "!undo" : ""}`;

export function createExecutor(options: ExecutorOptions): Executor {
  const works = new Map<string, Work>();
  const begin = (run: Run): Run => {
    const work = createWork(run, options, () => {
      works.delete(run.id);
      options.onEnd(run);
    });
    works.set(run.id, work);
    work.pump();
    return run;
  };
  return {
    async start(id, plan, by, before) {
      const started = { type: "started", at: new Date(options.now()).toISOString(), by, before } as const;
      await options.store.begin(id, plan.digest, started);
      const run = newRun(id, plan);
      apply(run, started);
      options.onProgress(run, started);
      return begin(run);
    },
    resume(id, plan, events) {
      const run = newRun(id, plan);
      for (const event of events) apply(run, event);
      return begin(run);
    },
    async onResult(wire, result) {
      const slash = wire.indexOf("/"),
        work = works.get(wire.slice(0, slash));
      if (work === undefined) return;
      const undo = wire.endsWith("!undo"),
        step = wire.slice(slash + 1, undo ? -"!undo".length : undefined);
      await work.result(step, undo, result);
    },
    onOnline: (host) => {
      for (const work of works.values()) work.online(host);
    },
    cancel: async (id, by) => (await works.get(id)?.cancel(by)) ?? false,
    running: () => [...works.values()].map((work) => work.run),
    close: async () => {
      await Promise.all([...works.values()].map((work) => work.close()));
    },
  };
}

interface Work {
  readonly run: Run;
  pump(): void;
  result(step: string, undo: boolean, result: StepResult): Promise<void>;
  online(host: string): void;
  cancel(by: string): Promise<boolean>;
  close(): Promise<void>;
}

/** One run at work. `sent` holds what an agent has been given, by command key; `tail` keeps the journal in order. */
function createWork(run: Run, options: ExecutorOptions, ended: () => void): Work {
  const { store, agents, limits, now, log } = options;
  const underWay = new Map<string, string>(),
    perHost = new Map<string, number>(),
    offlineSince = new Map<string, number>();
  let tail: Promise<void> = Promise.resolve(),
    closed = false,
    over = false,
    timer: NodeJS.Timeout | undefined;

  const record = (event: RunEvent, relevant: () => boolean = () => true): Promise<void> => {
    const mine = tail.then(async () => {
      if (closed || !relevant()) return;
      await store.append(run.id, run.events, [event], event.type === "ended" ? endState(run, event) : undefined);
      apply(run, event);
      options.onProgress(run, event);
    });
    tail = mine.catch(() => undefined);
    return mine;
  };
  const at = (): string => new Date(now()).toISOString();
  const take = (key: string, host: string): void => {
    underWay.set(key, host);
    perHost.set(host, (perHost.get(host) ?? 0) + 1);
  };
  const release = (key: string): void => {
    const host = underWay.get(key);
    if (host === undefined) return;
    underWay.delete(key);
    perHost.set(host, (perHost.get(host) ?? 1) - 1);
  };
  const wake = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(pump, Math.max(1, Math.min(ms, 60_000)));
  };
  const guard = (key: string, work: Promise<void>): void =>
    void work.catch((error: unknown) => {
      release(key);
      log.error(
        { run: run.id, key, error: error instanceof Error ? error.message : String(error) },
        "a step of a run could not be carried out; it is tried again",
      );
      wake(1000);
    });

  const send = async (key: string, step: Step, undo: boolean): Promise<void> => {
    if (!agents.isOnline(step.host)) return waitForHost(key, step, undo);
    offlineSince.delete(step.host);
    const act = undo ? { action: step.undo?.action ?? "", input: undoInput(step, run.id) } : { action: step.action, input: step.input };
    const opened = await options.unseal(act.input);
    if (!opened.ok) return finishStep(key, step, undo, { outcome: "failed", problem: opened.problem, ms: 0 });
    await record(
      { type: undo ? "undo-sent" : "step-sent", at: at(), step: step.id },
      () => run.steps.get(step.id)?.state !== (undo ? "undoing" : "sent"),
    );
    if (closed) return;
    const { expect, goal } = undo ? { expect: undefined, goal: undefined } : step;
    try {
      await agents.sendStep(step.host, {
        id: wireId(run.id, step.id, undo),
        action: act.action,
        input: opened.input,
        undo: undo ? null : step.undo,
        timeoutMs: step.timeoutMs,
        ...(expect === undefined ? {} : { expect }),
        ...(goal === undefined ? {} : { goal }),
      });
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problems[0]?.code !== "agent/offline") throw error;
      release(key);
      wake(200);
    }
  };
  const waitForHost = async (key: string, step: Step, undo: boolean): Promise<void> => {
    release(key);
    const since = offlineSince.get(step.host) ?? now();
    offlineSince.set(step.host, since);
    if (now() - since < limits.hostPatienceMs) return wake(5000);
    await finishStep(key, step, undo, { outcome: "failed", ms: now() - since, problem: lost(step.host) });
  };
  const finishStep = async (key: string, step: Step, undo: boolean, result: StepResult): Promise<void> => {
    await record({ type: undo ? "undo-result" : "step-result", at: at(), step: step.id, result });
    release(key);
    pump();
  };
  const validate = async (key: string, host: string, steps: readonly Step[]): Promise<void> => {
    const named = steps.filter((step) => step.validator !== undefined);
    if (named.length > 0 && !agents.isOnline(host)) {
      release(key);
      return wake(1000);
    }
    const answer = named.length === 0 ? { ok: true, results: [] } : await ask(host, steps, options);
    for (const { steps: ids, ok, output } of verdicts(steps, answer))
      await record({ type: "validated", at: at(), host, steps: ids, ok, output });
    release(key);
    pump();
  };
  const check = async (key: string, change: Change): Promise<void> => {
    let ok = true;
    const details: string[] = [];
    for (const health of change.health) {
      const answer = await agents
        .query(change.host, { probe: "health", input: health }, health.withinMs + 10_000)
        .then((value) => value as { ok: boolean; detail: string }, offlineOr);
      if (answer === undefined) {
        release(key);
        return wake(1000);
      }
      details.push(answer.detail);
      if (!answer.ok) {
        ok = false;
        break;
      }
    }
    await record({ type: "health", at: at(), change: change.id, ok, detail: details.join("; ") });
    release(key);
    pump();
  };
  const dispatch = (command: Command): void => {
    if (command.do === "wait") return wake(command.until - now());
    if (command.do === "end") {
      if (over) return;
      over = true;
      void record({ type: "ended", at: at() }).then(ended, (error: unknown) => {
        over = false;
        log.error({ run: run.id, error: String(error) }, "the end of a run could not be journaled; it is tried again");
        wake(1000);
      });
      return;
    }
    const host = command.do === "validate" ? command.host : command.do === "check" ? command.change.host : command.step.host;
    const key =
      command.do === "validate"
        ? `validate ${host}`
        : command.do === "check"
          ? `check ${command.change.id}`
          : `${command.do} ${command.step.id}`;
    if (underWay.has(key) || (perHost.get(host) ?? 0) >= limits.perHost || underWay.size >= limits.overall) return;
    take(key, host);
    if (command.do === "validate") guard(key, validate(key, host, command.steps));
    else if (command.do === "check") guard(key, check(key, command.change));
    else guard(key, send(key, command.step, command.do === "undo"));
  };
  function pump(): void {
    if (closed) return;
    for (const command of next(run, { now: now(), unavailable: options.unavailable })) dispatch(command);
  }
  return {
    run,
    pump,
    async result(step, undo, result) {
      const state = run.steps.get(step)?.state;
      const expected = undo ? state === "undoing" : state === "sent";
      if (expected)
        await record(
          { type: undo ? "undo-result" : "step-result", at: at(), step, result },
          () => run.steps.get(step)?.state === (undo ? "undoing" : "sent"),
        );
      release(`${undo ? "undo" : "send"} ${step}`);
      pump();
    },
    online(host) {
      for (const [key, on] of underWay) if (on === host && (key.startsWith("send ") || key.startsWith("undo "))) release(key);
      pump();
    },
    async cancel(by) {
      await record({ type: "cancelled", at: at(), by });
      pump();
      return true;
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await tail;
    },
  };
}

function endState(run: Run, event: RunEvent): RunState {
  const copy: Run = { ...run };
  apply(copy, event);
  return copy.state;
}

/** An inverse that names its own step means it by the id under which the agent knows it. */
function undoInput(step: Step, run: string): unknown {
  const input = step.undo?.input;
  if (typeof input !== "object" || input === null || (input as Record<string, unknown>)["step"] !== step.id) return input;
  return { ...input, step: wireId(run, step.id, false) };
}

const lost = (host: string): Problem => ({
  code: "agent/offline",
  severity: "error",
  summary: `${host} did not come back in time; whether the step was done is unknown.`,
  hint: "It is planned anew once the host answers.",
  retry: "later",
});

function offlineOr(error: unknown): { ok: boolean; detail: string } | undefined {
  if (error instanceof ProblemError && error.problems[0]?.retry === "later") return undefined;
  return { ok: false, detail: error instanceof Error ? error.message : String(error) };
}

interface Validation {
  readonly ok: boolean;
  readonly results: readonly {
    readonly validator: string;
    readonly paths: readonly string[];
    readonly ok: boolean;
    readonly output: string;
  }[];
}

/** Asks the host to check all candidates together, secrets put in. */
async function ask(host: string, steps: readonly Step[], { agents, unseal }: ExecutorOptions): Promise<Validation> {
  const files: unknown[] = [];
  for (const step of steps) {
    const opened = await unseal(step.input);
    if (!opened.ok)
      return {
        ok: false,
        results: [{ validator: step.validator ?? "", paths: [pathOf(step)], ok: false, output: opened.problem.summary }],
      };
    const { path, content, encoding, format, values } = opened.input as Record<string, unknown>;
    if (step.action === "file.restore" || (step.action === "file.write" && content === undefined)) continue;
    files.push({
      path,
      content,
      encoding,
      format,
      values,
      ...(step.action === "file.remove" ? { remove: true } : {}),
      ...(step.validator === undefined ? {} : { validator: step.validator }),
    });
  }
  return (await agents.query(host, { probe: "validate", input: { files } }, 60_000)) as Validation;
}

const pathOf = (step: Step): string => String((step.input as { path?: unknown }).path ?? "");

/** Steps whose check failed, with its output, and the others. */
function verdicts(steps: readonly Step[], answer: Validation): { steps: string[]; ok: boolean; output: string }[] {
  const failed = answer.results.filter((result) => !result.ok);
  const bad = (step: Step): Validation["results"][number] | undefined =>
    failed.find((result) =>
      step.validator === undefined
        ? result.paths.includes(pathOf(step))
        : step.validator === result.validator && (result.paths.length === 0 || result.paths.includes(pathOf(step))),
    );
  const groups = failed.map((result) => ({
    ok: false,
    output: result.output,
    steps: steps.filter((step) => bad(step) === result).map((step) => step.id),
  }));
  const good = steps.filter((step) => bad(step) === undefined).map((step) => step.id);
  return [...groups.filter((group) => group.steps.length > 0), ...(good.length > 0 ? [{ ok: true, output: "", steps: good }] : [])];
}
