import type { RecentChange } from "../core/limits.ts";
import { apply, newRun } from "../core/run.ts";
import type { Store } from "../store/store.ts";
import { touched } from "./touched.ts";

/** The most runs that are read again at start. */
const mostRuns = 2000;

/** What the runs since a moment changed, for limits over time. */
export async function recentChanges(store: Pick<Store, "runs" | "plans">, since: number): Promise<RecentChange[]> {
  const found: RecentChange[] = [];
  let cursor: string | undefined,
    read = 0;
  do {
    const page = await store.runs.list({ limit: 200, cursor });
    for (const summary of page.items) {
      read += 1;
      const ended = Date.parse(summary.endedAt ?? "");
      if (ended < since) return found;
      const record = Number.isNaN(ended) ? undefined : await store.plans.get(summary.digest);
      if (record === undefined) continue;
      const run = newRun(summary.id, record.plan);
      for (const event of await store.runs.events(summary.id)) apply(run, event);
      found.push(...touched(run, ended));
    }
    cursor = page.next;
  } while (cursor !== undefined && read < mostRuns);
  return found;
}
