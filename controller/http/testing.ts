import type { CommandView, EventView, HostSummary, ResourceView, StatusView } from "../../schemas/api.ts";
import type { Change, Plan } from "../../schemas/plan.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { RunEvent, RunView } from "../../schemas/run.ts";
import type { Caller, CommitNote, Controller } from "../loop/controller.ts";
import type { Decision, PlanState } from "../store/plans.ts";
import type { ApiToken } from "../store/tokens.ts";
import { ownerOf } from "../loop/owner.ts";
import type { Converse } from "./command.ts";

/** A controller in memory, for tests of what stands before it: no workspace, no agents, runs that go as they are told. */
export interface StandIn {
  readonly controller: Controller;
  readonly converse: Converse;
  readonly secrets: { readonly viewer: string; readonly operator: string; readonly approver: string; readonly admin: string };
  /** Plans that `plan` answers with, one after the other; the last one stays. */
  plans: Plan[];
  /** What `approve` answers in place of a run. */
  waiting: string | undefined;
  /** The outcome that the next runs' steps have. */
  outcome: "done" | "failed";
  readonly decisions: (Decision & { readonly saved: boolean })[];
  readonly commits: { readonly edits: readonly { path: string; text: string | null }[]; readonly note: CommitNote; readonly by: Caller }[];
  readonly notes: string[];
  readonly hosts: HostSummary[];
  readonly resources: ResourceView[];
  readonly revokedTokens: Set<string>;
  readonly revokedAgents: string[];
  status: StatusView;
  uncommitted: string[];
  ready: boolean;
  tell(event: Omit<EventView, "n" | "at">): void;
}

const at = "2026-11-20T10:00:00.000Z";
const notFound = (what: string): ProblemError =>
  new ProblemError(error(`not-found/${what.split(" ")[0]}`, `Unable to find the ${what}: there is none of this name`));

/** A host that is well. */
export const aHost = (name: string, more: Partial<HostSummary> = {}): HostSummary => ({
  name,
  online: true,
  state: "online",
  agent: `agent-${name}`,
  version: "0.1.0",
  tags: ["webserver"],
  labels: { team: "web" },
  aliases: [],
  address: "10.0.0.5",
  os: "Debian 12",
  lastSeen: at,
  clockOffsetMs: 0,
  instances: { inSync: 3, open: 0 },
  metrics: {
    cpu: 12,
    memory: 40,
    swap: 0,
    load: 0.4,
    disks: [{ mount: "/", used: 31 }],
    network: { receivedPerSecond: 1200, sentPerSecond: 90_000 },
  },
  ...more,
});

/** A change of `Service/nginx`, as the planner makes it. */
export const aChange = (host: string, more: Partial<Change> = {}): Change => ({
  id: `Service/nginx@${host}`,
  resource: "Service/nginx",
  host,
  act: "update",
  summary: "set nginx.service running and enabled",
  cause: "manifest",
  differences: [
    { path: "state", want: "running", have: "stopped" },
    { path: "enabled", want: true, have: false },
  ],
  consequence: "restart",
  risk: "medium",
  reasons: ["restart", "2 hosts"],
  undo: { how: "possible", note: "stops and disables it again" },
  needs: [],
  after: [],
  steps: [
    {
      id: `Service/nginx@${host}#1`,
      host,
      action: "service.set",
      input: { unit: "nginx.service", state: "running" },
      undo: null,
      timeoutMs: 60_000,
    },
  ],
  health: [],
  onFailure: "halt",
  group: `Service/nginx@${host}`,
  ...more,
});

/** A plan of changes. */
export const aPlan = (changes: Change[], more: Partial<Plan> = {}): Plan => ({
  digest: "3f9c2a1b".repeat(8),
  commit: "8a1b2c3d".repeat(5),
  tree: "0".repeat(40),
  madeAt: at,
  basis: { facts: {} },
  changes,
  later: [],
  unknown: [],
  orphaned: [],
  blocked: [],
  problems: [],
  risk: changes.length === 0 ? null : "medium",
  approval: { needed: changes.length > 0, reasons: ["medium: restart"] },
  inSync: 5,
  ...more,
});

