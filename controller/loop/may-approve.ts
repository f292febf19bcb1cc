import type { Plan } from "../../schemas/plan.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { Role } from "../../schemas/api.ts";
import type { Caller } from "./controller.ts";

const roles: readonly Role[] = ["viewer", "operator", "approver", "admin"];

/** Refuses where a plan cannot be approved at all, or not by this caller: a policy asks for somebody else, or for anybody but who asked for the change. */
export async function mayApprove(plan: Plan, by: Caller, requesters: () => Promise<ReadonlySet<string>>): Promise<void> {
  if (plan.problems.some((problem) => problem.severity === "error"))
    throw new ProblemError(plan.problems.map((problem) => ({ ...problem, code: `conflict/${problem.code.replace("/", "-")}` })));
  const { approval } = plan;
  if (approval.by !== undefined && approval.by !== by.name && !hasRole(by, approval.by))
    throw new ProblemError(
      error("forbidden/approval", `A policy asks for the approval of ${approval.by}; you are ${by.name} (${by.role}).`),
    );
  if (approval.notRequester !== true) return;
  const asked = [...(await requesters())].find((name) => same(name, by.name));
  if (asked !== undefined)
    throw new ProblemError(
      error("forbidden/requester", `${by.name} asked for this change: a policy wants somebody else to approve it.`, {
        hint: "Ask another approver: backend-ai approve DIGEST",
      }),
    );
}

/** A higher role may what a lower one may. */
const hasRole = (by: Caller, wanted: string): boolean =>
  roles.includes(wanted as Role) && roles.indexOf(by.role) >= roles.indexOf(wanted as Role);

const same = (a: string, b: string): boolean => a.normalize("NFC").trim().toLowerCase() === b.normalize("NFC").trim().toLowerCase();
