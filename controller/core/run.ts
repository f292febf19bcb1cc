import type { Change, Plan, Step } from "../../schemas/plan.ts";
import { mayHaveChanged, undoOrder } from "./run-rollback.ts";
import type { ChangeState, RunEvent, RunState, StepResult, StepState } from "../../schemas/run.ts";

/** A step of a run and what became of it so far. */
export interface StepRecord {
  readonly step: Step;
  readonly change: string;
  state: StepState;
  result?: StepResult;
}

/** A change of a run and what became of it so far. */
export interface ChangeRecord {
  readonly change: Change;
  state: ChangeState;
  /** How many of `needs` and `after` are not over yet. */
  waitsFor: number;
  health?: string;
  /** Why it was not begun: a freeze, or a window that closed. */
  held?: string;
  doneAt?: number;
}

/** One execution of a plan: the fold of its journal. Only `apply` changes it. */
export interface Run {
  readonly id: string;
  readonly plan: Plan;
  state: RunState;
  by: string;
  startedAt: string;
  endedAt?: string;
  cancelled: boolean;
  /** Facts that the plan was made on, by instance. */
  before: ReadonlyMap<string, unknown>;
  /** Number of events applied: the next one's place in the journal. */
  events: number;
  readonly steps: Map<string, StepRecord>;
  readonly changes: Map<string, ChangeRecord>;
  /** Steps whose candidates passed their validators, or have none. */
  readonly validated: Set<string>;
  /** Changes that may work now, in plan order. */
  readonly active: Set<string>;
  readonly followers: Map<string, { id: string; weak: boolean }[]>;
  readonly rollbacks: Map<string, string[]>;
  readonly groups: Map<string, string[]>;
  readonly byHost: Map<string, string[]>;
  open: number;
}

/** A run before its first event. */
export function newRun(id: string, plan: Plan): Run {
  const run: Run = {
    id,
    plan,
    state: "running",
    by: "",
    startedAt: "",
    cancelled: false,
    before: new Map(),
    events: 0,
    steps: new Map(),
    changes: new Map(),
    validated: new Set(),
    active: new Set(),
    followers: new Map(),
    rollbacks: new Map(),
    groups: new Map(),
    byHost: new Map(),
    open: plan.changes.length,
  };
  for (const change of plan.changes) {
    for (const step of change.steps) run.steps.set(step.id, { step, change: change.id, state: "waiting" });
    append(run.groups, change.group, change.id);
    append(run.byHost, change.host, change.id);
    run.changes.set(change.id, { change, state: "waiting", waitsFor: 0 });
  }
  for (const record of run.changes.values()) {
    const { change } = record;
    for (const id of change.needs) if (run.changes.has(id)) follow(run, id, change.id, false, record);
    for (const id of change.after) if (run.changes.has(id) && !change.needs.includes(id)) follow(run, id, change.id, true, record);
    if (record.waitsFor === 0) run.active.add(change.id);
  }
  return run;
}

const append = <V>(map: Map<string, V[]>, key: string, value: V): void => void (map.get(key)?.push(value) ?? map.set(key, [value]));

function follow(run: Run, before: string, after: string, weak: boolean, record: ChangeRecord): void {
  append(run.followers, before, { id: after, weak });
  record.waitsFor += 1;
}

/** Applies one event of the journal. */
export function apply(run: Run, event: RunEvent): void {
  run.events += 1;
  switch (event.type) {
    case "started":
      run.by = event.by;
      run.startedAt = event.at;
      run.before = new Map(Object.entries(event.before ?? {}));
      return;
    case "step-sent":
      return setStep(run, event.step, "sent");
    case "step-result":
      return stepResult(run, event.step, event.result, Date.parse(event.at));
    case "validated":
      return validated(run, event.steps, event.ok, event.output);
    case "health":
      return health(run, event.change, event.ok, event.detail, Date.parse(event.at));
    case "undo-sent":
      return setStep(run, event.step, "undoing");
    case "undo-result":
      return undone(run, event.step, event.result);
    case "cancelled":
      run.cancelled = true;
      for (const record of run.changes.values()) if (record.state === "waiting") skip(run, record);
      return;
    case "held":
      return hold(run, event.changes, event.reason);
    case "ended":
      run.endedAt = event.at;
      run.state = verdict(run);
  }
}

function setStep(run: Run, id: string, state: StepState): void {
  const record = run.steps.get(id);
  if (record === undefined) return;
  record.state = state;
  const change = run.changes.get(record.change);
  if (change?.state === "waiting") change.state = "running";
}

function stepResult(run: Run, id: string, result: StepResult, at: number): void {
  const record = run.steps.get(id),
    owner = run.changes.get(record?.change ?? "");
  if (record === undefined || owner === undefined || record.state === "done") return;
  record.state = result.outcome;
  record.result = result;
  if (owner.state === "rolling-back") return leaveOut(run, owner, record);
  if (isOver(owner.state)) return;
  if (result.outcome !== "done") return fail(run, owner);
  if (owner.change.steps.some((step) => run.steps.get(step.id)?.state !== "done")) return;
  if (owner.change.health.length > 0) owner.state = "checking";
  else finish(run, owner, at);
}

