import { every } from "../platform/every.ts";
import type { Dirty, Watcher } from "../runtime/verbs.ts";

/** How often figures are looked at. */
const lookMs = 10_000;

/** Marks the figures for a look every ten seconds; whoever reports them decides whether they moved enough. */
export async function watchMetrics(dirty: Dirty<"metrics">): Promise<Watcher<"metrics">> {
  let on = false;
  const stop = every(lookMs, () => {
    if (on) dirty({});
  });
  return {
    async set(inputs) {
      on = inputs.length > 0;
    },
    async close() {
      stop();
    },
  };
}
