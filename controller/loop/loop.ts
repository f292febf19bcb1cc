import type { EnrolTokenRequest, EnrolTokenView } from "../../schemas/api.ts";
import type { StepResult } from "../../schemas/run.ts";
import type { FactReport, HostEvent } from "../../schemas/report.ts";
import type { RecentChange } from "../core/limits.ts";
import { newRun, apply } from "../core/run.ts";
import { kinds } from "../kinds/index.ts";
import type { Store } from "../store/store.ts";
import { createSettle } from "./alert.ts";
import { createBackend } from "./backend.ts";
import type { Controller } from "./controller.ts";
import { createExecutor, type ExecuteLimits } from "./execute.ts";
import { type AgentState, createFleet } from "./fleet.ts";
import { createForce } from "./force.ts";
import { createObserve } from "./observe.ts";
import type { Agents, Log, Tell, Unseal } from "./ports.ts";
import { createQueue } from "./queue.ts";
import { createReconcile } from "./reconcile.ts";
import type { UndoOptions } from "./undo.ts";
import type { Workspace } from "./workspace.ts";
import { createWorld, type World } from "./world.ts";

export interface LoopOptions {
  readonly id: string;
  readonly version: string;
  readonly store: Store;
  readonly agents: Agents;
  readonly workspace: Workspace;
  readonly unseal: Unseal;
  readonly edit: UndoOptions["edit"];
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

/** How often what is no longer needed is let go, and how much of it is kept: the newest plans, runs and closed alerts. The audit chain is kept for good. */
const trimming = { everyMs: 3_600_000, keep: { plans: 1000, runs: 1000, alerts: 5000 } };

/** A fact that says a host is between two states is looked at again after this long, in milliseconds. */
const changingPatienceMs = 600_000;

export function createLoop(options: LoopOptions): Loop {
  const { store, agents, workspace, log, now } = options;
  const world = createWorld(kinds, now),
    fleet = createFleet();
  let stopping = false;
  const tell: Tell = (event) => {
    if (stopping) return;
    store.events
      .append([{ at: now(), ...event }])
      .catch((error: unknown) => log.error({ type: event.type, error: String(error) }, "unable to store an event"));
  };
  const queue = createQueue({
    concurrency: 8,
    work: async (key) => (key.startsWith("moment ") ? moment(key.slice("moment ".length)) : reconcile.work(key)),
    onError: (key, error, retryMs) =>
      log.error({ key, error: error instanceof Error ? error.message : String(error), retryMs }, "work on a key failed; it is tried again"),
  });
  const unavailable = (resource: string, except: ReadonlySet<string>): number => {
    let down = 0;
    for (const instance of world.desired.byResource.get(resource) ?? []) {
      if (except.has(instance.host)) continue;
      const kind = kinds.get(instance.resource.kind),
        fact = world.fact(instance.host, instance.askKey);
      const up =
        world.hosts.get(instance.host)?.online === true &&
        kind?.scope === "hosts" &&
        fact?.value !== undefined &&
        kind.stateWord(fact.value) === "running";
      if (!up) down += 1;
    }
    return down;
  };
  const executor = createExecutor({
    store: store.runs,
    agents,
    unseal: options.unseal,
    limits: options.limits,
    unavailable,
    log,
    now,
    onProgress: (run, event) => {
      if (event.type === "step-sent" || event.type === "started" || event.type === "ended") return;
      const step = "step" in event ? event.step : "change" in event ? event.change : undefined;
      tell({ type: `run.${event.type}`, about: run.id, text: step ?? "", data: event });
    },
    onEnd: (run) => {
      reconcile.ended(run).then(
        () => settle(run.changes.keys()),
        (error: unknown) => log.error({ run: run.id, error: String(error) }, "unable to note the end of a run"),
      );
    },
  });
  const reconcile = createReconcile({ world, store, executor, queue, judgement: (id) => settle.judgement(id), tell, log, now });
  const settle = createSettle({
    world,
    store,
    tell,
    busy: reconcile.busy,
    corrections: reconcile.corrections,
    wake: (key) => queue.add(key),
    log,
    now,
  });
  const observe = createObserve({ world, fleet, facts: store.facts, onAssessed: (ids) => assessed(ids), now });
  const force = createForce({
    world,
    fleet,
    store,
    workspace,
    agents,
    tell,
    log,
    now,
    onInForce: (ids) => {
      settle(ids);
      queue.add("plan");
      for (const [id, at] of momentsAhead(world, now())) queue.addAfter(`moment ${id}`, at - now());
    },
  });
  const timers = new Set<NodeJS.Timeout>();
  let follower: { close(): Promise<void> } | undefined, trimmer: NodeJS.Timeout | undefined;

  /** The moment that a resource names has come: it is compared again. */
  const moment = (resource: string): void => {
    const ids = (world.desired.byResource.get(resource) ?? []).map((instance) => instance.id);
    world.reassess(ids);
    settle(ids);
  };
  const assessed = (ids: Iterable<string>): void => {
    const list = [...ids];
    settle(list);
    for (const id of list) if (world.assessment(id)?.is === "changing") again(id);
  };
  const again = (id: string): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (world.assessment(id)?.is === "changing")
        tell({
          type: "instance.stuck",
          about: id,
          host: world.desired.instances.get(id)?.host,
          text: `${id} has been between two states for ${changingPatienceMs / 60_000} minutes`,
        });
    }, changingPatienceMs);
    timer.unref();
    timers.add(timer);
  };
  const resume = async (): Promise<void> => {
    for (const summary of await store.runs.unfinished()) {
      const record = await store.plans.get(summary.digest);
      if (record === undefined) {
        log.error({ run: summary.id }, "a run that was cut off has no plan any more; it is left as it is");
        continue;
      }
      const run = executor.resume(summary.id, record.plan, await store.runs.events(summary.id));
      reconcile.adopt(run);
      tell({ type: "run.resumed", about: run.id, text: `${run.id} goes on where it was` });
    }
    for (const approved of (await store.plans.list({ states: ["approved"] })).items) queue.add(`admit ${approved.digest}`);
  };
  const restore = async (): Promise<void> => {
    for (const one of await store.desired.synced()) world.synced.set(one.instance, one.digest);
    for (const one of await store.desired.held()) world.held.set(one.instance, { digest: one.digest, reason: one.reason });
    settle.restore(await store.alerts.openAlerts());
    reconcile.restore(await store.desired.corrections(now() - 3_600_000), await recentChanges(store));
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
    reconcile,
    settle,
    workspace,
    force,
    edit: options.edit,
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
      trimmer = setInterval(
        () => void store.trim(trimming.keep).catch((error: unknown) => log.error({ error: String(error) }, "unable to trim the store")),
        trimming.everyMs,
      );
      trimmer.unref();
      follower = await workspace.watch(
        (commit) =>
          void force.take(commit).catch((error: unknown) => log.error({ commit, error: String(error) }, "unable to put a commit in force")),
        (problem) => tell({ type: "workspace.problem", text: problem.summary, data: problem }),
      );
    },
    onAgentState(state) {
      const before = world.hosts.get(state.host);
      if (state.state === "revoked") fleet.removeAgent(state.host);
      const view = state.state === "revoked" ? undefined : fleet.setAgent(state);
      const ids = view === undefined ? world.setHosts(fleet.views()) : world.setHost(view);
      assessed(ids);
      force.watch(
        before === undefined || ids.length > (world.desired.byHost.get(state.host)?.length ?? 0) ? world.hosts.keys() : [state.host],
      );
      if (view?.online === true && before?.online !== true) {
        executor.onOnline(state.host);
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
      await executor.onResult(step, result);
    },
    onProgress: (host, step, text) => tell({ type: "run.progress", host, about: step, text }),
    async stop() {
      clearInterval(trimmer);
      await follower?.close();
      await queue.close();
      await executor.close();
      await settle.flush();
      stopping = true;
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** Resources with a `restartedAt` or `upgradedAt` that lies ahead, and when it comes: until then it asks for nothing. */
function* momentsAhead(world: World, now: number): Iterable<readonly [string, number]> {
  for (const { id, resource } of world.desired.resources.values())
    for (const field of ["restartedAt", "upgradedAt"]) {
      const text = resource.spec[field],
        at = typeof text === "string" ? Date.parse(text) : Number.NaN;
      if (at > now) yield [id, at];
    }
}

/** Changes of the last week's runs, for limits over time. */
async function recentChanges(store: Store): Promise<RecentChange[]> {
  const found: RecentChange[] = [];
  for (const summary of (await store.runs.list({ limit: 200 })).items) {
    if (summary.endedAt === undefined) continue;
    const record = await store.plans.get(summary.digest);
    if (record === undefined) continue;
    const run = newRun(summary.id, record.plan);
    for (const event of await store.runs.events(summary.id)) apply(run, event);
    for (const { change, state } of run.changes.values())
      if (state === "done")
        found.push({ resource: change.resource, host: change.host, deletes: change.act === "delete", at: Date.parse(summary.endedAt) });
  }
  return found;
}
