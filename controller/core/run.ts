import type { Change, Plan, Step } from "../../schemas/plan.ts";
import type { ChangeState, RunEvent, RunState, StepResult, StepState } from "../../schemas/run.ts";

interface StepRecord {
  readonly step: Step;
  readonly change: string;
  state: StepState;
  result?: StepResult;
}

interface ChangeRecord {
  readonly change: Change;
  state: ChangeState;
  /** How many of `needs` and `after` are not over yet. */
  waitsFor: number;
  health?: string;
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

/** What a run wants done next. The same command comes again until its event is applied: whoever carries it out keeps what is under way. */
export type Command =
  | { readonly do: "send"; readonly step: Step }
  | { readonly do: "undo"; readonly step: Step }
  | { readonly do: "validate"; readonly host: string; readonly steps: readonly Step[] }
  | { readonly do: "check"; readonly change: Change }
  | { readonly do: "wait"; readonly until: number }
  | { readonly do: "end" };

/** What the rules of a rollout look at: how many of a resource's other hosts are down at this moment. */
export interface RunEnvironment {
  readonly now: number;
  readonly unavailable: (resource: string, except: ReadonlySet<string>) => number;
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
  if (over(owner.state)) return;
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
    else if (record.state === "waiting" && over(owner.state) === false) {
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

const over = (state: ChangeState): boolean => ["done", "failed", "rolled-back", "skipped"].includes(state);

/** Ends a change and lets those go on that waited for it; strict followers of one that is not done are skipped. */
function close(run: Run, record: ChangeRecord, state: "done" | "failed" | "rolled-back" | "skipped"): void {
  const before = record.state;
  record.state = state;
  run.active.delete(record.change.id);
  if (over(before) || before === "rolling-back") return;
  run.open -= 1;
  release(run, record, state === "done");
}

function release(run: Run, record: ChangeRecord, done: boolean): void {
  for (const follower of run.followers.get(record.change.id) ?? []) {
    const next = run.changes.get(follower.id);
    if (next === undefined || next.state !== "waiting") continue;
    next.waitsFor -= 1;
    if (!done && !follower.weak) skip(run, next);
    else if (next.waitsFor === 0) run.active.add(follower.id);
  }
}

function skip(run: Run, record: ChangeRecord): void {
  for (const step of record.change.steps) setStepIf(run, step.id, "waiting", "skipped");
  close(run, record, "skipped");
}

const setStepIf = (run: Run, id: string, from: StepState, to: StepState): void => {
  const record = run.steps.get(id);
  if (record?.state === from) record.state = to;
};

/** An answer that came while its group goes back: what was not done has nothing to take back. */
function leaveOut(run: Run, owner: ChangeRecord, record: StepRecord): void {
  if (record.state !== "done" && !mayHaveChanged(record)) dropUndo(run, owner.change.group, record.step.id);
}

/** A failed step that is taken back all the same: a reload has to happen again, and of a host that went away nobody knows what it did. */
const mayHaveChanged = ({ step, state, result }: StepRecord): boolean =>
  state === "failed" && (reloads(step) || result?.problem?.retry === "later");

/** A change that failed: its group goes back where it is to roll back and something was done; else it just ends, and what of its group has not begun never does. */
function fail(run: Run, record: ChangeRecord): void {
  const { change } = record;
  if (over(record.state) || record.state === "rolling-back") return;
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
      if (!over(member.state)) {
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

/** Steps to take back: files first, latest first; then the group's own reload or restart, so that the unit loads what was put back. */
function undoOrder(run: Run, group: string): string[] {
  const members = (run.groups.get(group) ?? []).flatMap((id) => run.changes.get(id) ?? []);
  const undoable = (record: ChangeRecord): string[] =>
    record.change.steps
      .filter((step) => {
        const done = run.steps.get(step.id);
        return step.undo !== null && done !== undefined && (done.state === "done" || done.state === "sent" || mayHaveChanged(done));
      })
      .map((step) => step.id)
      .reverse();
  const others = members
    .filter((record) => record.change.id !== group)
    .reverse()
    .flatMap(undoable);
  const own = members.filter((record) => record.change.id === group).flatMap(undoable);
  const again = own.filter((id) => reloads(run.steps.get(id)?.step)),
    back = own.filter((id) => !again.includes(id));
  return others.length + back.length === 0 ? [] : [...others, ...back, ...again];
}

/** A step whose inverse is to do it once more, with what was put back. */
const reloads = (step: Step | undefined): boolean =>
  (step?.action === "service.reload" || step?.action === "service.restart") && step.undo?.action === step.action;

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

/** Whether a step may go out at this moment: it waits for its turn or for its answer, and nothing has ended its change. */
export function isDue(run: Run, id: string, undo: boolean): boolean {
  const record = run.steps.get(id),
    owner = run.changes.get(record?.change ?? "");
  if (record === undefined || owner === undefined || run.endedAt !== undefined) return false;
  const undoing = run.rollbacks.get(owner.change.group)?.includes(id) === true;
  if (undo) return undoing && record.state !== "sent";
  return record.state === "sent" || (record.state === "waiting" && (owner.state === "waiting" || owner.state === "running"));
}

/** The commands that a run gives now. Cost: the changes at work, not all of the plan. */
export function next(run: Run, environment: RunEnvironment): Command[] {
  if (run.endedAt !== undefined) return [];
  if (run.open === 0) return [{ do: "end" }];
  const commands: Command[] = [];
  for (const steps of run.rollbacks.values()) {
    // What an agent still works on is not taken back under its hands: its answer comes first.
    const first = steps.find((id) => run.steps.get(id)?.state === "sent") ?? steps[0],
      record = run.steps.get(first ?? "");
    if (record !== undefined) commands.push({ do: record.state === "sent" ? "send" : "undo", step: record.step });
  }
  const underWay = new Map<string, Set<string>>();
  for (const id of run.active) {
    const record = run.changes.get(id),
      rollout = record?.change.rollout;
    if (rollout !== undefined && record?.state !== "waiting") hostsOf(underWay, rollout.resource).add(record?.change.host ?? "");
  }
  for (const id of run.active) {
    const record = run.changes.get(id);
    if (record === undefined) continue;
    const held = record.state === "waiting" ? holdBack(run, record, underWay, environment) : undefined;
    const command = held ?? commandOf(run, record);
    if (command !== undefined) commands.push(command);
  }
  return commands;
}

const hostsOf = (map: Map<string, Set<string>>, key: string): Set<string> => {
  const known = map.get(key) ?? new Set<string>();
  map.set(key, known);
  return known;
};

/** Why a change of a rollout may not begin yet: the pause after the batch before, or too many of the resource's hosts are down. */
function holdBack(run: Run, record: ChangeRecord, underWay: Map<string, Set<string>>, environment: RunEnvironment): Command | undefined {
  const { change } = record,
    { rollout } = change;
  if (rollout === undefined) return undefined;
  const finished = change.needs.flatMap((id) => run.changes.get(id)?.doneAt ?? []);
  const resume = rollout.batch > 0 && finished.length > 0 ? Math.max(...finished) + rollout.pauseMs : 0;
  if (resume > environment.now) return { do: "wait", until: resume };
  const mine = hostsOf(underWay, rollout.resource);
  const down = environment.unavailable(rollout.resource, new Set([...mine, change.host]));
  if (mine.size + down + 1 > rollout.maxUnavailable) return { do: "wait", until: environment.now + 1000 };
  mine.add(change.host);
  return undefined;
}

function commandOf(run: Run, record: ChangeRecord): Command | undefined {
  if (record.state === "checking") return { do: "check", change: record.change };
  for (const step of record.change.steps) {
    const state = run.steps.get(step.id)?.state;
    if (state === "done") continue;
    if (state === "sent") return { do: "send", step };
    if (state !== "waiting") return undefined;
    if (step.action.startsWith("file.") && !run.validated.has(step.id))
      return { do: "validate", host: step.host, steps: candidates(run, step.host) };
    return { do: "send", step };
  }
  return undefined;
}

/** All file steps of a host that are still to come: they are checked together, as they will be. */
function candidates(run: Run, host: string): Step[] {
  const found: Step[] = [];
  for (const id of run.byHost.get(host) ?? []) {
    const record = run.changes.get(id);
    if (record === undefined || over(record.state) || record.state === "rolling-back") continue;
    for (const step of record.change.steps)
      if (step.action.startsWith("file.") && run.steps.get(step.id)?.state === "waiting" && !run.validated.has(step.id)) found.push(step);
  }
  return found;
}
