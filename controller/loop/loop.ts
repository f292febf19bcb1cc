import type { EnrolTokenRequest, EnrolTokenView } from "../../schemas/api.ts";
import type { StepResult } from "../../schemas/run.ts";
import type { FactReport, HostEvent } from "../../schemas/report.ts";
import { kinds } from "../kinds/index.ts";
import type { Store } from "../store/store.ts";
import { createSettle } from "./alert.ts";
import { auditedRuns } from "./audited-runs.ts";
import { createBackend } from "./backend.ts";
import type { Controller } from "./controller.ts";
import { createDecisions } from "./decisions.ts";
import { createExecutor } from "./execute.ts";
import { type AgentState, createFleet } from "./fleet.ts";
import { createForce } from "./force.ts";
import { gate } from "./gate.ts";
import { forgetGone } from "./forget.ts";
import { createMoments } from "./moments.ts";
import { createObserve } from "./observe.ts";
import type { Agents, Log, Tell } from "./ports.ts";
import { createQueue } from "./queue.ts";
import { recentChanges } from "./recent-changes.ts";
import { createReconcile } from "./reconcile.ts";
import { progressText } from "./run-words.ts";
import { outdatedSecrets, unsealWith } from "./secret-text.ts";
import { createStuck } from "./stuck.ts";
import { createTaint } from "./taint.ts";
import { tidy } from "./tidy.ts";
import { unavailableIn } from "./unavailable.ts";
import type { Workspace } from "./workspace.ts";
import type { ExecuteLimits } from "./executor-options.ts";
import { createWorld } from "./world.ts";
import { createWriteBehind } from "./write-behind.ts";

export interface LoopOptions {
  readonly id: string;
  readonly version: string;
  readonly store: Store;
  readonly agents: Agents;
  readonly workspace: Workspace;
  readonly limits: ExecuteLimits;
  readonly enrolToken: (request: EnrolTokenRequest, by: string) => Promise<EnrolTokenView>;
  readonly revokeAgent: (host: string, by: string) => Promise<boolean>;
  readonly log: Log;
  readonly now: () => number;
}

/** The reconcile loop put together: what comes from agents and git goes in, plans and runs come out. */
export interface Loop {
  readonly controller: Controller;
  /** Reads what is stored, puts the head in force, resumes runs that were cut off, follows the branch. */
  start(agents: Iterable<AgentState>): Promise<void>;
  onAgentState(state: AgentState): void;
  onReport(
    agent: string,
    host: string,
    report: {
      readonly seq: number;
      readonly facts: readonly FactReport[];
      readonly events: readonly HostEvent[];
      readonly gap?: number | undefined;
    },
  ): Promise<number>;
  onResult(host: string, step: string, result: StepResult, facts: readonly FactReport[]): Promise<void>;
  onProgress(host: string, step: string, text: string): void;
  tell: Tell;
  stop(): Promise<void>;
}

/** How often what is no longer needed is let go, in milliseconds. */
const tidyEveryMs = 3_600_000;
/** How far back limits over time may look, in milliseconds. */
const weekMs = 604_800_000;

