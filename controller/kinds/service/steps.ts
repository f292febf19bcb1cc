import { act, ask, type Ask } from "../../../schemas/contract.ts";
import type { Difference, Expectation } from "../../../schemas/plan.ts";
import type { ActionInput } from "../../../schemas/verbs/index.ts";
import { type ServiceFact, serviceProbe, serviceRestart, serviceSet } from "../../../schemas/verbs/service.ts";
import type { PlannedStep } from "../../core/model.ts";
import { isRunning } from "./diff.ts";
import { goalOf, type ServiceSpec, unitOf } from "./spec.ts";

/** Units may take 90 s to start and as long to stop before systemd gives up. */
const timeoutMs = 240_000;

/** What the agent has to look at: the unit, with the texts of the drop-ins that the spec names. */
export function askService(spec: ServiceSpec): Ask {
  const names = Object.keys(spec.dropIns ?? {}).sort();
  return ask(serviceProbe, { unit: unitOf(spec), ...(names.length === 0 ? {} : { dropIns: names }) });
}

export const dropInNames = (differences: readonly Difference[]): string[] =>
  differences.filter(({ path }) => path.startsWith("dropIns.")).map(({ path }) => path.slice("dropIns.".length));

/** Whether the unit runs now, goes on running, and has to be restarted for the differences. */
export function needsRestart(spec: ServiceSpec, fact: ServiceFact, differences: readonly Difference[]): boolean {
  if (!isRunning(fact) || goalOf(spec).active === false) return false;
  return dropInNames(differences).length > 0 || differences.some(({ path }) => path === "restartedAt" || path === "dropIns");
}

/** Differences that a restart alone puts right. */
export const restartOnly = (path: string): boolean => path === "restartedAt" || path === "dropIns";

/** One `service.set` for everything that can be set, then a restart where the running unit needs it. */
export function serviceSteps(spec: ServiceSpec, fact: ServiceFact, differences: readonly Difference[]): PlannedStep[] {
  const steps = differences.some(({ path }) => !restartOnly(path)) ? [setStep(spec, fact, differences)] : [];
  return needsRestart(spec, fact, differences) ? [...steps, restartStep(spec, fact, dropInNames(differences).length > 0)] : steps;
}

type SetInput = ActionInput<"service.set">;

/** A unit that was stopped may end as failed, by the exit code of its program: its goal is only that it no longer is as it was. */
function setStep(spec: ServiceSpec, fact: ServiceFact, differences: readonly Difference[]): PlannedStep {
  const unit = unitOf(spec),
    goal = goalOf(spec),
    paths = new Set(differences.map(({ path }) => path)),
    names = dropInNames(differences);
  const input: SetInput = { unit },
    undo: SetInput = { unit },
    read: Record<string, unknown> = {},
    wanted: Record<string, unknown> = {},
    changed: string[] = [];
  if (paths.has("state") && goal.active !== undefined) {
    [input.active, undo.active] = [goal.active, isRunning(fact)];
    read.active = fact.active;
    if (goal.active) wanted.active = "active";
    else changed.push("active");
  }
  if (paths.has("enabled") && goal.enabled !== undefined) {
    [input.enabled, undo.enabled] = [goal.enabled, !goal.enabled];
    [read.enabled, wanted.enabled] = [fact.enabled, goal.enabled ? "enabled" : "disabled"];
  }
  if (names.length > 0) {
    const before = fact.dropIns ?? {};
    input.dropIns = Object.fromEntries(names.map((name) => [name, goal.dropIns[name] ?? null]));
    undo.dropIns = Object.fromEntries(names.map((name) => [name, before[name] ?? null]));
    [read.dropIns, wanted.dropIns] = [before, { ...before, ...input.dropIns }];
  }
  return {
    ...act(serviceSet, input),
    expect: about(spec, { fields: read }),
    goal: about(spec, { fields: wanted, ...(changed.length === 0 ? {} : { changed }) }),
    undo: act(serviceSet, undo),
    timeoutMs,
  };
}

/** A restart cannot be taken back; where it made drop-ins take effect, another one makes the earlier ones take effect again. */
function restartStep(spec: ServiceSpec, fact: ServiceFact, forDropIns: boolean): PlannedStep {
  const start = fact.invocation === undefined ? "since" : "invocation",
    restart = act(serviceRestart, { unit: unitOf(spec) });
  return {
    ...restart,
    expect: about(spec, { fields: { [start]: fact[start] } }),
    goal: about(spec, { fields: { active: "active" }, changed: [start] }),
    undo: forDropIns ? restart : null,
    timeoutMs,
  };
}

const about = (spec: ServiceSpec, what: Omit<Expectation, "ask">): Expectation => ({ ask: askService(spec), ...what });
