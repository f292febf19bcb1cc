import type { HostSummary } from "../../schemas/api.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import { nearest } from "../../schemas/selector/nearest.ts";

/** Names of the hosts that a request is confined to, each said by its name, an alias or its agent's id. Throws `invalid/target` for one that there is not, and for none at all. */
export function targetsOf(wanted: readonly string[], hosts: readonly HostSummary[]): readonly string[] {
  if (wanted.length === 0)
    throw new ProblemError(
      error("invalid/target", "Unable to take the sentence: targetAgents is empty, so it could concern no host", {
        hint: "Leave targetAgents out for all hosts that the sentence names.",
      }),
    );
  const names = new Map<string, string>();
  for (const { name, aliases, agent } of hosts)
    for (const one of [...aliases, ...(agent === undefined ? [] : [agent])]) names.set(one, name);
  for (const { name } of hosts) names.set(name, name);
  const strange = wanted.filter((one) => !names.has(one));
  if (strange.length > 0)
    throw new ProblemError(
      strange.slice(0, 10).map((one) => {
        const near = nearest(one, [...names.keys()]);
        return error("invalid/target", `Unable to take the sentence: there is no host ${one}`, {
          where: { path: "targetAgents" },
          hint: near === undefined ? "See: backend-ai agents" : `Did you mean ${near}?`,
        });
      }),
    );
  return [...new Set(wanted.map((one) => names.get(one)!))];
}
