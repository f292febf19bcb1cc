import Type from "typebox";
import { ApprovalRequest, DecisionRequest, DecisionView, pageOf, PlanRequest, PlanState } from "../../../schemas/api.ts";
import { Plan } from "../../../schemas/plan.ts";
import { error, ProblemError } from "../../../schemas/problem.ts";
import type { PlanSummary } from "../../store/plans.ts";
import { PageQuery } from "../paging.ts";
import { type Route, type RouteContext, route } from "../route.ts";

const Digest = Type.Object({ digest: Type.String({ pattern: "^[0-9a-f]{64}$", description: "SHA-256 of the plan, in full" }) });

/** Plans, and the decisions about them. */
export const planRoutes = ({ controller }: RouteContext): Route[] => [
  route({
    method: "POST",
    url: "/api/v1/plans",
    tag: "plans",
    summary: "A fresh plan of all that differs; it waits for a decision",
    body: PlanRequest,
    bodyLimit: 1024 * 1024,
    answer: Plan,
    status: 201,
    handle: ({ body }) => controller.plan(body),
  }),
  route({
    method: "GET",
    url: "/api/v1/plans",
    tag: "plans",
    summary: "Plans, newest first",
    query: PageQuery,
    answer: pageOf(PlanState),
    handle: async ({ query }) => withTimes(await controller.plans(query)),
  }),
  route({
    method: "GET",
    url: "/api/v1/approvals",
    tag: "plans",
    summary: "Plans that wait for a decision, newest first (a piece may hold fewer than asked for)",
    query: PageQuery,
    answer: pageOf(PlanState),
    handle: async ({ query }) => {
      const page = await controller.plans(query);
      return withTimes({ ...page, items: page.items.filter((plan) => plan.state === "pending") });
    },
  }),
  route({
    method: "GET",
    url: "/api/v1/plans/:digest",
    tag: "plans",
    summary: "One plan with its state",
    params: Digest,
    answer: Type.Object({ ...PlanState.properties, plan: Plan }),
    handle: async ({ params }) => {
      const { plan, ...state } = await controller.planOf(params.digest);
      return { ...planState(state), plan };
    },
  }),
  route({
    method: "POST",
    url: "/api/v1/plans/:digest/approve",
    tag: "plans",
    summary: "Says yes to this digest and starts its run; a plan that was kept in a file may come along",
    params: Digest,
    body: ApprovalRequest,
    bodyLimit: 64 * 1024 * 1024,
    answer: DecisionView,
    handle: ({ params, body, caller }) => {
      if (body.plan !== undefined && body.plan.digest !== params.digest)
        throw new ProblemError(error("invalid/plan", "Unable to approve this plan: it has another digest than the one that is approved"));
      return controller.approve(params.digest, caller, body.reason, body.plan);
    },
  }),
  route({
    method: "POST",
    url: "/api/v1/plans/:digest/reject",
    tag: "plans",
    summary: "Says no to this digest",
    params: Digest,
    body: DecisionRequest,
    answer: DecisionView,
    handle: ({ params, body, caller }) => controller.reject(params.digest, caller, body.reason),
  }),
];

const withTimes = (page: { readonly items: readonly PlanSummary[]; readonly next?: string | undefined }) => ({
  ...page,
  items: page.items.map(planState),
});

function planState({ decision, ...plan }: PlanSummary) {
  return { ...plan, ...(decision === undefined ? {} : { decision: { ...decision, at: new Date(decision.at).toISOString() } }) };
}
