import { ProblemError, type Problem } from "../../schemas/problem.ts";
import type { Change, Plan, Step } from "../../schemas/plan.ts";
import type { RunEvent, RunState, StepResult } from "../../schemas/run.ts";
import { apply, type Command, isDue, newRun, next, type Run } from "../core/run.ts";
import type { RunStore } from "../store/runs.ts";
import { createPatience } from "./patience.ts";
import { checkCandidates, verdicts } from "./candidates.ts";
import type { Agents, Log, Unseal } from "./ports.ts";
import { createSlots, type Slots } from "./slots.ts";

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
  /** Called when a run is over, before its end is journaled: again where that fails. */
  readonly beforeEnd: (run: Run) => Promise<void>;
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
  /** The result of a host's agent by the id under which the step went out; resolves once it is journaled. Repeats, unknown runs and steps of other hosts are fine: nothing follows from them. */
  onResult(host: string, wireId: string, result: StepResult): Promise<void>;
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
  const slots = createSlots(options.limits, () => {
    for (const work of works.values()) work.pump();
  });
  const begin = (run: Run): Run => {
    const work = createWork(run, options, slots, () => {
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
    async onResult(host, wire, result) {
      const slash = wire.indexOf("/"),
        work = works.get(wire.slice(0, slash));
      if (work === undefined) return;
      const undo = wire.endsWith("!undo"),
        step = wire.slice(slash + 1, undo ? -"!undo".length : undefined);
      if (work.run.steps.get(step)?.step.host !== host)
        return options.log.warn({ host, wire }, "a host answered for a step that is not its own; the answer was dropped");
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
function createWork(run: Run, options: ExecutorOptions, slots: Slots, ended: () => void): Work {
  const { store, agents, now, log } = options;
  const underWay = new Map<string, string>(),
    patience = createPatience(options.limits.hostPatienceMs, now);
  let tail: Promise<void> = Promise.resolve(),
    closed = false,
    over = false,
    timer: NodeJS.Timeout | undefined,
    wakesAt = Number.POSITIVE_INFINITY;

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
  const release = (key: string): void => {
    const host = underWay.get(key);
    if (host === undefined) return;
    underWay.delete(key);
    slots.release(host);
  };
  /** Looks again after so long at the latest; an earlier look that is planned stays. */
  const wake = (ms: number): void => {
    const at = performance.now() + Math.max(1, Math.min(ms, 60_000));
    if (closed || wakesAt <= at) return;
    clearTimeout(timer);
    wakesAt = at;
    timer = setTimeout(() => {
      wakesAt = Number.POSITIVE_INFINITY;
      pump();
    }, at - performance.now());
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
    if (!agents.isOnline(step.host)) {
      if (mayWait(key, step.host)) return;
      return finishStep(key, step, undo, { outcome: "failed", ms: 0, problem: lost(step.host) });
    }
    const act = undo ? { action: step.undo?.action ?? "", input: undoInput(step, run.id) } : { action: step.action, input: step.input };
    const opened = await options.unseal(act.input);
    if (!opened.ok) return finishStep(key, step, undo, { outcome: "failed", problem: opened.problem, ms: 0 });
    await record(
      { type: undo ? "undo-sent" : "step-sent", at: at(), step: step.id },
      () => isDue(run, step.id, undo) && run.steps.get(step.id)?.state !== (undo ? "undoing" : "sent"),
    );
    if (closed) return;
    // While the secrets were put in, its answer may have come, or its change may have ended.
    if (!isDue(run, step.id, undo)) {
      release(key);
      return pump();
    }
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
      const [problem] = error instanceof ProblemError ? error.problems : [];
      if (problem === undefined) throw error;
      if (problem.retry === "later" && mayWait(key, step.host)) return;
      return finishStep(key, step, undo, { outcome: "failed", ms: 0, problem });
    }
    patience.rest(step.host);
  };
  /** Whether a host that does not answer may have more time; it is looked at again then. */
  const mayWait = (key: string, host: string): boolean => {
    if (!patience.lasts(host)) return false;
    release(key);
    wake(5000);
    return true;
  };
  const finishStep = async (key: string, step: Step, undo: boolean, result: StepResult): Promise<void> => {
    await record({ type: undo ? "undo-result" : "step-result", at: at(), step: step.id, result }, () => isDue(run, step.id, undo));
    release(key);
    pump();
  };
  const validate = async (key: string, host: string, steps: readonly Step[]): Promise<void> => {
    const named = steps.filter((step) => step.validator !== undefined);
    if (named.length > 0 && !agents.isOnline(host)) {
      if (mayWait(key, host)) return;
      for (const step of steps)
        await record({ type: "step-result", at: at(), step: step.id, result: { outcome: "failed", ms: 0, problem: lost(host) } }, () =>
          isDue(run, step.id, false),
        );
      release(key);
      return pump();
    }
    const answer = named.length === 0 ? { ok: true, results: [] } : await checkCandidates(host, steps, options);
    patience.rest(host);
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
        if (mayWait(key, change.host)) return;
        details.push(`${change.host} did not come back in time`);
        ok = false;
        break;
      }
      patience.rest(change.host);
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
      const end = async (): Promise<void> => {
        await options.beforeEnd(run);
        await record({ type: "ended", at: at() });
        if (run.endedAt !== undefined) ended();
      };
      void end().catch((error: unknown) => {
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
    if (underWay.has(key) || !slots.take(host)) return;
    underWay.set(key, host);
    if (command.do === "validate") guard(key, validate(key, host, command.steps));
    else if (command.do === "check") guard(key, check(key, command.change));
    else guard(key, send(key, command.step, command.do === "undo"));
  };
  let due = false;
  /** Once a turn of the event loop, however many answers came in it: what is next is asked of everything at work. */
  function pump(): void {
    if (closed || due) return;
    due = true;
    setImmediate(() => {
      due = false;
      look();
    });
  }
  function look(): void {
    // With every place taken there is nothing to begin; whatever gives one up asks again.
    if (closed || slots.full()) return;
    for (const command of next(run, { now: now(), unavailable: options.unavailable })) {
      dispatch(command);
      if (slots.full()) return;
    }
  }
  return {
    run,
    pump,
    async result(step, undo, result) {
      const state = run.steps.get(step)?.state;
      const expected = undo ? state === "undoing" : state === "sent";
      patience.rest(run.steps.get(step)?.step.host ?? "");
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
      for (const key of underWay.keys()) release(key);
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
