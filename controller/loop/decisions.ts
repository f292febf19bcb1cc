import type { Decision } from "../store/plans.ts";
import type { Store } from "../store/store.ts";

/** Decisions about plans, one after the other: what a person decided and its audit entry are stored together or not at all. */
export interface Decisions {
  /** The first decision of a round stands: a later one resolves to it with `first: false`, and leaves no audit entry. */
  person(decision: Decision): Promise<{ readonly first: boolean; readonly decision: Decision }>;
  /** What policies and earlier approvals allow; the run's start is the audit entry of that. */
  policy(decision: Decision): Promise<{ readonly first: boolean; readonly decision: Decision }>;
}

export function createDecisions(store: Pick<Store, "plans" | "audit" | "together">): Decisions {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
  return {
    person: (decision) =>
      inTurn(async () => {
        const { digest, by, at, reason } = decision,
          standing = (await store.plans.get(digest))?.decision;
        if (standing !== undefined) return { first: false, decision: standing };
        const what = decision.decision === "approved" ? "plan.approve" : "plan.reject";
        const entry = { at, who: by, what, about: digest, ...(reason === undefined ? {} : { detail: { reason } }) };
        const [decided] = await store.together(() => [store.plans.decide(decision), store.audit.append(entry)]);
        return decided;
      }),
    policy: (decision) => inTurn(() => store.plans.decide(decision)),
  };
}
