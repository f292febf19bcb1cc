import type { RunEvent } from "../../schemas/run.ts";
import type { Run } from "../core/run.ts";

/** What the health check of a group said, as the end of a sentence; empty where there was none. */
export const groupHealth = (run: Run, group: string): string => {
  const health = run.changes.get(group)?.health;
  return health === undefined ? "" : `, health: ${health}`;
};

/** Whether something of a group could not be taken back. */
export const undoFailed = (run: Run, group: string): boolean =>
  (run.groups.get(group) ?? []).some((id) =>
    run.changes.get(id)?.change.steps.some((step) => run.steps.get(step.id)?.state === "undo-failed"),
  );

/** How many changes of a run came out how: `3 done, 1 failed`. */
export const countStates = (run: Run): string => {
  const counts = new Map<string, number>();
  for (const record of run.changes.values()) counts.set(record.state, (counts.get(record.state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(", ");
};

/** An event of a run's journal in a line. */
export function progressText(event: RunEvent): string {
  if (event.type === "step-result" || event.type === "undo-result") {
    const { outcome, problem } = event.result;
    return `${event.step}: ${event.type === "undo-result" ? "taken back: " : ""}${outcome}${problem === undefined ? "" : `: ${problem.summary}`}`;
  }
  if (event.type === "validated")
    return `${event.host}: ${event.steps.length} file${event.steps.length === 1 ? "" : "s"} ${event.ok ? "passed the checks" : "refused by a check"}`;
  if (event.type === "held") return `${event.changes.join(", ")} waits: ${event.reason}`;
  if (event.type === "health") return `${event.change}: ${event.ok ? "healthy" : "not healthy"}: ${event.detail}`;
  return "step" in event ? event.step : "by" in event ? `by ${event.by}` : "";
}
