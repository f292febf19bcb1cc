import { randomUUID } from "node:crypto";
import { canonicalJson } from "../../schemas/canonical.ts";
import { splitInstance } from "../../schemas/ids.ts";
import type { Change, Plan } from "../../schemas/plan.ts";
import type { Problem } from "../../schemas/problem.ts";
import { overLimits, type RecentChange } from "../core/limits.ts";
import { type Orphan, orphansOf } from "../core/orphans.ts";
import type { Assessment } from "../core/pair.ts";
import { makePlan } from "../core/plan.ts";
import { taintedBy } from "../core/taint.ts";
import type { Run } from "../core/run.ts";
import type { Store } from "../store/store.ts";
import { createCooling } from "./cooldown.ts";
import { createCover, exact } from "./cover.ts";
import type { Decisions } from "./decisions.ts";
import type { Executor } from "./execute.ts";
import { gate } from "./gate.ts";
import type { Log, Tell } from "./ports.ts";
import type { Queue } from "./queue.ts";
import { countStates, groupHealth, undoFailed } from "./run-words.ts";
import { touched } from "./touched.ts";
import type { Taint } from "./taint.ts";
import { syncedDigest } from "./wanted.ts";
import type { World } from "./world.ts";

interface ReconcileOptions {
  readonly world: World;
  readonly store: Store;
  readonly executor: Executor;
  readonly decisions: Decisions;
  readonly taint: Pick<Taint, "all">;
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
  /** What ran within the last week and what runs now: limits count both. */
  recent(): readonly RecentChange[];
  /** Why a plan that was made earlier goes beyond a limit by now: others ran since. */
  beyond(plan: Plan): readonly Problem[];
  /** An instance is in sync: whether a change of the last plan may have waited to know that. */
  awaits(id: string): boolean;
  /** Somebody said no to a plan. */
  rejected(digest: string): void;
  busy(id: string): boolean;
  /** Keeps what must outlast a run before its end is noted: what was rolled back is held. */
  ending(run: Run): Promise<void>;
  ended(run: Run): void;
  /** A run that was cut off by the end of the process. */
  adopt(run: Pick<Run, "id" | "plan" | "by">): void;
  readonly corrections: { recent(id: string): number };
  restore(corrections: ReadonlyMap<string, readonly number[]>, recent: readonly RecentChange[]): void;
  pending(): string | null;
  waiting(): string | undefined;
}

/** Who says yes where no person does. */
export const approvers = { policy: "policy", earlier: "earlier approval", correction: "drift correction" } as const;
const byUs: ReadonlySet<string> = new Set(Object.values(approvers));
/** How long a plan waits for answers after a commit or a change of the inventory, in milliseconds. */
const answerPatienceMs = 3000;
const dayMs = 86_400_000,
  hourMs = 3_600_000;

