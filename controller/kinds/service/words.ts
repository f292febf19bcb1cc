import type { Consequence, Undo } from "../../../schemas/contract.ts";
import type { ChangeAct, Difference } from "../../../schemas/plan.ts";
import type { ServiceFact } from "../../../schemas/verbs/service.ts";
import { goalOf, type ServiceSpec, unitOf } from "./spec.ts";
import { dropInNames, needsRestart, restartOnly } from "./steps.ts";

const has = (differences: readonly Difference[], path: string): boolean => differences.some((difference) => difference.path === path);

export function serviceAct(spec: ServiceSpec, _fact: ServiceFact, differences: readonly Difference[]): ChangeAct {
  if (spec.state === "absent") return "delete";
  if (has(differences, "state")) return spec.state === "running" ? "start" : "stop";
  return differences.every(({ path }) => restartOnly(path)) ? "restart" : "update";
}

/** Stopping counts as a restart does: whoever uses the service loses it. Starting disturbs nobody. */
export function serviceConsequence(spec: ServiceSpec, fact: ServiceFact, differences: readonly Difference[]): Consequence {
  const stops = has(differences, "state") && goalOf(spec).active === false;
  return stops || needsRestart(spec, fact, differences) ? "restart" : "none";
}

export function serviceUndo(_spec: ServiceSpec, _fact: ServiceFact, differences: readonly Difference[]): { how: Undo; note: string } {
  const restarted = differences.some(({ path }) => restartOnly(path));
  if (differences.every(({ path }) => restartOnly(path))) return { how: "impossible", note: "a restart cannot be taken back" };
  const back = dropInNames(differences).length > 0 ? "puts the earlier drop-ins and states back" : "puts the earlier state back";
  return {
    how: restarted || dropInNames(differences).length > 0 ? "possible" : "trivial",
    note: restarted ? `${back}; the restart itself cannot be taken back` : back,
  };
}

/** Such as `start nginx.service, enable it at boot`. */
export function describeService(spec: ServiceSpec, fact: ServiceFact, differences: readonly Difference[]): string {
  const unit = unitOf(spec),
    goal = goalOf(spec),
    parts: string[] = [],
    names = dropInNames(differences);
  if (has(differences, "state"))
    parts.push(`${goal.active ? "start" : "stop"} ${unit}${fact.active === "failed" ? ` (failed: ${fact.result ?? "unknown"})` : ""}`);
  if (has(differences, "enabled")) parts.push(`${goal.enabled ? "enable" : "disable"} ${parts.length === 0 ? unit : "it"} at boot`);
  if (names.length > 0)
    parts.push(`change ${names.length === 1 ? "drop-in" : "drop-ins"} ${names.join(", ")}${parts.length === 0 ? ` of ${unit}` : ""}`);
  if (needsRestart(spec, fact, differences)) parts.push(parts.length === 0 ? `restart ${unit}` : "restart it");
  return parts.join(", ");
}
