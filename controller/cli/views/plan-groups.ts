import { canonicalJson } from "../../../schemas/canonical.ts";
import type { Change, Remark } from "../../../schemas/plan.ts";
import { splitInstance } from "../../../schemas/ids.ts";

/** Changes of one resource that are the same on several hosts. */
export interface ChangeGroup {
  readonly first: Change;
  readonly hosts: readonly string[];
  readonly changes: readonly Change[];
}

/** Groups changes that differ in their host alone, resource by resource, in the order of the plan. */
export function groupChanges(changes: readonly Change[]): ChangeGroup[] {
  const resources = new Map<string, Map<string, Change[]>>();
  for (const change of changes) {
    const groups = resources.get(change.resource) ?? new Map<string, Change[]>();
    resources.set(change.resource, groups);
    const key = sameness(change),
      group = groups.get(key);
    if (group === undefined) groups.set(key, [change]);
    else group.push(change);
  }
  return [...resources.values()].flatMap((groups) =>
    [...groups.values()].map((group) => ({ first: group[0] as Change, hosts: group.map((change) => change.host), changes: group })),
  );
}

/** Everything of a change that is shown, but its host. */
function sameness(change: Change): string {
  const { act, cause, differences, consequence, risk, reasons, undo, health, onFailure, rollout } = change;
  const needs = resourcesOf(change),
    validators = validatorsOf(change);
  const batch = rollout === undefined ? null : { maxUnavailable: rollout.maxUnavailable, pauseMs: rollout.pauseMs };
  return canonicalJson({
    act,
    cause,
    differences,
    consequence,
    risk,
    reasons,
    undo,
    health,
    onFailure,
    needs,
    validators,
    batch,
    summary: change.summary.replaceAll(change.host, "\0"),
  });
}

/** The resources that come before a change on its own host, its own left out; the order among hosts is the rollout's. */
export const resourcesOf = ({ needs, after, resource, host }: Change): string[] => {
  const before = [...needs, ...after].map(splitInstance).filter((one) => one.host === host && one.resource !== resource);
  return [...new Set(before.map((one) => one.resource))].sort();
};

/** The checks that a change's files have to pass before they are put in place. */
export const validatorsOf = ({ steps }: Change): string[] => [
  ...new Set(steps.map((step) => step.validator).filter((one) => one !== undefined)),
];

/** Remarks of the same resource, reason and hint, with the hosts that they are about. */
export function groupRemarks(
  remarks: readonly Remark[],
): { readonly resource: string; readonly hosts: readonly string[]; readonly reason: string; readonly hint: string | undefined }[] {
  const groups = new Map<string, { resource: string; hosts: string[]; reason: string; hint: string | undefined }>();
  for (const { id, reason, hint } of remarks) {
    const { resource, host } = splitInstance(id),
      key = JSON.stringify([resource, reason, hint]);
    const group = groups.get(key) ?? { resource, hosts: [], reason, hint };
    groups.set(key, group);
    if (host !== "") group.hosts.push(host);
  }
  return [...groups.values()];
}