export function createReconcile(options: ReconcileOptions): Reconcile {
  const { world, store, executor, queue, tell, log, now } = options;
  /** Instances that a run works on, with their resource's digest when it began. */
  const working = new Map<string, { readonly run: string; readonly digest: string | undefined }>();
  const cooling = createCooling(now),
    cover = createCover(now),
    corrected = new Map<string, number[]>(),
    waiting = new Map<string, { readonly reason: string; readonly tree: string }>();
  let recent: RecentChange[] = [],
    pending: string | null = null,
    /** Instances of the plan that waits: when one of them comes to be in sync by itself, the plan is not due as it is. */
    pendingIds: ReadonlySet<string> = new Set(),
    unsure: ReadonlySet<string> = new Set();

  /** A rollout that begins with a canary goes one at a time: what comes later waits for what it shows. */
  const rollsOut = (id: string): boolean => {
    const { resource } = world.desired.instances.get(id) ?? {},
      kind = world.kinds.get(resource?.kind ?? "");
    if (resource === undefined || kind?.scope !== "hosts" || kind.rollout(resource.resource.spec)?.canary === undefined) return false;
    for (const other of working.keys()) if (splitInstance(other).resource === resource.id) return true;
    return false;
  };
  const busy = (id: string): boolean => working.has(id) || rollsOut(id);
  const digestNow = (id: string): string | undefined => world.desired.instances.get(id)?.resource.digest;
  /** Also where the clock was set back since: what lies ahead by more than an hour was long ago. */
  const withinHour = (at: number): boolean => Math.abs(now() - at) < hourMs;
  const recentCorrections = (id: string): number => (corrected.get(id) ?? []).filter(withinHour).length;
  const lately = (): RecentChange[] => [...recent, ...executor.running().flatMap((run) => touched(run, now()))];

  const planOf = (assessments: Iterable<Assessment>, withOrphans: boolean): Plan =>
    makePlan({
      kinds: world.kinds,
      desired: world.desired,
      hosts: world.hosts,
      fact: world.fact,
      assessments,
      inSync: world.inSync(),
      synced: syncedDigest(world),
      tainted: taintedBy(options.taint.all, world.desired, (id) => world.synced.get(id)),
      policies: world.policies,
      orphans: withOrphans ? orphansOf(world.hosts.values(), world.desired, world.kinds, world.policies).map(coolOrphan) : [],
      recent: lately(),
      busy,
      approval: world.settings.approval,
      now: now(),
    });
  const someOf = function* (wanted: (assessment: Assessment) => boolean): Iterable<Assessment> {
    for (const assessment of world.open()) if (wanted(assessment)) yield assessment;
  };
  const coolOrphan = (orphan: Orphan): Orphan => (cooling.has(orphan.id, undefined) ? { ...orphan, draft: undefined } : orphan);
  /** What the loop may plan by itself: changes of the manifests; drift is told or put right on its own path. */
  const ofManifests = (assessment: Assessment): boolean => {
    if (assessment.is !== "differs" && assessment.is !== "blocked") return true;
    const instance = world.desired.instances.get(assessment.id);
    return instance !== undefined && !world.wasSynced(instance) && !cooling.has(assessment.id, instance.resource.digest);
  };

  const start = async (plan: Plan, by: string): Promise<string> => {
    const id = `run-${randomUUID()}`;
    adopt(id, plan);
    try {
      await executor.start(id, plan, by, factsBefore(plan));
    } catch (error) {
      for (const change of plan.changes) working.delete(change.id);
      throw error;
    }
    tell({
      type: "run.started",
      about: id,
      text: `${counted(plan.changes.length, "change")} on ${counted(new Set(plan.changes.map((change) => change.host)).size, "host")}, approved by ${by}`,
      data: { digest: plan.digest },
    });
    return id;
  };
  const adopt = (run: string, plan: Plan): void => {
    const digests = new Map(plan.changes.map(({ id }) => [id, plan.tree === world.desired.tree ? digestNow(id) : undefined]));
    for (const [id, digest] of digests) working.set(id, { run, digest });
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
      return later(digest, now() + 1000, `${clash.id} is being changed by ${working.get(clash.id)?.run ?? "another run"}`);
    if (executor.running().length >= world.settings.limits.runs)
      return later(digest, now() + 1000, `${world.settings.limits.runs} runs are at work already`);
    const open = gate(plan.changes, world, now());
    if (!open.open) return later(digest, open.until, open.reason);
    waiting.delete(digest);
    return { run: await start(plan, by) };
  };
  const later = (digest: string, until: number, reason: string): { waiting: string } => {
    waiting.set(digest, { reason: `${digest.slice(0, 12)}: ${reason}`, tree: world.desired.tree });
    queue.addAfter(`admit ${digest}`, until - now());
    return { waiting: reason };
  };
  const approvedByPolicy = async (plan: Plan, who: string): Promise<void> => {
    await store.plans.save(plan);
    const { decision } = await options.decisions.policy({ digest: plan.digest, decision: "approved", by: who, role: "policy", at: now() });
    if (decision.decision === "approved") await admit(plan.digest, plan, decision.by);
  };

  /** While hosts are still answering what a new commit asks, a plan would change with each answer: it waits a little for them. */
  const answering = (): boolean => {
    const since = now() - world.changedAt();
    if (since < 0 || since > answerPatienceMs) return false;
    for (const assessment of world.open()) if (assessment.is === "unknown" && assessment.awaited === true) return true;
    return false;
  };
  const planAll = async (): Promise<void> => {
    if (answering()) return queue.addAfter("plan", 25);
    // Before the plan: what cools down while it is made is planned the next time, and not forgotten.
    for (const left of cooling.left()) queue.addAfter("plan", left);
    const plan = planOf(someOf(ofManifests), true);
    unsure = new Set(plan.blocked.length === 0 ? [] : plan.unknown.map(({ id }) => id));
    for (const [digest, { tree }] of waiting) if (tree !== world.desired.tree) queue.add(`admit ${digest}`);
    if (plan.changes.length === 0) return dropPending();
    if (plan.digest === pending) return;
    const before = await store.plans.get(plan.digest);
    if (before?.state === "rejected") return dropPending();
    if (before?.state === "approved") {
      await dropPending();
      return queue.add(`admit ${plan.digest}`);
    }
    if (plan.problems.length === 0 && cover.has(plan)) return approvedByPolicy(plan, approvers.earlier);
    if (plan.problems.length === 0 && !plan.approval.needed) {
      await dropPending();
      return approvedByPolicy(plan, approvers.policy);
    }
    await store.plans.save(plan);
    await dropPending(plan.digest);
    pending = plan.digest;
    pendingIds = new Set(plan.changes.map(({ id }) => id));
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
    if (plan.changes.length === 0 || (await store.plans.get(plan.digest))?.state === "rejected") return;
    if (plan.problems.length > 0) return tell({ type: "drift.limit", host, about: host, text: plan.problems[0]?.summary ?? "" });
    const open = gate(plan.changes, world, now());
    if (!open.open) return queue.addAfter(`correct ${host}`, open.until - now());
    for (const change of plan.changes) {
      corrected.set(change.id, [...(corrected.get(change.id) ?? []).filter(withinHour), now()]);
      await store.desired.noteCorrection(change.id, now());
    }
    await approvedByPolicy(plan, approvers.correction);
  };

  const ending = async (run: Run): Promise<void> => {
    const takenBack = (change: Change): boolean => run.changes.get(change.id)?.state === "rolled-back" || undoFailed(run, change.group);
    const first = new Map(run.plan.changes.filter(takenBack).map((change) => [change.resource, change]));
    for (const { change, state } of run.changes.values()) {
      const digest = working.get(change.id)?.digest,
        halted = state === "skipped" ? first.get(change.resource) : undefined;
      if (digest === undefined || (halted === undefined && !takenBack(change))) continue;
      const reason =
        halted === undefined
          ? `rolled back by ${run.id}${groupHealth(run, change.group)}`
          : `the rollout stopped: ${halted.id} was rolled back by ${run.id}${groupHealth(run, halted.group)}`;
      world.held.set(change.id, { digest, reason });
      await store.desired.hold({ instance: change.id, digest, reason, at: now() });
    }
  };
  const ended = (run: Run): void => {
    const done: { readonly change: Change; readonly digest: string | undefined }[] = [];
    for (const { change, state, held } of run.changes.values()) {
      const digest = working.get(change.id)?.digest ?? digestNow(change.id);
      working.delete(change.id);
      if (state === "done") done.push({ change, digest });
      // What was skipped would else go ahead of what it needs, or to the next host of a rollout that stopped.
      // What may not begin now is planned at once, and waits until it may.
      else if (state !== "skipped" || !(run.cancelled || held !== undefined)) cooling.note(run, change, digest);
    }
    recent = [...recent.filter((change) => change.at > now() - 7 * dayMs), ...touched(run, now())];
    for (const [id, times] of corrected) if (!times.some(withinHour)) corrected.delete(id);
    tell({
      type: "run.ended",
      about: run.id,
      text: `${run.state}: ${countStates(run)}`,
      data: { state: run.state, digest: run.plan.digest },
    });
    world.reassess(run.changes.keys());
    for (const { change, digest } of done) {
      if (withoutEffect(change, world.assessment(change.id))) cooling.note(run, change, digest);
      else cooling.delete(change.id);
    }
    queue.add("plan");
  };
  const readmit = async (digest: string): Promise<void> => {
    waiting.delete(digest);
    const record = await store.plans.get(digest);
    if (record?.state !== "approved") return;
    const late = Math.abs(now() - (record.decision?.at ?? 0)) > world.settings.approval.expiresMs,
      moved = record.plan.tree !== world.desired.tree,
      [limit] = beyond(record.plan),
      by = record.decision?.by ?? approvers.policy,
      anew = late || moved || limit !== undefined || record.plan.changes.some(({ id }) => busy(id)) ? undefined : anewOf(record.plan);
    if (!late && !moved && limit === undefined && anew === undefined) return void (await admit(digest, record.plan, by));
    await store.plans.move(digest, ["approved"], "superseded");
    const why = late
      ? "The approval was given too long ago; the plan is made anew"
      : moved
        ? "The manifests changed since; the plan is made anew"
        : limit !== undefined
          ? `${limit.summary.replace(/\.$/, "")}; the plan is made anew`
          : anew?.changes.length === 0
            ? "Nothing of it is left to do as it was planned"
            : "A part of it was done or changed meanwhile; the plan is made anew";
    tell({ type: "plan.expired", about: digest, text: `${why}.` });
    if (anew !== undefined && anew.changes.length > 0 && anew.problems.length === 0 && cover.has(anew))
      return approvedByPolicy(anew, approvers.earlier);
    if (by === approvers.correction)
      for (const host of new Set(record.plan.changes.map((change) => change.host))) queue.add(`correct ${host}`);
    queue.add("plan");
  };
  /** What is due now of what an earlier plan would do; undefined where that is all of it. Of a host that is silent nobody knows better than the plan. */
  const anewOf = (plan: Plan): Plan | undefined => {
    const ids = new Set(plan.changes.map(({ id }) => id)),
      orphans = plan.changes.some(({ cause }) => cause === "orphan"),
      anew = planOf(
        someOf((assessment) => ids.has(assessment.id)),
        orphans,
      );
    const due = new Set(anew.changes.map(exact)),
      unknown = new Set(anew.unknown.map(({ id }) => id)),
      unsure = new Set(plan.changes.filter(({ id }) => unknown.has(id)).map(({ group }) => group));
    return plan.changes.every((change) => due.has(exact(change)) || unsure.has(change.group)) ? undefined : anew;
  };
  const beyond = (plan: Plan): readonly Problem[] =>
    overLimits(plan.changes, lately(), { hosts: world.hosts, policies: world.policies, now: now() });

  return {
    plan: (ids) => planOf(ids === undefined ? world.open() : someOf((assessment) => ids.has(assessment.id)), ids === undefined),
    async work(key) {
      if (key === "plan") return planAll();
      if (key.startsWith("correct ")) return correct(key.slice("correct ".length));
      return readmit(key.slice("admit ".length));
    },
    async admit(digest, plan, by) {
      cover.add(plan);
      if (pending === digest) pending = null;
      const answer = await admit(digest, plan, by).catch((failure: unknown) => {
        // It is approved: what kept it from beginning, such as a full disk, passes.
        queue.addAfter(`admit ${digest}`, 1000);
        throw failure;
      });
      if (answer.run === undefined) log.info({ digest, reason: answer.waiting }, "an approved plan waits");
      return answer;
    },
    recent: lately,
    beyond,
    awaits: (id) => unsure.has(id) || (pending !== null && pendingIds.has(id)),
    rejected: (digest) => {
      if (pending === digest) pending = null;
      waiting.delete(digest);
    },
    busy: (id) => working.has(id),
    ending,
    ended,
    adopt: ({ id, plan, by }) => {
      adopt(id, plan);
      if (!byUs.has(by)) cover.add(plan);
    },
    corrections: { recent: recentCorrections },
    restore(corrections, before) {
      for (const [id, times] of corrections) corrected.set(id, [...times]);
      recent = [...before];
    },
    pending: () => pending,
    waiting: () => waiting.values().next().value?.reason,
  };
}

const counted = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;

/** Whether a change was done and its instance differs as before: whatever is wrong there, doing it again at once would go on for ever. */
const withoutEffect = ({ differences }: Change, now: Assessment | undefined): boolean =>
  now?.is === "differs" && differences.length > 0 && canonicalJson(now.evaluation.differences) === canonicalJson(differences);
