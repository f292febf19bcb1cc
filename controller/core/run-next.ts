import type { Change, Step } from "../../schemas/plan.ts";
import { type ChangeRecord, isOver, type Run } from "./run.ts";

/** What a run wants done next. The same command comes again until its event is applied: whoever carries it out keeps what is under way. */
export type Command =
  | { readonly do: "send"; readonly step: Step }
  | { readonly do: "undo"; readonly step: Step }
  | { readonly do: "validate"; readonly host: string; readonly steps: readonly Step[] }
  | { readonly do: "check"; readonly change: Change }
  | { readonly do: "wait"; readonly until: number }
  /** A freeze or a closed window: this change may not begin any more. */
  | { readonly do: "hold"; readonly change: string; readonly reason: string }
  | { readonly do: "end" };

/** What is asked before a change begins. */
export interface RunEnvironment {
  readonly now: number;
  /** Milliseconds since a change of this run was done, by a clock that nobody sets. */
  readonly since: (change: string) => number;
  /** How many of a resource's other hosts are down at this moment. */
  readonly unavailable: (resource: string, except: ReadonlySet<string>) => number;
  /** Why the change may not begin now; undefined: it may. */
  readonly closed: (change: Change) => string | undefined;
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
    const held =
      record.state === "waiting" ? (stopped(run, record, environment) ?? holdBack(run, record, underWay, environment)) : undefined;
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

/** Why a change may not begin at all in this run. What belongs together and has begun goes on: a file that was replaced is loaded, checked, or taken back. */
function stopped(run: Run, { change }: ChangeRecord, { closed }: RunEnvironment): Command | undefined {
  const reason = belongsToBegun(run, change) ? undefined : closed(change);
  return reason === undefined ? undefined : { do: "hold", change: change.id, reason };
}

/** Whether something of its group has begun, or of a group that needs it to get to its end. */
function belongsToBegun(run: Run, first: Change): boolean {
  const seen = new Set<string>(),
    open = [first];
  for (let change = open.pop(); change !== undefined; change = open.pop()) {
    if (seen.has(change.id)) continue;
    seen.add(change.id);
    if ((run.groups.get(change.group) ?? []).some((id) => !untouched.has(run.changes.get(id)?.state ?? "waiting"))) return true;
    for (const { id, weak } of run.followers.get(change.id) ?? []) {
      const next = run.changes.get(id)?.change;
      // The next batch of a rollout waits for this one, and is none of its business.
      if (next !== undefined && !weak && next.host === first.host) open.push(next);
    }
  }
  return false;
}

const untouched: ReadonlySet<string> = new Set(["waiting", "skipped"]);

/** Why a change of a rollout may not begin yet: the pause after the batch before, or too many of the resource's hosts are down. */
function holdBack(run: Run, record: ChangeRecord, underWay: Map<string, Set<string>>, environment: RunEnvironment): Command | undefined {
  const { change } = record,
    { rollout } = change;
  if (rollout === undefined) return undefined;
  const finished = change.needs.filter((id) => run.changes.get(id)?.doneAt !== undefined).map(environment.since);
  const left = rollout.batch > 0 && finished.length > 0 ? rollout.pauseMs - Math.min(...finished) : 0;
  if (left > 0) return { do: "wait", until: environment.now + left };
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
    if (record === undefined || isOver(record.state) || record.state === "rolling-back") continue;
    for (const step of record.change.steps)
      if (step.action.startsWith("file.") && run.steps.get(step.id)?.state === "waiting" && !run.validated.has(step.id)) found.push(step);
  }
  return found;
}
