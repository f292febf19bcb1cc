import { parseSelector, select as selectHosts } from "../../schemas/selector.ts";
import type { EnrolTokenRequest, EnrolTokenView } from "../../schemas/api.ts";
import type { Plan } from "../../schemas/plan.ts";
import { error, type Problem, ProblemError } from "../../schemas/problem.ts";
import { nearest } from "../../schemas/selector/nearest.ts";
import { probes } from "../../schemas/verbs/index.ts";
import { selectorHost } from "../core/inventory.ts";
import { hostNames, withNearHosts } from "../core/near-host.ts";
import { selectInPieces } from "../core/select.ts";
import { changedResources } from "../core/taint.ts";
import { newRun, apply, type Run } from "../core/run.ts";
import { viewRun } from "../core/run-view.ts";
import { digestOf } from "../core/plan.ts";
import { mintToken, tokenOf } from "../store/token-secret.ts";
import type { Store } from "../store/store.ts";
import type { Caller, Controller } from "./controller.ts";
import type { Decisions } from "./decisions.ts";
import type { Executor } from "./execute.ts";
import type { Fleet } from "./fleet.ts";
import { inPieces } from "./in-pieces.ts";
import { importFrom } from "./import.ts";
import { mayApprove } from "./may-approve.ts";
import type { Agents } from "./ports.ts";
import { preview } from "./preview.ts";
import { approvers, type Reconcile } from "./reconcile.ts";
import type { Settle } from "./alert.ts";
import type { Taint } from "./taint.ts";
import { undoEdits } from "./undo.ts";
import { driftView, eventView, hostSummary, instanceView, iso, resourceView } from "./views.ts";
import type { Workspace } from "./workspace.ts";
import type { World } from "./world.ts";
import type { Force } from "./force.ts";

export interface BackendOptions {
  readonly id: string;
  readonly version: string;
  readonly world: World;
  readonly fleet: Fleet;
  readonly store: Store;
  readonly agents: Agents;
  readonly executor: Executor;
  readonly reconcile: Reconcile;
  readonly decisions: Decisions;
  readonly settle: Settle;
  readonly workspace: Workspace;
  readonly force: Force;
  readonly taint: Taint;
  readonly revokeAgent: (host: string, by: string) => Promise<boolean>;
  readonly enrolToken: (request: EnrolTokenRequest, by: string) => Promise<EnrolTokenView>;
  readonly now: () => number;
}

/** The nearest name that there is, else what lists them. */
const meant = (said: string, known: Iterable<string>, lists: string): string => {
  const near = nearest(said, [...known]);
  return near === undefined ? `See: ${lists}` : `Did you mean ${near}?`;
};
const notFound = (what: string, id: string, hint: string): ProblemError =>
  new ProblemError(error(`not-found/${what}`, `There is no ${what} ${id}.`, { hint }));

