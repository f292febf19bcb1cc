import type { Plan } from "../../schemas/plan.ts";
import type { RunEvent, StepResult } from "../../schemas/run.ts";
import { apply, newRun, type Run } from "../core/run.ts";
import type { Unseal } from "./ports.ts";
import { createSlots } from "./slots.ts";
import type { ExecutorOptions } from "./executor-options.ts";
import { createWork, type Work } from "./work.ts";

/** Carries runs out: asks the pure reducer what is next, does it, journals what happened before anything follows from it. */
export interface Executor {
  /** `before`: the facts that the plan was made on, by instance; they are journaled, for undo. */
  start(id: string, plan: Plan, by: string, before: Record<string, unknown>): Promise<Run>;
  resume(id: string, plan: Plan, events: readonly RunEvent[]): Run;
  /** The result of a host's agent by the id under which the step went out; resolves once it is journaled. Repeats, unknown runs and steps of other hosts are fine: nothing follows from them. */
  onResult(host: string, wireId: string, result: StepResult): Promise<void>;
  /** The unit that a step of a run at work reloads or restarts, by the id under which the step went out. */
  loads(host: string, wireId: string): string | undefined;
  /** A host's agent is still at a step. */
  onProgress(host: string, wireId: string): void;
  /** A host connected again: what waits for it is sent again. */
  onOnline(host: string): void;
  cancel(id: string, by: string): Promise<boolean>;
  running(): readonly Run[];
  close(): Promise<void>;
}

function parseWireId(wire: string): { readonly run: string; readonly step: string; readonly undo: boolean } {
  const slash = wire.indexOf("/"),
    undo = wire.endsWith("!undo");
  return { run: wire.slice(0, slash), step: wire.slice(slash + 1, undo ? -"!undo".length : undefined), undo };
}

/** Steps at once on a cluster: as many as its agent does at once. */
const clusterSteps = 16;

export function createExecutor(options: ExecutorOptions): Executor {
  const works = new Map<string, Work>();
  const { limits, isCluster } = options;
  const perHost = (host: string): number => (isCluster(host) ? Math.max(limits.perHost, clusterSteps) : limits.perHost);
  const slots = createSlots({ perHost, overall: limits.overall }, () => {
    for (const work of works.values()) work.pump();
  });
  const begin = (run: Run, unseal: Unseal): Run => {
    const work = createWork(run, { ...options, unseal }, slots, () => {
      works.delete(run.id);
      options.onEnd(run);
    });
    works.set(run.id, work);
    work.pump();
    return run;
  };
  return {
    async start(id, plan, by, before) {
      const unseal = options.unsealFor(plan),
        started = { type: "started", at: new Date(options.now()).toISOString(), by, before } as const;
      await options.store.begin(id, plan.digest, started);
      const run = newRun(id, plan);
      apply(run, started);
      options.onProgress(run, started);
      return begin(run, unseal);
    },
    resume(id, plan, events) {
      const run = newRun(id, plan);
      for (const event of events) apply(run, event);
      return begin(run, options.unsealFor(plan));
    },
    loads(host, wire) {
      const { run, step: id } = parseWireId(wire),
        step = works.get(run)?.run.steps.get(id)?.step;
      if (step?.host !== host || (step.action !== "service.reload" && step.action !== "service.restart")) return undefined;
      return (step.input as { unit: string }).unit;
    },
    async onResult(host, wire, result) {
      const { run, step, undo } = parseWireId(wire),
        work = works.get(run);
      if (work === undefined) return;
      if (work.run.steps.get(step)?.step.host !== host)
        return options.log.warn({ host, wire }, "a host answered for a step that is not its own; the answer was dropped");
      await work.result(step, undo, result);
    },
    onProgress(host, wire) {
      const { run, step, undo } = parseWireId(wire),
        work = works.get(run);
      if (work?.run.steps.get(step)?.step.host === host) work.progress(step, undo);
    },
    onOnline: (host) => {
      for (const work of works.values()) work.online(host);
    },
    cancel: async (id, by) => (await works.get(id)?.cancel(by)) ?? false,
    running: () => [...works.values()].map((work) => work.run),
    close: async () => {
      await Promise.all([...works.values()].map((work) => work.close()));
    },
  };
}