export function createLoop(options: LoopOptions): Loop {
  const { store, agents, workspace, log, now } = options;
  const world = createWorld(kinds, now),
    fleet = createFleet(),
    writes = createWriteBehind(log),
    taint = createTaint(store.desired, (id) => world.synced.get(id), writes);
  let stopping = false;
  const tell: Tell = (event) => {
    if (stopping) return;
    store.events
      .append([{ at: now(), ...event }])
      .catch((error: unknown) => log.error({ type: event.type, error: String(error) }, "unable to store an event"));
  };
  const queue = createQueue({
    concurrency: 8,
    work: async (key) => {
      if (key === "head") await force.take(await workspace.head());
      else if (key === "tidy") await (force.ready() ? tidy(world, store, now(), reconcile.pending()) : undefined);
      else if (key.startsWith("moment ")) moments.come(key.slice("moment ".length));
      else await reconcile.work(key);
    },
    onError: (key, error, retryMs) =>
      log.error({ key, error: error instanceof Error ? error.message : String(error), retryMs }, "work on a key failed; it is tried again"),
  });
  const decisions = createDecisions(store);
  const unavailable = unavailableIn(world);
  const executor = createExecutor({
    store: auditedRuns(store, now),
    agents,
    unsealFor: (plan) => (plan.tree === world.desired.tree ? unsealWith(world.secret) : outdatedSecrets),
    limits: options.limits,
    unavailable: unavailable.count,
    isCluster: (host) => world.hosts.get(host)?.cluster !== undefined,
    isDown: unavailable.isDown,
    closed: (change) => {
      const is = gate([change], world, now());
      return is.open ? undefined : is.reason;
    },
    log,
    now,
    onProgress: (run, event) => {
      if (event.type === "step-sent" || event.type === "started" || event.type === "ended") return;
      tell({ type: `run.${event.type}`, about: run.id, text: progressText(event), data: event });
    },
    beforeEnd: (run) => reconcile.ending(run),
    onEnd: (run) => {
      reconcile.ended(run);
      settle(run.changes.keys());
    },
  });
  const reconcile = createReconcile({
    world,
    store,
    decisions,
    executor,
    taint,
    queue,
    judgement: (id) => settle.judgement(id),
    tell,
    log,
    now,
  });
  const settle = createSettle({
    world,
    store,
    tell,
    busy: reconcile.busy,
    corrections: reconcile.corrections,
    awaits: reconcile.awaits,
    writes,
    wake: (key) => queue.add(key),
    now,
  });
  const observe = createObserve({
    world,
    fleet,
    facts: store.facts,
    onAssessed: (ids) => assessed(ids),
    onHost: (host) => force.watch([host]),
    ask: (host, ask) => agents.query(host, ask, 30_000),
    log,
    now,
  });
  const force = createForce({
    world,
    fleet,
    store,
    workspace,
    taint,
    agents,
    tell,
    log,
    now,
    onSettled: (ids) => settle(ids),
    onInForce: ({ ids, resources, all }) => {
      forgetGone(world, settle, store, writes, all === true ? undefined : ids);
      queue.add("plan");
      moments.set(resources);
    },
  });
  const moments = createMoments({ world, addAfter: queue.addAfter, settle: (ids) => settle(ids), now }),
    stuck = createStuck(world, tell);
  let follower: { close(): Promise<void> } | undefined, tidier: NodeJS.Timeout | undefined;

  const assessed = (ids: Iterable<string>): void => {
    const list = [...ids];
    settle(list);
    stuck.look(list);
  };
  const resume = async (): Promise<void> => {
    for (const summary of await store.runs.unfinished()) {
      const record = await store.plans.get(summary.digest);
      if (record === undefined) {
        log.error({ run: summary.id }, "a run that was cut off has no plan any more; it is left as it is");
        continue;
      }
      reconcile.adopt({ id: summary.id, plan: record.plan, by: summary.by });
      executor.resume(summary.id, record.plan, await store.runs.events(summary.id));
      tell({ type: "run.resumed", about: summary.id, text: `${summary.id} goes on where it was` });
    }
    for (const approved of (await store.plans.list({ states: ["approved"] })).items) queue.add(`admit ${approved.digest}`);
  };
  const restore = async (): Promise<void> => {
    for (const one of await store.desired.synced()) world.synced.set(one.instance, one.digest);
    await taint.restore();
    for (const one of await store.desired.held()) world.held.set(one.instance, { digest: one.digest, reason: one.reason });
    settle.restore(await store.alerts.openAlerts());
    reconcile.restore(await store.desired.corrections(now() - 3_600_000), await recentChanges(store, now() - weekMs));
    observe.restore(await store.facts.all());
  };
  const controller = createBackend({
    id: options.id,
    version: options.version,
    world,
    fleet,
    store,
    agents,
    executor,
    decisions,
    reconcile,
    settle,
    workspace,
    force,
    taint,
    revokeAgent: options.revokeAgent,
    enrolToken: options.enrolToken,
    now,
  });
  return {
    controller,
    tell,
    async start(known) {
      for (const state of known) fleet.setAgent(state);
      await restore();
      await force.begin();
      await resume();
      // Not before: what a run that was cut off still has to do would be planned once more.
      queue.begin();
      tidier = setInterval(() => queue.add("tidy"), tidyEveryMs);
      tidier.unref();
      follower = await workspace.watch(
        () => queue.add("head"),
        (problem) => tell({ type: "workspace.problem", text: problem.summary, data: problem }),
      );
    },
    onAgentState(state) {
      const before = world.hosts.get(state.host),
        selections = world.selections();
      if (state.state === "revoked") fleet.removeAgent(state.host);
      const view = state.state === "revoked" ? undefined : fleet.setAgent(state);
      const ids = view === undefined ? world.setHosts(fleet.views()) : world.setHost(view);
      assessed(ids);
      if (view === undefined) {
        forgetGone(world, settle, store, writes);
        writes.add(() => store.facts.keepOnly(state.host, new Set()));
      }
      force.watch(world.selections() === selections ? [state.host] : world.hosts.keys());
      if (view?.online === true && before?.online !== true) {
        executor.onOnline(state.host);
        queue.add("plan");
        tell({ type: "host.online", host: state.host, about: state.host, text: `${state.host} is connected` });
      } else if (view?.online === false && before?.online === true)
        tell({
          type: "host.offline",
          host: state.host,
          about: state.host,
          text: `${state.host} is not connected any more: what it holds is unknown`,
        });
    },
    onReport: (agent, host, report) => observe.report(agent, host, report),
    async onResult(host, step, result, facts) {
      await observe.facts(host, facts);
      const unit = result.outcome === "done" ? executor.loads(host, step) : undefined;
      if (unit !== undefined) await observe.loaded(host, unit);
      await executor.onResult(host, step, result);
    },
    onProgress(host, step, text) {
      executor.onProgress(host, step);
      tell({ type: "run.progress", host, about: step, text });
    },
    async stop() {
      clearInterval(tidier);
      await follower?.close();
      await queue.close();
      await executor.close();
      await writes.flush();
      stopping = true;
      stuck.close();
    },
  };
}
