import { randomUUID } from "node:crypto";
import { canonicalJson } from "../../schemas/canonical.ts";
import type { Change, Plan } from "../../schemas/plan.ts";
import type { RecentChange } from "../core/limits.ts";
import { orphansOf } from "../core/orphans.ts";
import type { Assessment } from "../core/pair.ts";
import { makePlan } from "../core/plan.ts";
import type { Run } from "../core/run.ts";
import type { Store } from "../store/store.ts";
import type { Executor } from "./execute.ts";
import { gate } from "./gate.ts";
import type { Log, Tell } from "./ports.ts";
import type { Queue } from "./queue.ts";
import type { World } from "./world.ts";

interface ReconcileOptions {
  readonly world: World;
  readonly store: Store;
  readonly executor: Executor;
  readonly queue: Pick<Queue, "add" | "addAfter">;
  readonly judgement: (id: string) => { readonly do: string };
  readonly tell: Tell;
  readonly log: Log;
  readonly now: () => number;
}

/** Makes plans, lets those run that may, and keeps in mind what runs: the middle of the loop. */
export interface Reconcile {
  /** A plan of what is not in sync. `ids`: of these instances alone; without them of everything, drift included. */
  plan(ids?: ReadonlySet<string>): Plan;
  /** Work of the queue: `plan`, `correct HOST` or `admit DIGEST`. */
  work(key: string): Promise<void>;
  /** Starts an approved plan, or says why it has to wait. */
  admit(digest: string, plan: Plan, by: string): Promise<{ readonly run?: string; readonly waiting?: string }>;
  busy(id: string): boolean;
  ended(run: Run): Promise<void>;
  /** A run that was cut off by the end of the process. */
  adopt(run: Run): void;
  readonly corrections: { recent(id: string): number };
  restore(corrections: ReadonlyMap<string, readonly number[]>, recent: readonly RecentChange[]): void;
  pending(): string | null;
  waiting(): string | undefined;
}

/** A change that failed is tried again by itself only after a while that doubles, up to half an hour. */
const cooldown = { first: 30_000, longest: 1_800_000 };
/** How long a plan waits for answers after a commit or a change of the inventory, in milliseconds. */
const answerPatienceMs = 3000;
const dayMs = 86_400_000,
  hourMs = 3_600_000;

