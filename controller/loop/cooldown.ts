import type { Change } from "../../schemas/plan.ts";
import type { Run } from "../core/run.ts";

/** A change that failed is tried again by itself only after a while that doubles, up to half an hour; soon where the host had only moved on, or the step says that what kept it passes. */
const cooldown = { first: 30_000, refused: 1000, passing: 3000, longest: 1_800_000 };

/** Changes that failed lately and are left alone for a while, unless their resource becomes another. */
export interface Cooling {
  /** `digest`: of the instance's resource now; undefined where no manifest has it. */
  has(id: string, digest: string | undefined): boolean;
  note(run: Run, change: Change, digest: string | undefined): void;
  delete(id: string): void;
  /** Milliseconds until each entry has cooled down. Forgets those that did long ago. */
  left(): readonly number[];
}

export function createCooling(now: () => number): Cooling {
  const entries = new Map<string, { digest: string | undefined; until: number; tries: number }>();
  // A clock that jumped back must not keep anything longer than it was to be kept.
  const leftOf = ({ until }: { until: number }): number => Math.min(until - now(), cooldown.longest);
  return {
    has(id, digest) {
      const entry = entries.get(id);
      return entry !== undefined && entry.digest === digest && leftOf(entry) > 0;
    },
    note(run, change, digest) {
      const known = entries.get(change.id),
        tries = known?.digest === digest ? (known?.tries ?? 0) + 1 : 1;
      const first = wasRefused(run, change) ? cooldown.refused : mayPass(run, change) ? cooldown.passing : cooldown.first;
      entries.set(change.id, { digest, tries, until: now() + Math.min(cooldown.longest, first * 2 ** (tries - 1)) });
    },
    delete: (id) => void entries.delete(id),
    left() {
      const found: number[] = [];
      for (const [id, entry] of entries) {
        const left = leftOf(entry);
        if (left > 0) found.push(left);
        else if (left < -cooldown.longest) entries.delete(id);
      }
      return found;
    },
  };
}

/** Whether a change ended, or was skipped, because a host was not as the plan expected: that is no failure, and is planned anew soon. */
function wasRefused(run: Run, change: Change): boolean {
  if (run.changes.get(change.id)?.state !== "skipped") return change.steps.some((step) => run.steps.get(step.id)?.state === "refused");
  const states = new Set([...run.steps.values()].map(({ state }) => state));
  return states.has("refused") && !states.has("failed");
}

/** Whether what failed says itself that it passes (a lock, a host that went away), or was cut off half-way: what is left to do is planned from what the host is now. */
const mayPass = (run: Run, change: Change): boolean =>
  change.steps.some((step) => {
    const problem = run.steps.get(step.id)?.result?.problem;
    return problem?.retry === "later" || problem?.code === "step/interrupted";
  });
