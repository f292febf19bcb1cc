import { canonicalJson } from "../../schemas/canonical.ts";
import type { Change, Plan, Step } from "../../schemas/plan.ts";

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
  const covered: { changes: Set<string>; predicted: Map<string, readonly Step[]>; tree: string; at: number }[] = [];
  return {
    add(plan) {
      covered.unshift({
        tree: plan.tree,
        at: now(),
        changes: new Set(plan.changes.map(exact)),
        predicted: new Map(plan.later.map(({ id, steps }) => [id, steps])),
      });
      covered.length = Math.min(covered.length, most);
    },
    has: (plan) =>
      covered.some(
        ({ tree, at, changes, predicted }) =>
          tree === plan.tree &&
          Math.abs(now() - at) < coverMs &&
          plan.changes.every((change) => changes.has(exact(change)) || asPredicted(change, predicted.get(change.id))),
      ),
  };
}

/** Whether a change does what was predicted or a part of that, whatever it expects to find: what was predicted may find what nobody could know then. */
const asPredicted = ({ steps }: Change, predicted: readonly Step[] | undefined): boolean =>
  predicted !== undefined && steps.every((step) => predicted.some((said) => isPartOf(step, said)));

/** The same action with the same input. Of a unit it may set less: a package may have enabled, or started, what it brought. */
function isPartOf(step: Step, said: Step): boolean {
  if (step.action !== said.action || step.host !== said.host) return false;
  if (step.action !== "service.set") return canonicalJson(step.input) === canonicalJson(said.input);
  const input = said.input as Readonly<Record<string, unknown>>;
  return Object.entries(step.input as object).every(([key, value]) => canonicalJson(input[key] ?? null) === canonicalJson(value));
}

/** What a change does and what it expects to find: a yes holds for nothing else. */
export const exact = (change: Change): string => canonicalJson({ id: change.id, steps: change.steps });