function validated(run: Run, steps: readonly string[], ok: boolean, output: string): void {
  for (const id of steps) {
    const record = run.steps.get(id),
      owner = run.changes.get(record?.change ?? "");
    if (record === undefined || owner === undefined) continue;
    if (ok) run.validated.add(id);
    else if (record.state === "waiting" && isOver(owner.state) === false) {
      record.state = "failed";
      const problem = {
        code: "file/invalid",
        severity: "error",
        summary: `The ${record.step.validator ?? "named"} check refuses the file; the one in place was left alone.`,
        detail: output,
        retry: "never",
      } as const;
      record.result = { outcome: "failed", problem, ms: 0 };
      fail(run, owner);
    }
  }
}

function health(run: Run, id: string, ok: boolean, detail: string, at: number): void {
  const record = run.changes.get(id);
  if (record === undefined || record.state !== "checking") return;
  record.health = detail;
  if (ok) finish(run, record, at);
  else fail(run, record);
}

function finish(run: Run, record: ChangeRecord, at: number): void {
  record.doneAt = at;
  close(run, record, "done");
}

/** Whether nothing more follows of a change by itself. */
export const isOver = (state: ChangeState): boolean => ["done", "failed", "rolled-back", "skipped"].includes(state);

/** Ends a change and lets those go on that waited for it; strict followers of one that is not done are skipped. */
function close(run: Run, record: ChangeRecord, state: "done" | "failed" | "rolled-back" | "skipped"): void {
  const before = record.state;
  record.state = state;
  run.active.delete(record.change.id);
  if (isOver(before) || before === "rolling-back") return;
  run.open -= 1;
  release(run, record, state === "done");
}

function release(run: Run, record: ChangeRecord, done: boolean): void {
  for (const follower of run.followers.get(record.change.id) ?? []) {
    const next = run.changes.get(follower.id);
    if (next === undefined || next.state !== "waiting") continue;
    next.waitsFor -= 1;
    if (!done && !follower.weak) {
      if (record.held !== undefined) next.held = record.held;
      skip(run, next);
    } else if (next.waitsFor === 0) run.active.add(follower.id);
  }
}

function skip(run: Run, record: ChangeRecord): void {
  for (const step of record.change.steps) setStepIf(run, step.id, "waiting", "skipped");
  close(run, record, "skipped");
}

/** Changes that may not begin any more, with what needs them. */
function hold(run: Run, ids: readonly string[], reason: string): void {
  for (const id of ids) {
    const record = run.changes.get(id);
    if (record?.state !== "waiting") continue;
    record.held = reason;
    skip(run, record);
  }
}

const setStepIf = (run: Run, id: string, from: StepState, to: StepState): void => {
  const record = run.steps.get(id);
  if (record?.state === from) record.state = to;
};

/** An answer that came while its group goes back: what was not done has nothing to take back. */
function leaveOut(run: Run, owner: ChangeRecord, record: StepRecord): void {
  if (record.state !== "done" && !mayHaveChanged(record)) dropUndo(run, owner.change.group, record.step.id);
}

/** A change that failed: its group goes back where it is to roll back and something was done; else it just ends, and what of its group has not begun never does. */
function fail(run: Run, record: ChangeRecord): void {
  const { change } = record;
  if (isOver(record.state) || record.state === "rolling-back") return;
  for (const step of change.steps) setStepIf(run, step.id, "waiting", "skipped");
  const together = change.onFailure === "rollback",
    undo = together ? undoOrder(run, change.group) : [];
  if (undo.length === 0) {
    close(run, record, "failed");
    for (const id of together ? (run.groups.get(change.group) ?? []) : []) {
      const member = run.changes.get(id);
      if (member?.state === "waiting") skip(run, member);
    }
    return;
  }
  for (const id of run.groups.get(change.group) ?? []) {
    const member = run.changes.get(id);
    if (member === undefined) continue;
    for (const step of member.change.steps) setStepIf(run, step.id, "waiting", "skipped");
    if (member.state === "waiting") skip(run, member);
    else if (member.state !== "skipped") {
      if (!isOver(member.state)) {
        run.open -= 1;
        release(run, member, false);
      }
      member.state = "rolling-back";
      run.active.delete(id);
    }
  }
  run.rollbacks.set(change.group, undo);
  run.open += 1;
}

function undone(run: Run, id: string, result: StepResult): void {
  const record = run.steps.get(id);
  if (record === undefined) return;
  record.state = result.outcome === "done" ? "undone" : "undo-failed";
  if (result.problem !== undefined) record.result = result;
  dropUndo(run, run.changes.get(record.change)?.change.group ?? "", id);
}

/** Takes a step off the list of what its group still has to take back; with the last one the group is back. */
function dropUndo(run: Run, group: string, id: string): void {
  const before = run.rollbacks.get(group);
  if (before === undefined) return;
  const left = before.filter((step) => step !== id);
  run.rollbacks.set(group, left);
  if (left.length > 0) return;
  run.rollbacks.delete(group);
  run.open -= 1;
  for (const member of run.groups.get(group) ?? []) {
    const change = run.changes.get(member);
    if (change?.state !== "rolling-back") continue;
    const failed = change.change.steps.some((step) => run.steps.get(step.id)?.state === "undo-failed");
    change.state = failed ? "failed" : "rolled-back";
  }
}

/** How a run came out. */
function verdict(run: Run): RunState {
  const states = new Set([...run.changes.values()].map((record) => record.state));
  if (run.cancelled) return "cancelled";
  if (states.has("rolled-back")) return "rolled-back";
  const failed = [...run.steps.values()].some((record) => record.state === "failed" || record.state === "undo-failed");
  if (failed || [...run.changes.values()].some((record) => record.state === "failed" && record.health !== undefined)) return "failed";
  return states.has("failed") || states.has("skipped") ? "partial" : "succeeded";
}
