import type { Step } from "../../schemas/plan.ts";
import type { ChangeRecord, Run, StepRecord } from "./run.ts";

/** A failed step that is taken back all the same: a reload has to happen again, and of a host that went away nobody knows what it did. */
export const mayHaveChanged = ({ step, state, result }: StepRecord): boolean =>
  state === "failed" && (reloads(step) || result?.problem?.retry === "later");

/** Steps to take back: files first, latest first; then the group's own reload or restart, so that the unit loads what was put back. */
export function undoOrder(run: Run, group: string): string[] {
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
