import { error, type Problem } from "../../schemas/problem.ts";
import type { Change } from "../../schemas/plan.ts";
import type { HostView, PolicyRule } from "./model.ts";
import { policiesFor } from "./risk.ts";

/** What ran lately: a change's host and whether it removed something, with when. */
export interface RecentChange {
  readonly resource: string;
  readonly host: string;
  readonly deletes: boolean;
  readonly at: number;
}

/** Blast radius: problems where a plan, together with what ran within the policy's window, would delete or touch more than a policy allows. */
export function overLimits(
  changes: readonly Change[],
  recent: readonly RecentChange[],
  input: { hosts: ReadonlyMap<string, HostView>; policies: readonly PolicyRule[]; now: number },
): Problem[] {
  const problems: Problem[] = [];
  for (const policy of input.policies) {
    const { limits } = policy;
    if (limits === undefined) continue;
    const speaks = (change: { resource: string; host: string }): boolean => policiesFor(change, input).includes(policy);
    const mine = changes.filter(speaks),
      before = recent.filter((change) => change.at > input.now - limits.withinMs && speaks(change));
    if (mine.length === 0) continue;
    const deletions = mine.filter((change) => change.act === "delete").length,
      deleted = before.filter((change) => change.deletes).length;
    const hosts = new Set([...mine, ...before].map((change) => change.host)).size;
    const all = [...input.hosts.values()].filter((host) => policy.hosts(host)).length;
    if (limits.maxDeletions !== undefined && deletions > 0 && deletions + deleted > limits.maxDeletions)
      problems.push(
        over(
          policy,
          `it removes ${deletions} things${deleted > 0 ? `, ${deleted} were removed already` : ""}, and ${limits.maxDeletions} are allowed`,
        ),
      );
    if (limits.maxHosts !== undefined && hosts > limits.maxHosts)
      problems.push(over(policy, `it changes ${hosts} hosts, and ${limits.maxHosts} are allowed`));
    if (limits.maxPercent !== undefined && all > 0 && (hosts * 100) / all > limits.maxPercent)
      problems.push(over(policy, `it changes ${hosts} of ${all} hosts, and ${limits.maxPercent} % are allowed`));
  }
  return problems;
}

const over = (policy: PolicyRule, what: string): Problem =>
  error(
    "policy/blast-radius",
    `The plan goes beyond Policy/${policy.name}: ${what} within ${Math.round((policy.limits?.withinMs ?? 0) / 60_000)} min.`,
    {
      hint: "Split the change, wait, or raise the limit in git.",
    },
  );
