import { error } from "../../schemas/problem.ts";
import type { Fact } from "../core/model.ts";
import { wrongOutput } from "../hub/probe-output.ts";

/**
 * A fact whose value has the form that its probe promises; one of another form becomes a problem, so that its instance is unknown. What an agent
 * says is its own affair: a wrong answer must not stop the comparison of anything else.
 */
export function checkedFact(fact: Fact): Fact {
  if (fact.value === undefined) return fact;
  const probe = fact.key.slice(0, fact.key.indexOf(" "));
  if (wrongOutput(probe, fact.value) === undefined) return fact;
  const problem = error(
    "agent/bad-answer",
    `Unable to use what ${fact.host} says: its answer to ${probe} has another form than this version knows`,
    {
      retry: "later",
      hint: "Are agent and controller of the same version? See: backend-ai agents",
    },
  );
  return { ...fact, value: undefined, problem };
}
