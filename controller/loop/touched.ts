import type { RecentChange } from "../core/limits.ts";
import type { Run } from "../core/run.ts";

/** What a run did or tried on hosts, for limits over time: what was skipped touched nothing. */
export const touched = (run: Run, at: number): RecentChange[] =>
  [...run.changes.values()]
    .filter((record) => record.state !== "skipped")
    .map(({ change }) => ({ resource: change.resource, host: change.host, deletes: change.act === "delete", at }));