/** A resource with its instances. */
export const aResource = (id: string, hosts: readonly string[]): ResourceView => {
  const [kind = "", name = ""] = id.split("/");
  const instances = hosts.map((host) => ({
    id: `${id}@${host}`,
    resource: id,
    host,
    state: "in-sync" as const,
    word: "running",
    observedAt: at,
    fact: { active: "active" },
  }));
  return {
    id,
    kind,
    name,
    on: "tag=webserver",
    file: `manifests/${name}.yaml`,
    line: 1,
    manifest: { apiVersion: "backend-ai/v1", kind, metadata: { name }, spec: { on: "tag=webserver", state: "running" } },
    instances,
  };
};

/** A fresh stand-in with two hosts, one service on both, and a plan that changes it. */
export function standIn(): StandIn {
  const events: EventView[] = [],
    followers = new Set<(events: readonly EventView[]) => void>(),
    runs = new Map<string, { view: RunView; events: RunEvent[] }>(),
    journals = new Map<string, Set<() => void>>();
  const kept = new Map<string, { plan: Plan; state: PlanState; decision?: Decision }>(),
    tokens: ApiToken[] = [],
    commands = new Map<string, CommandView>(),
    askers = new Map<string, string>();
  const secrets = { viewer: "v-secret", operator: "o-secret", approver: "a-secret", admin: "root-secret" } as const;
  const self: StandIn = {
    secrets,
    plans: [aPlan([aChange("web-01"), aChange("web-02")])],
    waiting: undefined,
    outcome: "done",
    decisions: [],
    commits: [],
    notes: [],
    revokedTokens: new Set(),
    revokedAgents: [],
    ready: true,
    uncommitted: [],
    hosts: [aHost("web-01"), aHost("web-02", { online: false, state: "offline" })],
    resources: [aResource("Service/nginx", ["web-01", "web-02"]), aResource("File/site", ["web-01"])],
    status: {
      version: "0.1.0",
      controller: "ctl-1",
      workspace: "/srv/workspace",
      branch: "main",
      commit: "8a1b2c3d".repeat(5),
      head: "8a1b2c3d".repeat(5),
      problems: [],
      hosts: { online: 1, all: 2 },
      instances: { inSync: 5, differs: 2, drifted: 0, blocked: 0, unknown: 1 },
      drift: 0,
      pendingPlan: null,
      running: [],
    },
    tell(event) {
      const stored = { n: events.length + 1, at, ...event };
      events.push(stored);
      for (const follower of followers) follower([stored]);
    },
    controller: undefined as never,
    converse: undefined as never,
  };
  const start = (plan: Plan, by: string): string => {
    const id = `run-${runs.size + 1}`,
      outcome = self.outcome,
      ok = outcome === "done";
    const problem = error("service/start-failed", "Unable to start nginx.service: it exited with status 1");
    const view: RunView = {
      id,
      digest: plan.digest,
      state: "running",
      startedAt: at,
      by,
      changes: plan.changes.map((change) => ({
        id: change.id,
        summary: change.summary,
        state: "waiting",
        steps: change.steps.map(({ id: step, action, host }) => ({ id: step, action, host, state: "waiting" })),
      })),
    };
    const run = { view, events: [{ type: "started", at, by }] as RunEvent[] };
    runs.set(id, run);
    const journal = (event: RunEvent): void => {
      run.events.push(event);
      for (const follower of journals.get(id) ?? []) follower();
    };
    const go = async (): Promise<void> => {
      for (const change of view.changes) {
        for (const step of change.steps) {
          journal({ type: "step-sent", at, step: step.id });
          self.tell({ type: "step", about: id, text: step.id });
          await new Promise((resolve) => setTimeout(resolve, 20));
          journal({ type: "step-result", at, step: step.id, result: ok ? { outcome, ms: 20 } : { outcome, ms: 20, problem } });
          Object.assign(step, { state: outcome, ms: 20 }, ok ? {} : { problem });
        }
        change.state = outcome;
      }
      view.state = ok ? "succeeded" : "failed";
      view.endedAt = at;
      const record = kept.get(plan.digest);
      if (record !== undefined) record.state = "done";
      journal({ type: "ended", at });
      self.tell({ type: "run.ended", about: id, text: view.state });
    };
    void go();
    return id;
  };
  const recordOf = (digest: string) =>
    kept.get(digest) ??
    (() => {
      throw notFound(`plan ${digest}`);
    })();
  const summary = ({ plan, state, decision }: { plan: Plan; state: PlanState; decision?: Decision }) => ({
    digest: plan.digest,
    round: 1,
    state,
    commit: plan.commit,
    madeAt: plan.madeAt,
    risk: plan.risk,
    changes: plan.changes.length,
    decision,
  });
  const runOf = (id: string) =>
    runs.get(id) ??
    (() => {
      throw notFound(`run ${id}`);
    })();
  const controller: Controller = {
    status: () => self.status,
    uncommitted: async () => self.uncommitted,
    ready: () => self.ready,
    resources: (kind) => self.resources.filter((resource) => kind === undefined || resource.kind === kind),
    resource: (id) =>
      self.resources.find((one) => one.id === id) ??
      (() => {
        throw notFound(`resource ${id}`);
      })(),
    instance: (id) =>
      self.resources.flatMap((one) => one.instances).find((one) => one.id === id) ??
      (() => {
        throw notFound(`instance ${id}`);
      })(),
    hosts(selector) {
      if (selector?.includes("(("))
        throw new ProblemError(error("selector/syntax", "Unable to read the selector: a bracket is not closed"));
      return {
        hosts: self.hosts.filter(
          (host) =>
            selector === undefined ||
            selector === "*" ||
            selector === host.name ||
            selector === `name=${host.name}` ||
            selector === "tag=webserver",
        ),
        unknown: [],
      };
    },
    host: (name) =>
      self.hosts.find((host) => host.name === name) ??
      (() => {
        throw notFound(`host ${name}`);
      })(),
    async revokeAgent(host) {
      controller.host(host);
      self.revokedAgents.push(host);
    },
    drift: async () => ({
      items: [
        {
          instance: "Service/nginx@web-01",
          since: at,
          mode: "alert",
          differences: [{ path: "state", want: "running", have: "stopped" }],
          by: { who: "eve", how: "systemctl stop nginx" },
        },
      ],
    }),
    async plan() {
      const plan = (self.plans.length > 1 ? self.plans.shift() : self.plans[0]) as Plan;
      if (plan.changes.length > 0) kept.set(plan.digest, { plan, state: "pending" });
      return plan;
    },
    preview: async () => ({ plan: self.plans[0] ?? null, problems: [] }),
    plans: async () => ({ items: [...kept.values()].map(summary) }),
    planOf: async (digest) => ({ ...summary(recordOf(digest)), plan: recordOf(digest).plan }),
    async approve(digest, by, reason, saved) {
      const record = saved === undefined ? recordOf(digest) : { plan: saved, state: "pending" as PlanState };
      if (record.state !== "pending") throw new ProblemError(error("conflict/plan", `Unable to approve ${digest}: it is ${record.state}`));
      const decision: Decision = { digest, decision: "approved", by: by.name, role: by.role, at: Date.parse(at), reason };
      self.decisions.push({ ...decision, saved: saved !== undefined });
      kept.set(digest, { plan: record.plan, state: "running", decision });
      return self.waiting === undefined
        ? { digest, decision: "approved", run: start(record.plan, by.name) }
        : { digest, decision: "approved", waiting: self.waiting };
    },
    async reject(digest, by, reason) {
      const decision: Decision = { digest, decision: "rejected", by: by.name, role: by.role, at: Date.parse(at), reason };
      recordOf(digest).state = "rejected";
      self.decisions.push({ ...decision, saved: false });
      return { digest, decision: "rejected" };
    },
    runs: async () => ({
      items: [...runs.values()].reverse().map(({ view, events: journal }) => ({
        id: view.id,
        digest: view.digest,
        state: view.state as "running",
        by: view.by,
        startedAt: view.startedAt,
        endedAt: view.endedAt,
        events: journal.length,
      })),
    }),
    run: async (id) => runOf(id).view,
    async runEvents(id, after = 0) {
      const all = runOf(id).events;
      return { events: all.slice(after), next: Math.max(after, all.length), ended: all.at(-1)?.type === "ended" };
    },
    followRun(id, listener) {
      const those = journals.get(id) ?? new Set();
      journals.set(id, those.add(listener));
      return () => void those.delete(listener);
    },
    async cancelRun(id) {
      runOf(id).view.state = "cancelled";
    },
    undo: async () => ({
      edits: [{ path: "manifests/nginx.yaml", text: "state: stopped\n" }],
      plan: self.plans[0] ?? null,
      problems: [],
      left: ["Service/nginx@web-01: a restart cannot be undone"],
    }),
    async commit(edits, note, by) {
      self.commits.push({ edits, note, by });
      return { commit: "c0ffee00".repeat(5), warnings: [] };
    },
    fileText: async (path) => (path === "manifests/nginx.yaml" ? "state: running\n" : undefined),
    importFrom: async () => ({
      edits: [{ path: "manifests/imported.yaml", text: "kind: Service\n" }],
      problems: [],
      resources: ["Service/nginx"],
    }),
    async query(host, probe, input) {
      if (!controller.host(host).online)
        throw new ProblemError(error("agent/offline", `Unable to ask ${host}: its agent is not connected`, { retry: "later" }));
      if (probe === "journal")
        return {
          entries: [
            {
              at: Date.parse(at),
              unit: "nginx.service",
              priority: 3,
              text: "bind() to 0.0.0.0:80 failed \u001b[31m(98: Address already in use)",
            },
          ],
          truncated: false,
        };
      return { probe, input };
    },
    events: async (after, limit = 100) => {
      const piece = events.filter((event) => event.n > after).slice(0, limit);
      return { events: piece, gap: false, last: piece.at(-1)?.n ?? after };
    },
    latestEvents: async (count) => ({ events: events.slice(-count), last: events.length }),
    followEvents(listener) {
      followers.add(listener);
      return () => void followers.delete(listener);
    },
    audit: async () => ({ items: [{ n: 1, at: Date.parse(at), who: "ann", what: "plan.approve", about: "3f9c", prev: "", hash: "aa" }] }),
    verifyAudit: async () => ({ ok: true, entries: 1, head: { n: 1, hash: "aa" }, findings: [] }),
    async note(who, what, about) {
      self.notes.push(`${who} ${what} ${about}`);
    },
    enrolToken: async () => ({
      url: "https://ctl:3001",
      token: "bai_000000000000_secret",
      fingerprint: "ab".repeat(32),
      ca: "PEM",
      expiresAt: at,
      command: "curl … | sudo sh",
    }),
    apiTokens: async () => tokens,
    async createApiToken(name, role, expiresAt, by) {
      tokens.push({
        id: `t${tokens.length + 1}`,
        name,
        role,
        secretHash: "never shown",
        createdAt: Date.parse(at),
        createdBy: by.name,
        expiresAt,
      });
      return { id: `t${tokens.length}`, secret: "bai_new_secret" };
    },
    async revokeApiToken(id) {
      self.revokedTokens.add(id);
    },
    async callerOf(secret) {
      const role = (["viewer", "operator", "approver", "admin"] as const).find(
        (one) => secrets[one] === secret && !self.revokedTokens.has(one),
      );
      return role === undefined ? undefined : { name: `${role}-1`, role };
    },
  };
  const converse: Converse = {
    async ask(command, caller, options) {
      if (command.endsWith("?"))
        return { id: "cmd-q", command, status: "answered", text: "nginx runs on web-01.", source: "offline", problems: [] };
      const plan = self.plans[0] as Plan;
      if (!options.dryRun) kept.set(plan.digest, { plan, state: "pending" });
      const view: CommandView = {
        id: `cmd-${commands.size + 1}`,
        command,
        status: options.dryRun ? "preview" : "waiting-for-confirmation",
        text: "Restart nginx on 2 hosts.",
        source: "offline",
        plan,
        ...(plan.changes.some((change) => change.tainted === true) ? { tainted: true } : {}),
        digest: plan.digest,
        edits: [{ path: "manifests/nginx.yaml", text: "state: running\nrestartedAt: now\n" }],
        problems: [],
      };
      commands.set(view.id, view);
      askers.set(view.id, ownerOf(caller));
      return view;
    },
    async confirm(id, caller) {
      const view = commands.get(id);
      if (view?.digest === undefined) throw notFound(`command ${id}`);
      const { run } = await controller.approve(view.digest, caller);
      const next: CommandView = { ...view, status: "running", ...(run === undefined ? {} : { run }) };
      commands.set(id, next);
      return next;
    },
    async reject(id) {
      const view = commands.get(id);
      if (view === undefined) throw notFound(`command ${id}`);
      return { ...view, status: "cancelled" };
    },
    get: async (id, caller) => (caller.role === "admin" || askers.get(id) === ownerOf(caller) ? commands.get(id) : undefined),
  };
  return Object.assign(self, { controller, converse });
}
