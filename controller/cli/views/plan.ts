import type { Plan, Remark } from "../../../schemas/plan.ts";
import type { Paint } from "../paint.ts";
import { hostsText } from "./hosts-text.ts";
import { changeView } from "./plan-change.ts";
import { groupChanges, groupRemarks } from "./plan-groups.ts";
import { planSummary } from "./plan-summary.ts";
import { problemsView } from "./problem.ts";

/** The length to which digests and commits are cut. */
export const shortId = (id: string): string => id.slice(0, 12);

/** A plan for the person who decides about it. */
export function planView(plan: Plan, paint: Paint): string {
  const parts = [
    plan.changes.length === 0
      ? ""
      : paint("bold", `Plan ${shortId(plan.digest)} of ${plan.commit === "" ? "uncommitted manifests" : `commit ${shortId(plan.commit)}`}`),
    ...groupChanges(plan.changes).map((group) => changeView(group, paint)),
    plan.later.length === 0
      ? ""
      : `${paint("bold", "Follows later, with the same approval:")}\n\n${groupChanges(plan.later)
          .map((group) => changeView(group, paint))
          .join("\n\n")}`,
    remarksView("Unknown, so left alone:", "?", plan.unknown, paint),
    remarksView("Blocked:", "!", plan.blocked, paint),
    remarksView("In no manifest any more:", "*", plan.orphaned, paint),
    problemsView(plan.problems, paint),
    approvalView(plan, paint),
    paint("bold", planSummary(plan)),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function remarksView(title: string, sign: string, remarks: readonly Remark[], paint: Paint): string {
  if (remarks.length === 0) return "";
  const lines = groupRemarks(remarks).flatMap(({ resource, hosts, reason, hint }) => [
    `${paint("change", sign)} ${resource}${hosts.length === 0 ? "" : ` on ${hostsText(hosts)}`}: ${reason}`,
    ...(hint === undefined ? [] : [`    ${paint("info", hint)}`]),
  ]);
  return [paint("bold", title), ...lines].join("\n");
}

function approvalView({ changes, approval }: Plan, paint: Paint): string {
  if (changes.length === 0 || !approval.needed || approval.reasons.length === 0) return "";
  return [paint("bold", "Needs approval because of:"), ...approval.reasons.map((reason) => `  ${reason}`)].join("\n");
}
