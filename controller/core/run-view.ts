import type { RunView } from "../../schemas/run.ts";
import type { Run } from "./run.ts";

/** A run as people and the API see it. */
export function viewRun(run: Run): RunView {
  return {
    id: run.id,
    digest: run.plan.digest,
    state: run.state,
    startedAt: run.startedAt,
    ...(run.endedAt === undefined ? {} : { endedAt: run.endedAt }),
    by: run.by,
    changes: run.plan.changes.map((change) => {
      const record = run.changes.get(change.id);
      return {
        id: change.id,
        summary: change.summary,
        state: record?.state ?? "waiting",
        ...(record?.health === undefined ? {} : { health: record.health }),
        ...(record?.held === undefined ? {} : { held: record.held }),
        steps: change.steps.map((step) => {
          const done = run.steps.get(step.id);
          return {
            id: step.id,
            action: step.action,
            host: step.host,
            state: done?.state ?? "waiting",
            ...(done?.result === undefined
              ? {}
              : { ms: done.result.ms, ...(done.result.problem === undefined ? {} : { problem: done.result.problem }) }),
          };
        }),
      };
    }),
  };
}
