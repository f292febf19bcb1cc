import type { Plan, Risk } from "../../schemas/plan.ts";
import type { Page, PageRequest } from "./store.ts";

export const planStates = ["pending", "approved", "rejected", "superseded", "running", "done"] as const;
export type PlanState = (typeof planStates)[number];

export type Role = "viewer" | "operator" | "approver" | "admin";

/** A decision about one digest; there is one for each round of a plan. */
export interface Decision {
  readonly digest: string;
  readonly decision: "approved" | "rejected";
  readonly by: string;
  readonly role: Role | "policy";
  readonly at: number;
  readonly reason?: string | undefined;
}

/**
 * A plan as listings show it. `round` counts how often the same digest came back after it was done or superseded: an
 * approval holds for its round alone, so that yesterday's yes does not start today's equal plan.
 */
export interface PlanSummary {
  readonly digest: string;
  readonly round: number;
  readonly state: PlanState;
  readonly commit: string;
  readonly madeAt: string;
  readonly risk: Risk | null;
  /** How many changes it holds. */
  readonly changes: number;
  readonly decision?: Decision | undefined;
}

export interface PlanRecord extends PlanSummary {
  readonly plan: Plan;
}

/** Plans by digest, with their state and the decision about them. */
export interface PlanStore {
  /**
   * Keeps a plan: pending where it is new, or was done or superseded (a new round). A pending or approved one keeps its state and takes
   * the newer basis; a running or rejected one is left as it is.
   */
  save(plan: Plan): Promise<PlanSummary>;
  get(digest: string): Promise<PlanRecord | undefined>;
  /** Compare and set: resolves to false, and changes nothing, unless the state was one of `from`. */
  move(digest: string, from: readonly PlanState[], to: PlanState): Promise<boolean>;
  /** Decides a pending plan. The first decision stands: a later one resolves to it with `first: false`. */
  decide(decision: Decision): Promise<{ readonly first: boolean; readonly decision: Decision }>;
  list(request?: PageRequest & { readonly states?: readonly PlanState[] | undefined }): Promise<Page<PlanSummary>>;
}
