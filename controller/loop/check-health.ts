import type { Change } from "../../schemas/plan.ts";
import { ProblemError } from "../../schemas/problem.ts";
import type { Run } from "../core/run.ts";
import type { Agents } from "./ports.ts";

/** What the checks of a change came to; `away`: the host did not answer. */
export type Health = { readonly away: true } | { readonly away: false; readonly ok: boolean; readonly detail: string };

/** Asks a change's host for each of its checks, until one fails. `isDown`: whether the unit of an instance is known not to run. */
export async function checkHealth(
  run: Run,
  change: Change,
  { agents, isDown }: { readonly agents: Pick<Agents, "query">; readonly isDown: (instance: string) => boolean },
): Promise<Health> {
  if (startsLater(run, change) && isDown(change.id))
    return { away: false, ok: true, detail: "it does not run yet: its start follows, and is checked then" };
  const details: string[] = [];
  for (const health of change.health) {
    const answer = await agents
      .query(change.host, { probe: "health", input: health }, health.withinMs + 10_000)
      .then((value) => value as { ok: boolean; detail: string }, offlineOr);
    if (answer === undefined) return { away: true };
    details.push(answer.detail);
    if (!answer.ok) return { away: false, ok: false, detail: details.join("; ") };
  }
  return { away: false, ok: true, detail: details.join("; ") };
}

/** A reload of what was only just installed: where the package started it, it loads what was written since; where not, its start is predicted. */
const startsLater = (run: Run, { id, act }: Change): boolean => act === "reload" && run.plan.later.some((later) => later.id === id);

function offlineOr(error: unknown): { ok: boolean; detail: string } | undefined {
  if (error instanceof ProblemError && error.problems[0]?.retry === "later") return undefined;
  return { ok: false, detail: error instanceof Error ? error.message : String(error) };
}