/** Everything that people and programs can do, over the parts of the loop. */
export function createBackend(options: BackendOptions): Controller {
  const { world, store, fleet, workspace, reconcile, executor, now } = options;
  const audit = (by: Caller, what: string, about: string, detail?: unknown): Promise<unknown> =>
    store.audit.append({ at: now(), who: by.name, what, about, ...(detail === undefined ? {} : { detail }) });
  const page = <T, U>(from: { items: readonly T[]; next?: string | undefined }, view: (item: T) => U): { items: U[]; next?: string } => ({
    items: from.items.map(view),
    ...(from.next === undefined ? {} : { next: from.next }),
  });

  const pick: Controller["hosts"] = (selector) => {
    const all = [...world.hosts.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const summary = (name: string) => hostSummary(world.hosts.get(name) as never, fleet.state(name), world);
    if (selector === undefined || selector.trim() === "") return { hosts: all.map((host) => summary(host.name)), unknown: [] };
    const parsed = parseSelector(selector);
    if (!parsed.ok)
      throw new ProblemError(
        error("invalid/selector", parsed.problem.message, {
          detail: parsed.problem.caret,
          ...(parsed.problem.expected === undefined ? {} : { hint: `Expected: ${parsed.problem.expected}` }),
        }),
      );
    const { matched, unknown } = selectHosts(parsed.selector, all.map(selectorHost));
    return { hosts: matched.map((host) => summary(host.name)), unknown: unknown.map((host) => host.name) };
  };
  const runOf = async (id: string): Promise<Run> => {
    const live = executor.running().find((run) => run.id === id);
    if (live !== undefined) return live;
    const summary = await store.runs.get(id),
      record = summary === undefined ? undefined : await store.plans.get(summary.digest);
    if (record === undefined) throw notFound("run", id, "See: backend-ai runs");
    const run = newRun(id, record.plan);
    for (const event of await store.runs.events(id)) apply(run, event);
    return run;
  };
  const planOf: Controller["planOf"] = async (digest) => {
    const exact = await store.plans.get(digest);
    if (exact !== undefined) return exact;
    const { items } = await store.plans.list({ limit: 1000 });
    const close = digest.length >= 6 ? [...new Set(items.filter((item) => item.digest.startsWith(digest)).map((item) => item.digest))] : [];
    const only = close.length === 1 ? await store.plans.get(close[0] ?? "") : undefined;
    if (only !== undefined) return only;
    throw notFound(
      "plan",
      digest,
      close.length > 1 ? "More than one plan begins like that: give more of the digest." : "See: backend-ai status",
    );
  };
  const scope = (request: Parameters<Controller["plan"]>[0]): Set<string> | undefined => {
    if (request.on === undefined && request.ids === undefined) return undefined;
    const hosts = request.on === undefined ? undefined : new Set(pick(request.on).hosts.map((host) => host.name));
    const ids = new Set<string>();
    const wanted =
      request.ids === undefined
        ? world.desired.instances.values()
        : request.ids.flatMap((id) => world.desired.byResource.get(id) ?? world.desired.instances.get(id) ?? missing(id));
    for (const instance of wanted) if (hosts === undefined || hosts.has(instance.host)) ids.add(instance.id);
    return ids;
  };
  const missing = (id: string): never => {
    throw notFound(
      "resource",
      id,
      meant(id, [...world.desired.byResource.keys(), ...world.desired.instances.keys()], "backend-ai get KIND"),
    );
  };

  /** Files that a plan's changes come from. */
  const filesOf = (plan: Plan): string[] => plan.changes.flatMap(({ resource }) => world.desired.resources.get(resource)?.file ?? []);
  const previewing = {
    world,
    fleet,
    agents: options.agents,
    workspace,
    taint: options.taint,
    base: () => options.force.head(),
    recent: reconcile.recent,
    now,
  };

  const isDrifted = (id: string): boolean => {
    const instance = world.desired.instances.get(id);
    return instance !== undefined && world.wasSynced(instance);
  };

  let told: { of: readonly Problem[]; hosts: number; warnings: readonly Problem[] } | undefined;
  /** The warnings of what is in force, with the nearest host for a name that nobody has; compared anew where these, or the hosts, changed. */
  const warnings = (): readonly Problem[] => {
    const of = world.desired.warnings,
      hosts = world.hosts.size;
    if (told?.of !== of || told.hosts !== hosts)
      told = { of, hosts, warnings: withNearHosts(of, world.desired.resources, hostNames(world)) };
    return told.warnings;
  };

  const backend: Controller = {
    status() {
      const counts = { inSync: world.inSync(), differs: 0, drifted: 0, blocked: 0, unknown: 0 };
      for (const assessment of world.open()) {
        if (assessment.is === "unknown" || assessment.is === "changing") counts.unknown += 1;
        else if (assessment.is === "blocked") counts.blocked += 1;
        else if (isDrifted(assessment.id)) counts.drifted += 1;
        else counts.differs += 1;
      }
      const hosts = [...world.hosts.values()],
        waiting = reconcile.waiting();
      return {
        version: options.version,
        controller: options.id,
        workspace: workspace.folder,
        branch: workspace.branch,
        commit: world.desired.commit,
        head: options.force.head(),
        problems: [...options.force.problems(), ...warnings()],
        hosts: { online: hosts.filter((host) => host.online).length, all: hosts.length },
        instances: counts,
        drift: options.settle.alerts.size,
        pendingPlan: reconcile.pending(),
        running: executor.running().map((run) => run.id),
        ...(waiting === undefined ? {} : { waiting }),
      };
    },
    uncommitted: () => workspace.uncommitted(),
    ready: () => options.force.ready(),
    resources: (kind) =>
      [...world.desired.resources.values()]
        .filter((one) => kind === undefined || one.kind.toLowerCase() === kind.toLowerCase())
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map((one) => resourceView(one, world)),
    resource(id) {
      const found = world.desired.resources.get(id);
      return found === undefined ? missing(id) : resourceView(found, world);
    },
    instance(id) {
      const found = world.desired.instances.get(id);
      return found === undefined ? missing(id) : instanceView(found, world, true);
    },
    hosts: pick,
    host(name) {
      const found = world.hosts.get(name);
      if (found === undefined) throw notFound("host", name, meant(name, world.hosts.keys(), "backend-ai agents"));
      return hostSummary(found, fleet.state(name), world);
    },
    async revokeAgent(host, by) {
      if (!(await options.revokeAgent(host, by.name))) throw notFound("agent", host, meant(host, world.hosts.keys(), "backend-ai agents"));
      await audit(by, "agent.revoke", host);
    },
    async drift(request) {
      if (request.open !== false) return { items: (await store.alerts.openAlerts()).map(driftView) };
      return page(await store.alerts.list(request), driftView);
    },

    async plan(request) {
      const plan = reconcile.plan(scope(request));
      if (plan.changes.length > 0) await store.plans.save(plan);
      return plan;
    },
    preview: (edits, on, reveal = false, tainted = false) => preview(edits, on, reveal, tainted, previewing),
    plans: (request) => store.plans.list(request),
    planOf,
    async approve(digest, by, reason, saved) {
      if (saved !== undefined) {
        if (digestOf(saved.tree, [...saved.changes, ...saved.later]) !== saved.digest || saved.digest !== digest)
          throw new ProblemError(
            error("invalid/plan", "The saved plan was changed: its digest does not fit what it holds.", {
              hint: "Make a new one: backend-ai reconcile --out FILE",
            }),
          );
      }
      const record = await planOf(digest);
      await mayApprove(record.plan, by, () => workspace.requesters(record.plan.commit, filesOf(record.plan)));
      if (record.plan.tree !== world.desired.tree)
        throw new ProblemError(
          error("conflict/stale-plan", "The manifests changed since this plan was made.", {
            hint: "Look at the new one: backend-ai reconcile --dry-run",
          }),
        );
      const [limit] = reconcile.beyond(record.plan);
      if (limit !== undefined) throw new ProblemError({ ...limit, code: "conflict/policy-blast-radius" });
      // A plan that somebody kept is what we made: its digest says so. It may have been set aside here since.
      if (saved !== undefined && record.state === "superseded") await store.plans.save(record.plan);
      const { first, decision } = await options.decisions
        .person({
          digest: record.digest,
          decision: "approved",
          by: by.name,
          role: by.role,
          at: now(),
          ...(reason === undefined ? {} : { reason }),
        })
        .catch(undecidable(record.digest, record.state));
      if (!first && decision.decision === "rejected")
        throw new ProblemError(error("conflict/rejected", `${decision.by} rejected this plan already.`));
      if (!first)
        throw new ProblemError(error("conflict/decided", `${decision.by} approved this plan already.`, { hint: "See: backend-ai runs" }));
      const answer = await reconcile.admit(record.digest, record.plan, by.name);
      return { digest: record.digest, decision: "approved", ...answer };
    },
    async reject(digest, by, reason) {
      const record = await planOf(digest);
      const { first, decision } = await options.decisions
        .person({
          digest: record.digest,
          decision: "rejected",
          by: by.name,
          role: by.role,
          at: now(),
          ...(reason === undefined ? {} : { reason }),
        })
        .catch(undecidable(record.digest, record.state));
      if (!first) throw new ProblemError(error("conflict/decided", `${decision.by} ${decision.decision} this plan already.`));
      reconcile.rejected(record.digest);
      return { digest: record.digest, decision: "rejected" };
    },
    runs: (request) => store.runs.list(request),
    run: async (id) => viewRun(await runOf(id)),
    async runEvents(id, after = 0) {
      const summary = await store.runs.get(id);
      if (summary === undefined) throw notFound("run", id, "See: backend-ai runs");
      const events = summary.events > after ? await store.runs.events(id, after) : [];
      return { events: [...events], next: after + events.length, ended: summary.endedAt !== undefined || events.at(-1)?.type === "ended" };
    },
    followRun: (id, listener) => store.runs.follow(id, listener),
    async cancelRun(id, by) {
      if (!(await executor.cancel(id, by.name))) throw notFound("running run", id, "See: backend-ai runs");
      await audit(by, "run.cancel", id);
    },
    async undo(id) {
      const latest = id ?? (await store.runs.list({ limit: 1000 })).items.find((run) => run.by !== approvers.correction)?.id;
      if (latest === undefined) throw notFound("run", "to undo", "Nothing ran yet.");
      const commit = options.force.head();
      const edits = await undoEdits(await runOf(latest), {
        kinds: world.kinds,
        resources: world.desired.resources,
        fileText: (path) => workspace.fileText(commit, path),
      });
      if (edits.edits.length === 0) return { ...edits, plan: null };
      const shown = await preview(edits.edits, undefined, false, false, previewing);
      return { ...edits, plan: shown.plan, problems: [...edits.problems, ...shown.problems] };
    },

    async commit(edits, note, by) {
      const parent = options.force.head(),
        checked = await workspace.loadEdited(parent, edits);
      if (!checked.ok) throw new ProblemError(checked.problems);
      const views = fleet.views(checked.loaded.resources),
        desired = await inPieces(selectInPieces(checked.loaded, views, world.kinds, checked.loaded.context));
      const conflicts = desired.claims.conflicts();
      if (conflicts.length > 0) throw new ProblemError(conflicts);
      const { tainted = [] } = note,
        changed = tainted.length === 0 ? [] : changedResources(world.desired.resources, desired.resources);
      await options.taint.note(changed);
      const audited = (commit: string, more: object = {}): Promise<unknown> =>
        audit(by, "commit", commit, {
          message: note.message,
          source: note.source,
          ...(note.request === undefined ? {} : { request: note.request }),
          ...(tainted.length === 0 ? {} : { tainted: tainted.slice(0, 20) }),
          ...more,
        });
      const done = await workspace.commit(parent, edits, note, by.name).catch(async (failure: unknown) => {
        // Where it failed with the branch moved already, it takes effect, and so does its taint.
        const head = isConflict(failure) ? parent : await workspace.head().catch(() => undefined);
        if (head === parent) await options.taint.forget(changed).catch(() => undefined);
        else await audited(head ?? "unknown", { unfinished: failure instanceof Error ? failure.message : String(failure) });
        throw failure;
      });
      await audited(done.commit);
      await options.force.take(done.commit);
      return done;
    },
    fileText: (path) => workspace.fileText(options.force.head(), path),
    importFrom: (request) =>
      importFrom(request, {
        hosts: pick(request.on).hosts.map((host) => host.name),
        guests: (host) => [...(world.hosts.get(host)?.cluster?.guests.values() ?? [])].flat(),
        kinds: world.kinds,
        desired: world.desired,
        query: (host, ask) => options.agents.query(host, ask, 30_000),
      }),
    async query(host, probe, input, timeoutMs = 30_000) {
      backend.host(host);
      if (!Object.hasOwn(probes, probe))
        throw new ProblemError(
          error("invalid/probe", `There is no probe '${probe}'.`, { hint: `Probes: ${Object.keys(probes).join(", ")}` }),
        );
      return options.agents.query(host, { probe, input }, timeoutMs);
    },

    async events(after, limit) {
      const piece = await store.events.after(after, limit);
      return { ...piece, events: piece.events.map(eventView) };
    },
    async latestEvents(count) {
      const piece = await store.events.latest(count);
      return { last: piece.last, events: piece.events.map(eventView) };
    },
    followEvents: (listener) => store.events.follow((events) => listener(events.map(eventView))),
    audit: (request) => store.audit.list(request),
    verifyAudit: () => store.audit.verify(),
    note: async (who, what, about, detail) =>
      void (await store.audit.append({ at: now(), who, what, about, ...(detail === undefined ? {} : { detail }) })),

    async enrolToken(request, by) {
      const view = await options.enrolToken(request, by.name);
      await audit(by, "enrol.token", request.host ?? "any host", { uses: request.uses ?? 1, expiresAt: view.expiresAt });
      return view;
    },
    apiTokens: async () => (await store.tokens.list()).map(({ secretHash: _, ...token }) => token),
    async createApiToken(name, role, expiresAt, by) {
      const { id, secret, secretHash } = mintToken();
      const added = ownNames.has(name.toLowerCase())
        ? false
        : await store.tokens.add({
            id,
            name,
            role,
            secretHash,
            createdAt: now(),
            createdBy: by.name,
            ...(expiresAt === undefined ? {} : { expiresAt }),
          });
      if (!added)
        throw new ProblemError(
          error(
            "conflict/token-name",
            `Unable to make a token named ${name}: ${ownNames.has(name.toLowerCase()) ? "the controller itself goes by this name" : "there is a valid one of this name"}`,
            { hint: "A name says who did what in the audit trail. Take another one, or revoke the old token first: backend-ai token list" },
          ),
        );
      await audit(by, "token.create", id, { name, role, ...(expiresAt === undefined ? {} : { expiresAt: iso(expiresAt) }) });
      return { id, secret };
    },
    async revokeApiToken(id, by) {
      if (!(await store.tokens.revoke(id, now()))) throw notFound("token", id, "See: backend-ai token list");
      await audit(by, "token.revoke", id);
    },
    async callerOf(secret) {
      const token = await tokenOf(store.tokens, secret, now());
      return token === undefined ? undefined : { name: token.name, role: token.role, token: token.id };
    },
  };
  return backend;
}

/** Names that the audit trail has for others than owners of tokens. */
const ownNames: ReadonlySet<string> = new Set(["local", "init", ...Object.values(approvers)]);

const isConflict = (failure: unknown): boolean =>
  failure instanceof ProblemError && failure.problems.some(({ code }) => code.startsWith("conflict/"));

const undecidable =
  (digest: string, state: string) =>
  (failure: unknown): never => {
    if (!isConflict(failure)) throw failure;
    throw new ProblemError(
      error("conflict/not-pending", `The plan ${digest.slice(0, 12)} is ${state}: there is nothing to decide.`, {
        hint: "See: backend-ai status",
      }),
    );
  };