export function createReconcile(options: ReconcileOptions): Reconcile {
  const { world, store, executor, queue, tell, log, now } = options;
  const working = new Map<string, string>();
  const cooling = new Map<string, { digest: string; until: number; tries: number }>();
  const corrected = new Map<string, number[]>();
  let recent: RecentChange[] = [],
    pending: string | null = null,
    waiting: string | undefined;
  const covered: { changes: Set<string>; tree: string; until: number }[] = [];

  const busy = (id: string): boolean => working.has(id);
  const recentCorrections = (id: string): number => (corrected.get(id) ?? []).filter((at) => at > now() - hourMs).length;

  const planOf = (assessments: Iterable<Assessment>, withOrphans: boolean): Plan =>
    makePlan({
      kinds: world.kinds,
      desired: world.desired,
      hosts: world.hosts,
      fact: world.fact,
      assessments,
      inSync: world.inSync(),
      synced: (id) => world.synced.get(id),
      policies: world.policies,
      orphans: withOrphans ? orphansOf(world.hosts.values(), world.desired, world.kinds, world.policies) : [],
      recent,
      busy,
      approval: world.settings.approval,
      now: now(),
    });
  const someOf = function* (wanted: (assessment: Assessment) => boolean): Iterable<Assessment> {
    for (const assessment of world.open()) if (wanted(assessment)) yield assessment;
  };
  const cool = (id: string): boolean => {
    const entry = cooling.get(id);
    return entry !== undefined && entry.until > now() && entry.digest === world.desired.instances.get(id)?.resource.digest;
  };
  /** What the loop may plan by itself: changes of the manifests; drift is told or put right on its own path. */
  const ofManifests = (assessment: Assessment): boolean => {
    if (assessment.is !== "differs" && assessment.is !== "blocked") return true;
    const instance = world.desired.instances.get(assessment.id);
    return instance !== undefined && world.synced.get(assessment.id) !== instance.resource.digest && !cool(assessment.id);
  };

  const start = async (plan: Plan, by: string): Promise<string> => {
    const id = `run-${randomUUID()}`;
    for (const change of plan.changes) working.set(change.id, id);
    try {
      await executor.start(id, plan, by, factsBefore(plan));
    } catch (error) {
      for (const change of plan.changes) working.delete(change.id);
      throw error;
    }
    tell({
      type: "run.started",
      about: id,
      text: `${plan.changes.length} changes on ${new Set(plan.changes.map((change) => change.host)).size} hosts, approved by ${by}`,
      data: { digest: plan.digest },
    });
    await store.audit.append({ at: now(), who: by, what: "run.start", about: id, detail: { digest: plan.digest, commit: plan.commit } });
    return id;
  };
  const factsBefore = (plan: Plan): Record<string, unknown> => {
    const before: Record<string, unknown> = {};
    for (const change of plan.changes) {
      const instance = world.desired.instances.get(change.id),
        value = instance === undefined ? undefined : world.fact(instance.host, instance.askKey)?.value;
      if (value !== undefined && change.differences.length > 0) before[change.id] = value;
    }
    return before;
  };
  const admit: Reconcile["admit"] = async (digest, plan, by) => {
    const clash = plan.changes.find((change) => busy(change.id));
    if (clash !== undefined)
      return later(digest, now() + 1000, `${clash.id} is being changed by ${working.get(clash.id) ?? "another run"}`);
    const open = gate(plan.changes, world, now());
    if (!open.open) return later(digest, open.until, open.reason);
    waiting = undefined;
    return { run: await start(plan, by) };
  };
  const later = (digest: string, until: number, reason: string): { waiting: string } => {
    waiting = `${digest.slice(0, 12)}: ${reason}`;
    queue.addAfter(`admit ${digest}`, until - now());
    return { waiting: reason };
  };
  const approvedByPolicy = async (plan: Plan, who: string): Promise<void> => {
    await store.plans.save(plan);
    await store.plans.decide({ digest: plan.digest, decision: "approved", by: who, role: "policy", at: now() });
    await admit(plan.digest, plan, who);
  };

  /** While hosts are still answering what a new commit asks, a plan would change with each answer: it waits a little for them. */
  const answering = (): boolean => {
    if (now() - world.changedAt() > answerPatienceMs) return false;
    for (const assessment of world.open()) if (assessment.is === "unknown" && assessment.awaited === true) return true;
    return false;
  };
  const planAll = async (): Promise<void> => {
    if (answering()) return queue.addAfter("plan", 25);
    const plan = planOf(someOf(ofManifests), true);
    for (const { until } of cooling.values()) if (until > now()) queue.addAfter("plan", until - now());
    if (plan.changes.length === 0) return dropPending();
    if (plan.digest === pending) return;
    const before = await store.plans.get(plan.digest);
    if (before?.state === "rejected") return dropPending(plan.digest);
    if (plan.problems.length === 0 && isCovered(plan)) return approvedByPolicy(plan, "earlier approval");
    if (plan.problems.length === 0 && !plan.approval.needed) {
      await dropPending();
      return approvedByPolicy(plan, "policy");
    }
    await store.plans.save(plan);
    await dropPending(plan.digest);
    pending = plan.digest;
    tell({
      type: "plan.waits",
      about: plan.digest,
      text: `${plan.changes.length} changes wait for approval (${plan.risk ?? "no"} risk)${plan.problems.length > 0 ? `; ${plan.problems[0]?.summary ?? ""}` : ""}`,
      data: { problems: plan.problems },
    });
  };
  const dropPending = async (except?: string): Promise<void> => {
    if (pending === null || pending === except) return;
    const old = pending;
    pending = null;
    await store.plans.move(old, ["pending"], "superseded");
  };
  /** A later plan whose steps are a subset of an approved one's, its predictions included, needs no new approval. */
  const isCovered = (plan: Plan): boolean =>
    covered.some(
      (approved) =>
        approved.tree === plan.tree && approved.until > now() && plan.changes.every((change) => approved.changes.has(essence(change))),
    );
  const cover = (plan: Plan): void => {
    covered.unshift({ tree: plan.tree, until: now() + hourMs, changes: new Set([...plan.changes, ...plan.later].map(essence)) });
    covered.length = Math.min(covered.length, 16);
  };

  const correct = async (host: string): Promise<void> => {
    const ids = new Set(
      (world.desired.byHost.get(host) ?? [])
        .filter((instance) => options.judgement(instance.id).do === "correct")
        .map((instance) => instance.id),
    );
    if (ids.size === 0) return;
    const plan = planOf(
      someOf((assessment) => ids.has(assessment.id)),
      false,
    );
    if (plan.changes.length === 0) return;
    if (plan.problems.length > 0) return tell({ type: "drift.limit", host, about: host, text: plan.problems[0]?.summary ?? "" });
    const open = gate(plan.changes, world, now());
    if (!open.open) return queue.addAfter(`correct ${host}`, open.until - now());
    for (const change of plan.changes) {
      corrected.set(change.id, [...(corrected.get(change.id) ?? []).filter((at) => at > now() - hourMs), now()]);
      await store.desired.noteCorrection(change.id, now());
    }
    await approvedByPolicy(plan, "drift correction");
  };

  const ended = async (run: Run): Promise<void> => {
    for (const record of run.changes.values()) {
      const { change, state } = record,
        digest = world.desired.instances.get(change.id)?.resource.digest;
      working.delete(change.id);
      if (state === "done") cooling.delete(change.id);
      else if (state !== "skipped" && digest !== undefined) {
        const tries = (cooling.get(change.id)?.tries ?? 0) + 1;
        cooling.set(change.id, { digest, tries, until: now() + Math.min(cooldown.longest, cooldown.first * 2 ** (tries - 1)) });
      }
      if (state === "rolled-back" && digest !== undefined) {
        const reason = `rolled back by ${run.id}${groupHealth(run, change.group)}`;
        world.held.set(change.id, { digest, reason });
        await store.desired.hold({ instance: change.id, digest, reason, at: now() });
      }
    }
    recent = [...recent.filter((change) => change.at > now() - 7 * dayMs), ...doneChanges(run, now())];
    tell({
      type: "run.ended",
      about: run.id,
      text: `${run.state}: ${countStates(run)}`,
      data: { state: run.state, digest: run.plan.digest },
    });
    await store.audit.append({ at: now(), who: "controller", what: "run.end", about: run.id, detail: { state: run.state } });
    world.reassess(run.changes.keys());
    if (run.state === "partial" || run.plan.later.length > 0) queue.add("plan");
  };

  return {
    plan: (ids) => planOf(ids === undefined ? world.open() : someOf((assessment) => ids.has(assessment.id)), ids === undefined),
    async work(key) {
      if (key === "plan") return planAll();
      if (key.startsWith("correct ")) return correct(key.slice("correct ".length));
      const digest = key.slice("admit ".length),
        record = await store.plans.get(digest);
      if (record?.state !== "approved") return;
      if ((record.decision?.at ?? 0) + world.settings.approval.expiresMs < now()) {
        await store.plans.move(digest, ["approved"], "superseded");
        tell({ type: "plan.expired", about: digest, text: "The approval was given too long ago; the plan is made anew." });
        queue.add("plan");
      } else if (record.plan.tree !== world.desired.tree) await store.plans.move(digest, ["approved"], "superseded");
      else await admit(digest, record.plan, record.decision?.by ?? "policy");
    },
    async admit(digest, plan, by) {
      cover(plan);
      if (pending === digest) pending = null;
      const answer = await admit(digest, plan, by);
      if (answer.run === undefined) log.info({ digest, reason: answer.waiting }, "an approved plan waits");
      return answer;
    },
    busy,
    ended,
    adopt: (run) => {
      for (const change of run.plan.changes) working.set(change.id, run.id);
    },
    corrections: { recent: recentCorrections },
    restore(corrections, before) {
      for (const [id, times] of corrections) corrected.set(id, [...times]);
      recent = [...before];
    },
    pending: () => pending,
    waiting: () => waiting,
  };
}

/** What a change does, whatever it expects to find: for comparing a prediction with what it came out as. */
const essence = (change: Change): string =>
  canonicalJson({ id: change.id, steps: change.steps.map(({ action, input, host }) => ({ action, input, host })) });

const groupHealth = (run: Run, group: string): string => {
  const health = run.changes.get(group)?.health;
  return health === undefined ? "" : `, health: ${health}`;
};

const doneChanges = (run: Run, at: number): RecentChange[] =>
  [...run.changes.values()]
    .filter((record) => record.state === "done")
    .map(({ change }) => ({ resource: change.resource, host: change.host, deletes: change.act === "delete", at }));

const countStates = (run: Run): string => {
  const counts = new Map<string, number>();
  for (const record of run.changes.values()) counts.set(record.state, (counts.get(record.state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(", ");
};
