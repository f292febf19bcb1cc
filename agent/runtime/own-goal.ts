import type { Ask } from "../../schemas/contract.ts";
import type { Expectation } from "../../schemas/plan.ts";
import type { StepOrder } from "../../schemas/protocol.ts";
import type { ServiceFact } from "../../schemas/verbs/service.ts";
import type { Looker } from "./looker.ts";
import type { RememberedStep } from "./memory.ts";

type Told = Pick<StepOrder, "goal" | "expect">;

/**
 * What shows that a reload or restart was done whose order names no goal: the trace that the init system keeps of it. So a step that a crash cut off
 * is neither lost nor done twice. Nothing where the unit does not run, or its init system keeps no such trace.
 */
export async function ownGoal({ action, input }: StepOrder, look: Looker, askAbout: (unit: string) => Ask): Promise<Told> {
  if (action !== "service.reload" && action !== "service.restart") return {};
  const ask = askAbout((input as { unit: string }).unit),
    fact = (await look.at(ask)).value as ServiceFact | undefined;
  if (fact?.loads === undefined || fact.active !== "active") return {};
  const fields = { active: "active", ...(action === "service.reload" && fact.reload !== undefined ? { reload: "success" } : {}) };
  return told({ ask, fields, changed: ["loads"] }, fact);
}

/** The same of a step that an earlier life of the agent began. */
export const goalLeft = ({ goal, before }: RememberedStep): Told => (goal === undefined ? {} : told(goal, before));

/** A goal about changes, with the expectation that none of them has come about. */
function told(goal: Expectation, before: unknown): Told {
  const was = (before ?? {}) as Readonly<Record<string, unknown>>;
  const fields = Object.fromEntries((goal.changed ?? []).map((field) => [field, was[field]]));
  return { goal, ...(goal.changed === undefined ? {} : { expect: { ask: goal.ask, fields } }) };
}
