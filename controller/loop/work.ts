import type { Change, Step } from "../../schemas/plan.ts";
import { ProblemError } from "../../schemas/problem.ts";
import type { RunEvent, RunState, StepResult } from "../../schemas/run.ts";
import { apply, type Run } from "../core/run.ts";
import { type Command, isDue, next } from "../core/run-next.ts";
import { createAnswers } from "./answers.ts";
import { checkCandidates, verdicts } from "./candidates.ts";
import type { ExecutorOptions } from "./executor-options.ts";
import { checkHealth } from "./check-health.ts";
import { createPatience } from "./patience.ts";
import type { Unseal } from "./ports.ts";
import { lost, silent } from "./step-problems.ts";
import type { Slots } from "./slots.ts";

/** The id of a step on the wire: unique over all runs, and the same each time it is sent. */
export const wireId = (run: string, step: string, undo: boolean): string => `${run}/${step}${undo ? "!undo" : ""}`;

/** One run at work. */
export interface Work {
  readonly run: Run;
  pump(): void;
  result(step: string, undo: boolean, result: StepResult): Promise<void>;
  /** The agent said that it is still at it. */
  progress(step: string, undo: boolean): void;
  online(host: string): void;
  cancel(by: string): Promise<boolean>;
  close(): Promise<void>;
}

/** One run at work. `sent` holds what an agent has been given, by command key; `tail` keeps the journal in order. */
export function createWork(run: Run, options: ExecutorOptions & { readonly unseal: Unseal }, slots: Slots, ended: () => void): Work {
  const { store, agents, now, log } = options;
  const underWay = new Map<string, string>(),
    doneAt = new Map<string, number>(),
    patience = createPatience(options.limits.hostPatienceMs, now),
    answers = createAnswers(options.limits.answerGraceMs ?? 60_000);
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
      if (event.type === "step-result" || event.type === "health") noteDone(event.type === "health" ? event.change : event.step);
      options.onProgress(run, event);
    });
    tail = mine.catch(() => undefined);
    return mine;
  };
  const noteDone = (id: string): void => {
    const change = run.steps.get(id)?.change ?? id;
    if (run.changes.get(change)?.doneAt !== undefined) doneAt.set(change, performance.now());
  };
  /** What was done before the controller was restarted is known by the wall clock alone; one that was set back since says nothing. */
  const since = (change: string): number => {
    const mine = doneAt.get(change);
    return mine === undefined ? Math.max(0, now() - (run.changes.get(change)?.doneAt ?? 0)) : performance.now() - mine;
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
    if (!opened.ok)
      return finishStep(key, step, undo, {
        outcome: opened.outdated === true && !undo ? "refused" : "failed",
        problem: opened.problem,
        ms: 0,
      });
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
    if (underWay.has(key)) answers.expect(key, step.timeoutMs, (tries) => unanswered(key, step, undo, tries));
  };
  /** Lost on the way, or within the agent: the same step again, which the agent answers from memory where it did it. At last it counts as failed. */
  const unanswered = (key: string, step: Step, undo: boolean, tries: number): void => {
    if (closed || !underWay.has(key)) return;
    log.warn({ run: run.id, key, host: step.host, tries }, "a step was not answered in time");
    if (tries >= mostTries && agents.isOnline(step.host))
      return guard(key, finishStep(key, step, undo, { outcome: "failed", ms: 0, problem: silent(step.host, tries) }));
    release(key);
    pump();
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
    answers.drop(key);
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
    const health = await checkHealth(run, change, options);
    if (health.away && mayWait(key, change.host)) return;
    if (!health.away) patience.rest(change.host);
    const { ok, detail } = health.away ? { ok: false, detail: `${change.host} did not come back in time` } : health;
    await record({ type: "health", at: at(), change: change.id, ok, detail });
    release(key);
    pump();
  };
  const dispatch = (command: Command): void => {
    if (command.do === "wait") return wake(command.until - now());
    if (command.do === "hold") return hold(command.change, command.reason);
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
  const hold = (change: string, reason: string): void =>
    void record({ type: "held", at: at(), changes: [change], reason }, () => run.changes.get(change)?.state === "waiting")
      .then(pump)
      .catch((error: unknown) => {
        log.error({ run: run.id, change, error: String(error) }, "a change that waits could not be journaled; it is tried again");
        wake(1000);
      });
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
    for (const command of next(run, { now: now(), unavailable: options.unavailable, closed: options.closed, since })) {
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
      answers.drop(`${undo ? "undo" : "send"} ${step}`);
      if (expected)
        await record(
          { type: undo ? "undo-result" : "step-result", at: at(), step, result },
          () => run.steps.get(step)?.state === (undo ? "undoing" : "sent"),
        );
      release(`${undo ? "undo" : "send"} ${step}`);
      pump();
    },
    progress: (step, undo) => answers.heard(`${undo ? "undo" : "send"} ${step}`),
    online(host) {
      for (const [key, on] of underWay)
        if (on === host && (key.startsWith("send ") || key.startsWith("undo "))) {
          answers.drop(key);
          release(key);
        }
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
      answers.close();
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

/** How often a step is sent over one connection before it is given up. */
const mostTries = 3;
