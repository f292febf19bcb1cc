import type { Difference } from "../../../schemas/plan.ts";
import type { ServiceFact } from "../../../schemas/verbs/service.ts";
import type { KindContext } from "../../core/model.ts";
import { textDiff } from "../text-diff.ts";
import { goalOf, type ServiceSpec } from "./spec.ts";

/** One word for how a unit is: running, stopped, failed, starting or stopping. */
export function unitState(fact: ServiceFact): "running" | "stopped" | "failed" | "starting" | "stopping" {
  if (fact.active === "active" || fact.active === "reloading" || fact.active === "refreshing") return "running";
  if (fact.active === "activating") return "starting";
  if (fact.active === "deactivating") return "stopping";
  return fact.active === "failed" ? "failed" : "stopped";
}

export const isRunning = (fact: ServiceFact): boolean => unitState(fact) === "running";

/** Whether the unit file's state is what `enabled` asks for. A generated unit (from an init script) is not compared: systemd cannot tell. */
function isEnabledAs(want: boolean, word: string): boolean {
  if (word === "generated") return true;
  if (want) return word === "enabled" || word === "alias";
  return word !== "enabled" && word !== "enabled-runtime" && word !== "alias";
}

/** What differs, in the order of the spec's fields; a time is compared in the controller's time. */
export function diffService(spec: ServiceSpec, fact: ServiceFact, context: KindContext): Difference[] {
  const goal = goalOf(spec),
    found: Difference[] = [],
    state = unitState(fact);
  if (goal.active !== undefined && goal.active !== (goal.active ? state === "running" : state === "running" || state === "starting"))
    found.push({ path: "state", want: goal.active ? "running" : "stopped", have: state });
  if (goal.enabled !== undefined && !isEnabledAs(goal.enabled, fact.enabled)) found.push(enabledDifference(goal.enabled, fact.enabled));
  for (const name of Object.keys(goal.dropIns).sort()) {
    const want = goal.dropIns[name] ?? undefined,
      have = fact.dropIns?.[name] ?? undefined;
    if (want !== have)
      found.push({
        path: `dropIns.${name}`,
        diff: textDiff(have, want),
        ...(want === undefined ? { note: "removed" } : have === undefined ? { note: "new" } : {}),
      });
  }
  if (isDue(spec, fact) && !found.some(({ path }) => path.startsWith("dropIns."))) found.push(dueDifference(fact.due ?? []));
  const restart = restartDifference(spec, fact, context);
  return restart === undefined ? found : [...found, restart];
}

function enabledDifference(want: boolean, word: string): Difference {
  const plain = word === "enabled" || word === "disabled" || word === "";
  return { path: "enabled", want, have: word === "enabled", ...(plain ? {} : { note: `the unit file is ${word}` }) };
}

/** Whether the unit runs with drop-ins as they were before we changed them: a run that was cut off may have left it so. */
const isDue = (spec: ServiceSpec, fact: ServiceFact): boolean =>
  fact.due !== undefined && fact.due.length > 0 && isRunning(fact) && goalOf(spec).active !== false;

const dueDifference = (names: readonly string[]): Difference => ({
  path: "dropIns",
  want: "in effect",
  have: "changed since the unit started",
  note: [...names].sort().join(", "),
});

/** A start that follows from another difference counts as the restart; so does a moment that has not come. */
function restartDifference(spec: ServiceSpec, fact: ServiceFact, context: KindContext): Difference | undefined {
  if (spec.restartedAt === undefined || goalOf(spec).active === false || !isRunning(fact) || fact.since === undefined) return undefined;
  const wanted = Date.parse(spec.restartedAt),
    since = fact.since + context.host.clockOffset;
  if (since >= wanted || (context.now !== undefined && wanted > context.now)) return undefined;
  return { path: "restartedAt", want: spec.restartedAt, have: new Date(since).toISOString() };
}
