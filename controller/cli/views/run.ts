import { splitInstance } from "../../../schemas/ids.ts";
import type { RunView } from "../../../schemas/run.ts";
import type { RunListed } from "../client.ts";
import type { Paint } from "../paint.ts";
import { count } from "./hosts-text.ts";
import { shortId } from "./plan.ts";
import { problemView } from "./problem.ts";
import { tableView } from "./table.ts";
import { durationText, timeText } from "./time.ts";

const styleOf = (state: string): "good" | "bad" | "change" | "info" =>
  state === "succeeded" || state === "done"
    ? "good"
    : state === "running" || state === "checking"
      ? "info"
      : state === "waiting" || state === "skipped" || state === "partial" || state === "cancelled"
        ? "change"
        : "bad";

/** Runs, newest first. */
export const runsView = (runs: readonly RunListed[], paint: Paint): string =>
  tableView(
    ["RUN", "STATE", "STARTED", "TOOK", "APPROVED BY", "PLAN"],
    runs.map((run) => [run.id, paint(styleOf(run.state), run.state), timeText(run.startedAt), tookText(run), run.by, shortId(run.digest)]),
    paint,
    "No runs yet.",
  );

const tookText = ({ startedAt, endedAt }: { readonly startedAt: string; readonly endedAt?: string | undefined }): string =>
  endedAt === undefined ? "" : durationText(Date.parse(endedAt) - Date.parse(startedAt));

/** One run: each change with its steps, and what went wrong. */
export function runView(run: RunView, paint: Paint): string {
  const rows = run.changes.map((change) => {
    const { resource, host } = splitInstance(change.id),
      ms = change.steps.reduce((sum, step) => sum + (step.ms ?? 0), 0);
    return [host, resource, paint(styleOf(change.state), change.state), ms > 0 ? durationText(ms) : "", change.summary];
  });
  return [
    paint("bold", `Run ${run.id} of plan ${shortId(run.digest)}, approved by ${run.by}`),
    tableView(["HOST", "RESOURCE", "STATE", "STEPS TOOK", "WHAT"], rows, paint, "Nothing to do."),
    ...failures(run, paint),
    runSummary(run, paint),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** What went wrong in a run, change by change. */
export function failures(run: RunView, paint: Paint): string[] {
  return run.changes.flatMap((change) => {
    const problems = change.steps.flatMap((step) =>
      step.problem === undefined ? [] : [`${paint("bold", step.id)} ${step.action} ${step.state}: ${problemView(step.problem, paint)}`],
    );
    const sick =
      change.health !== undefined && change.state !== "done" ? [`${paint("bold", change.id)} is not healthy: ${change.health}`] : [];
    return [...problems, ...sick];
  });
}

/** The last line of a run: how it ended, with how many changes in which state. */
export function runSummary(run: RunView, paint: Paint): string {
  const states = new Map<string, number>();
  for (const { state } of run.changes) states.set(state, (states.get(state) ?? 0) + 1);
  const parts = [...states].map(([state, n]) => `${n} ${state}`),
    took = tookText(run);
  return `${paint("bold", `Run ${run.id}`)} ${paint(styleOf(run.state), run.state)}${took === "" ? "" : ` in ${took}`}: ${count(run.changes.length, "change")}${parts.length === 0 ? "" : ` (${parts.join(", ")})`}.`;
}
