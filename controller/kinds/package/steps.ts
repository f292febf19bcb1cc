import { act, ask, type Ask } from "../../../schemas/contract.ts";
import type { Difference } from "../../../schemas/plan.ts";
import { type PackageFact, packageProbe, packageSet, packageUpgrade } from "../../../schemas/verbs/package.ts";
import type { PlannedStep } from "../../core/model.ts";
import { nameOf, type PackageSpec } from "./spec.ts";

/** Half an hour: a package manager at work is waited for, then downloads and scripts take their time. */
const timeoutMs = 1_800_000;

export const askPackage = (spec: PackageSpec): Ask => ask(packageProbe, subject(spec));

const subject = (spec: PackageSpec) => ({ name: nameOf(spec), ...(spec.manager === undefined ? {} : { manager: spec.manager }) });

/** One step: installed, brought to a version, upgraded, or removed. */
export function packageSteps(spec: PackageSpec, fact: PackageFact, differences: readonly Difference[]): PlannedStep[] {
  const paths = new Set(differences.map(({ path }) => path));
  if (spec.state === "absent") return [removeStep(spec, fact)];
  return paths.has("state") || paths.has("version") ? [installStep(spec, fact)] : [upgradeStep(spec, fact)];
}

/** A glob is resolved to the version that the sources offer; without a version the package manager takes its newest. */
function installStep(spec: PackageSpec, fact: PackageFact): PlannedStep {
  const exact = spec.version === undefined ? undefined : spec.version.includes("*") ? fact.candidate : spec.version;
  const version = exact === undefined ? {} : { version: exact };
  const { expect, goal } = about(spec, read(fact), { installed: true, ...version });
  return {
    ...act(packageSet, { ...subject(spec), state: "present", ...version }),
    expect,
    goal: fact.broken === true ? { ...goal, changed: ["broken"] } : goal,
    undo: fact.broken === true ? null : fact.installed ? back(spec, fact) : act(packageSet, { ...subject(spec), state: "absent" }),
    timeoutMs,
  };
}

/** What was upgraded can be told by the moment alone: the newest version may be the one that is there. */
function upgradeStep(spec: PackageSpec, fact: PackageFact): PlannedStep {
  const last = fact.upgradedAt === undefined ? {} : { upgradedAt: fact.upgradedAt };
  return {
    ...act(packageUpgrade, subject(spec)),
    expect: { ask: askPackage(spec), fields: { ...read(fact), ...last } },
    goal: { ask: askPackage(spec), fields: { installed: true }, changed: ["upgradedAt"] },
    undo: back(spec, fact),
    timeoutMs,
  };
}

function removeStep(spec: PackageSpec, fact: PackageFact): PlannedStep {
  const purge = spec.purge === undefined ? {} : { purge: spec.purge };
  return {
    ...act(packageSet, { ...subject(spec), state: "absent", ...purge }),
    ...about(spec, read(fact), { installed: false }),
    undo: spec.purge === true || fact.broken === true ? null : back(spec, fact),
    timeoutMs,
  };
}

const back = (spec: PackageSpec, fact: PackageFact) =>
  act(packageSet, { ...subject(spec), state: "present", ...(fact.version === undefined ? {} : { version: fact.version }) });

const read = (fact: PackageFact) => ({ installed: fact.installed, ...(fact.version === undefined ? {} : { version: fact.version }) });

const about = (spec: PackageSpec, expected: Record<string, unknown>, goal: Record<string, unknown>) => ({
  expect: { ask: askPackage(spec), fields: expected },
  goal: { ask: askPackage(spec), fields: goal },
});
