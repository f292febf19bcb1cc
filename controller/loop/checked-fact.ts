import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { error } from "../../schemas/problem.ts";
import { probes } from "../../schemas/verbs/index.ts";
import type { Fact } from "../core/model.ts";

const ajv = new Ajv2020({ strict: true, strictTypes: false });
const compiled = new Map<string, ValidateFunction>();

/**
 * A fact whose value has the form that its probe promises; one of another form becomes a problem, so that its instance is unknown. What an agent
 * says is its own affair: a wrong answer must not stop the comparison of anything else.
 */
export function checkedFact(fact: Fact): Fact {
  if (fact.value === undefined) return fact;
  const probe = fact.key.slice(0, fact.key.indexOf(" "));
  if (validatorOf(probe)?.(fact.value) === true) return fact;
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

function validatorOf(probe: string): ValidateFunction | undefined {
  if (!Object.hasOwn(probes, probe)) return undefined;
  let validate = compiled.get(probe);
  if (validate === undefined) compiled.set(probe, (validate = ajv.compile(probes[probe as keyof typeof probes].output)));
  return validate;
}
