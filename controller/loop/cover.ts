import { canonicalJson } from "../../schemas/canonical.ts";
import type { Change, Plan } from "../../schemas/plan.ts";

/** How long a yes covers plans that follow from the approved one, in milliseconds, and how many approvals are kept in mind. */
const coverMs = 3_600_000,
  most = 16;

/** What people said yes to lately: a later plan whose steps are a subset of an approved one's needs no new approval. */
export interface Cover {
  add(plan: Plan): void;
  /** Whether each change was approved as it is, or comes out as it was predicted. */
  has(plan: Plan): boolean;
}

export function createCover(now: () => number): Cover {
  const covered: { changes: Set<string>; predicted: Set<string>; tree: string; at: number }[] = [];
  return {
    add(plan) {
      covered.unshift({
        tree: plan.tree,
        at: now(),
        changes: new Set(plan.changes.map(exact)),
        predicted: new Set(plan.later.map(essence)),
      });
      covered.length = Math.min(covered.length, most);
    },
    has: (plan) =>
      covered.some(
        ({ tree, at, changes, predicted }) =>
          tree === plan.tree &&
          Math.abs(now() - at) < coverMs &&
          plan.changes.every((change) => changes.has(exact(change)) || predicted.has(essence(change))),
      ),
  };
}

/** What a change does, whatever it expects to find: what was predicted may find what nobody could know then. */
const essence = (change: Change): string =>
  canonicalJson({ id: change.id, steps: change.steps.map(({ action, input, host }) => ({ action, input, host })) });

/** What a change does and what it expects to find: a yes holds for nothing else. */
const exact = (change: Change): string => canonicalJson({ id: change.id, steps: change.steps });
