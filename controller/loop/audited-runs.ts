import type { RunStore } from "../store/runs.ts";
import type { Store } from "../store/store.ts";

/** The journals of runs, with the beginning and the end of each in the audit chain, in the same transaction. */
export const auditedRuns = (store: Pick<Store, "runs" | "audit" | "together">, now: () => number): RunStore => ({
  ...store.runs,
  async begin(id, digest, started) {
    const entry = { at: now(), who: started.by, what: "run.start", about: id, detail: { digest } };
    await store.together(() => [store.runs.begin(id, digest, started), store.audit.append(entry)]);
  },
  async append(run, n, events, state) {
    if (state === undefined) return store.runs.append(run, n, events);
    const entry = { at: now(), who: "controller", what: "run.end", about: run, detail: { state } };
    await store.together(() => [store.runs.append(run, n, events, state), store.audit.append(entry)]);
  },
});
