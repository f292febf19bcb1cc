import { act, ask } from "../../../schemas/contract.ts";
import type { Difference } from "../../../schemas/plan.ts";
import type { Owned } from "../../../schemas/verbs/host.ts";
import { type PackageFact, packageProbe, packageSet } from "../../../schemas/verbs/package.ts";
import type { PlannedStep } from "../../core/model.ts";
import { defineKind, type Finding } from "../define.ts";
import { diffPackage, matchesVersion } from "./diff.ts";
import { nameOf, PackageSpec } from "./spec.ts";
import { askPackage, packageSteps } from "./steps.ts";

const has = (differences: readonly Difference[], path: string): boolean => differences.some((difference) => difference.path === path);

/** A package that is there or not, in a version or any, brought up to date after a moment or not. */
export const packageKind = defineKind({
  kind: "Package",
  summary: "A package that is there or not, its version, and when it was last upgraded",
  spec: PackageSpec,
  probe: packageProbe,
  complete: (spec, name) => ({ ...spec, name: spec.name ?? name, state: spec.state ?? "present" }),
  check: checkPackage,
  claims: (spec) => [`package:${nameOf(spec)}`],
  observe: (spec) => askPackage(spec),
  changing: (fact) => (fact.changing === true ? "a package manager is at work" : undefined),
  blocked: (spec, fact) => blockedPackage(spec, fact),
  diff: diffPackage,
  steps: (spec, fact, differences) => packageSteps(spec, fact, differences),
  act(spec, fact) {
    if (spec.state === "absent") return "delete";
    if (fact.broken === true) return "update";
    return fact.installed ? "upgrade" : "create";
  },
  consequence(spec, fact) {
    if (spec.state === "absent") return spec.purge === true ? "data-loss" : "restart";
    return fact.installed || fact.broken === true ? "restart" : "none";
  },
  undo(spec, fact) {
    if (fact.broken === true) return { how: "impossible", note: "a half-installed package cannot be brought back" };
    if (spec.state === "absent")
      return spec.purge === true
        ? { how: "impossible", note: "purged configuration and data are gone" }
        : { how: "possible", note: `installs ${nameOf(spec)} ${fact.version ?? ""} again, if the sources still offer it` };
    return fact.installed
      ? { how: "possible", note: `installs ${fact.version ?? "the earlier version"} again, if the sources still offer it` }
      : { how: "possible", note: `removes ${nameOf(spec)} again` };
  },
  describe: describePackage,
  rollout: (spec) => spec.rollout,
  prune: prunePackage,
  stateWord: (fact) => (fact.broken === true ? "broken" : fact.installed ? "present" : "absent"),
  describeFact: (fact) => (fact.installed && fact.broken !== true ? { name: fact.name, state: "present" } : undefined),
  revert(spec, fact, differences) {
    if (fact.broken === true) return undefined;
    const version = fact.version === undefined ? {} : { version: fact.version };
    if (!has(differences, "state")) return fact.version === undefined ? undefined : version;
    return fact.installed ? { state: "present", ...version, ...(spec.purge === undefined ? {} : { purge: null }) } : { state: "absent" };
  },
});

function checkPackage(spec: PackageSpec): Finding[] {
  const found: Finding[] = [];
  if (spec.state === "absent" && (spec.version !== undefined || spec.upgradedAt !== undefined))
    found.push({
      path: spec.version === undefined ? "upgradedAt" : "version",
      code: "manifest/contradiction",
      summary: "An absent package has no version",
      hint: "Remove it, or say state: present.",
    });
  if (spec.purge !== undefined && spec.state !== "absent")
    found.push({
      path: "purge",
      code: "manifest/contradiction",
      summary: "purge says something about state: absent only",
      hint: "Remove it.",
    });
  return found;
}

/** What the package manager would refuse: names and versions that its sources do not have, and held packages. */
function blockedPackage(spec: PackageSpec, fact: PackageFact): { reason: string; hint: string } | undefined {
  const name = nameOf(spec);
  if (spec.state === "absent") return undefined;
  if (!fact.installed && fact.broken !== true && fact.candidate === undefined)
    return {
      reason: `the host's package sources do not know ${name}`,
      hint: "Check the name, or declare the source (such as a File below /etc/apt/sources.list.d/) that brings it.",
    };
  if (fact.installed && fact.held === true)
    return {
      reason: `${name} is held at ${fact.version ?? "its version"} on the host`,
      hint: `Release it on the host (apt-mark unhold ${name}), or declare this version.`,
    };
  if (spec.version?.includes("*") === true && !matchesVersion(spec.version, fact.version) && !matchesVersion(spec.version, fact.candidate))
    return {
      reason: `no version of ${name} that matches ${spec.version} is offered; the sources have ${fact.candidate ?? "none"}`,
      hint: "Change the version, or declare a source that has it.",
    };
  return undefined;
}

/** Such as `install nginx 1.24.0`, `upgrade nginx 1.22 -> 1.24.0`, `purge nginx`. */
function describePackage(spec: PackageSpec, fact: PackageFact, differences: readonly Difference[]): string {
  const name = nameOf(spec),
    version = spec.version?.includes("*") === true ? fact.candidate : (spec.version ?? fact.candidate);
  if (spec.state === "absent")
    return `${spec.purge === true ? "purge" : "remove"} ${name}${fact.version === undefined ? "" : ` ${fact.version}`}`;
  if (fact.broken === true) return `repair ${name}`;
  if (has(differences, "state")) return `install ${name}${version === undefined ? "" : ` ${version}`}`;
  if (has(differences, "version")) return `change ${name} ${fact.version ?? ""} -> ${version ?? spec.version}`;
  return fact.candidate === undefined || fact.candidate === fact.version
    ? `upgrade ${name} (now ${fact.version ?? "unknown"})`
    : `upgrade ${name} ${fact.version ?? ""} -> ${fact.candidate}`;
}

/** A package that was installed before us stays. */
function prunePackage(owned: Owned): { steps: PlannedStep[]; reason: string } {
  const name = owned.claim.slice("package:".length),
    about = ask(packageProbe, { name });
  if (!owned.created) return { steps: [], reason: `${name} was installed before Backend AI managed it, so it stays` };
  const step: PlannedStep = {
    ...act(packageSet, { name, state: "absent" }),
    expect: { ask: about, fields: { installed: true } },
    goal: { ask: about, fields: { installed: false } },
    undo: act(packageSet, { name, state: "present" }),
    timeoutMs: 1_800_000,
  };
  return { steps: [step], reason: `${name} is installed because of ${owned.resource}, which is no longer declared` };
}
