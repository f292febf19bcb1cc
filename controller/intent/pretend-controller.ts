import { createHash } from "node:crypto";
import type { FileEdit, PreviewView, ResourceView } from "../../schemas/api.ts";
import { canonicalJson } from "../../schemas/canonical.ts";
import type { Plan } from "../../schemas/plan.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import { loadManifests } from "../core/manifests.ts";
import type { Fact, HostView, KindContext, LoadedResource } from "../core/model.ts";
import { type Assessment, assess } from "../core/pair.ts";
import { makePlan } from "../core/plan.ts";
import { type Desired, select } from "../core/select.ts";
import { changedResources } from "../core/taint.ts";
import { defaultSettings } from "../core/settings-defaults.ts";
import type { CheckContext } from "../kinds/define.ts";
import { kinds } from "../kinds/index.ts";
import type { Caller, CommitNote, Controller } from "../loop/controller.ts";
import { carryOut } from "./pretend-deeds.ts";
import { type PretendHost, summaryOf, unitsOf } from "./pretend-hosts.ts";

/** What is on a pretend host. */
export interface PretendState {
  readonly units: Map<string, { active: string; enabled: string; since: number; result?: string }>;
  readonly packages: Map<string, { version: string; upgradedAt?: number }>;
  readonly files: Map<string, { text: string; values: Record<string, unknown> }>;
  readonly journal: { at: number; unit?: string; priority: number; text: string }[];
  ports: number[];
}

/** A controller in memory: the real loader and planner on pretend facts, for tests of what stands above them. */
export interface Pretend {
  readonly controller: Controller;
  readonly files: Map<string, string>;
  readonly commits: { readonly edits: readonly FileEdit[]; readonly note: CommitNote; readonly by: Caller }[];
  readonly approvals: { readonly plan: Plan; readonly by: Caller }[];
  readonly notes: { readonly who: string; readonly what: string; readonly about: string; readonly detail?: unknown }[];
  state(host: string): PretendState;
}

const context = (host: HostView): KindContext => ({ host, file: () => undefined, seal: () => undefined, unitOf: (unit) => unit });
const checks: CheckContext = { file: () => undefined, fileExists: () => false, nearestFile: () => undefined, secretExists: () => false };

export function pretendController(fleet: readonly PretendHost[], start: Readonly<Record<string, string>>, now: () => number): Pretend {
  const files = new Map(Object.entries(start)),
    states = new Map(fleet.map((host) => [host.name, stateOf(host)])),
    commits: Pretend["commits"] = [],
    approvals: Pretend["approvals"] = [],
    notes: Pretend["notes"] = [],
    plans = new Map<string, Plan>();
  const hosts = new Map(fleet.map((host) => [host.name, viewOf(host)]));
  const load = (over: readonly FileEdit[]) => {
    const texts = new Map(files);
    for (const edit of over) put(texts, edit);
    const sources = [...texts].map(([path, text]) => ({
      path,
      blob: createHash("sha1").update(text).digest("hex"),
      size: text.length,
      text,
    }));
    const { resources, problems } = loadManifests(sources, kinds, checks);
    const desired = select(
      {
        commit: "",
        tree: createHash("sha1")
          .update(canonicalJson([...texts].sort()))
          .digest("hex"),
        resources,
      },
      hosts,
      kinds,
      context,
    );
    return { desired, resources, problems: [...problems, ...desired.claims.conflicts()] };
  };
  const fact = (host: string, key: string): Fact | undefined => {
    const state = states.get(host),
      space = key.indexOf(" ");
    if (state === undefined || hosts.get(host)?.online !== true) return undefined;
    const value = probe(state, key.slice(0, space), JSON.parse(key.slice(space + 1)));
    return { host, key, at: now(), digest: canonicalJson(value), value };
  };
  const assessed = (desired: Desired): Assessment[] =>
    [...desired.instances.values()].map((instance) => assess(instance, { kinds, hosts, fact, context, held: new Map() }));
  const tainted = new Set<string>();
  const planFor = (desired: Desired, ids?: readonly string[], more: ReadonlySet<string> = tainted): Plan => {
    const all = assessed(desired).filter(({ id }) => ids === undefined || ids.includes(id.split("@")[0]!));
    return makePlan({
      kinds,
      desired,
      hosts,
      fact,
      assessments: all.filter(({ is }) => is !== "in-sync"),
      inSync: 0,
      synced: () => undefined,
      tainted: ({ resource }) => more.has(resource),
      policies: [],
      orphans: [],
      recent: [],
      busy: () => false,
      approval: defaultSettings.approval,
      now: now(),
    });
  };
  const changed = (edits: readonly FileEdit[]): string[] =>
    changedResources(load([]).desired.resources, load(edits).desired.resources).map(([id]) => id);
  const views = (): ResourceView[] => {
    const { desired, resources } = load([]),
      found = new Map(assessed(desired).map((one) => [one.id, one]));
    return resources.map((one) => viewOfResource(one, desired, found));
  };
  const missing = (name: string) => (): never => {
    throw new Error(`the pretend controller cannot ${name}`);
  };
  const parts: Partial<Controller> = {
    resources: (kind) => views().filter((one) => kind === undefined || one.kind === kind),
    resource: (id) => views().find((one) => one.id === id) ?? missing(`find ${id}`)(),
    hosts: () => ({ hosts: fleet.map(summaryOf), unknown: [] }),
    async preview(edits, _on, _reveal, untrusted): Promise<PreviewView> {
      const { desired, problems } = load(edits),
        more = new Set([...tainted, ...(untrusted === true ? changed(edits) : [])]);
      return problems.some(({ severity }) => severity === "error")
        ? { plan: null, problems: [...problems] }
        : { plan: planFor(desired, undefined, more), problems: [...problems, ...desired.warnings] };
    },
    async plan({ ids }) {
      const plan = planFor(load([]).desired, ids);
      plans.set(plan.digest, plan);
      return plan;
    },
    async approve(digest, by) {
      const plan = plans.get(digest) ?? missing("find the plan")();
      approvals.push({ plan, by });
      for (const change of plan.changes) carryOut(change, states.get(change.host)!, now());
      return { digest, decision: "approved", run: `run-${approvals.length}` };
    },
    async commit(edits, note, by) {
      const { problems } = load(edits),
        errors = problems.filter(({ severity }) => severity === "error");
      if (errors.length > 0) throw new ProblemError(errors);
      if ((note.tainted ?? []).length > 0) for (const id of changed(edits)) tainted.add(id);
      for (const edit of edits) put(files, edit);
      commits.push({ edits, note, by });
      return { commit: `commit-${commits.length}`, warnings: [] };
    },
    fileText: async (path) => files.get(path),
    async query(host, name, input) {
      const state = states.get(host);
      if (state === undefined || hosts.get(host)?.online !== true)
        throw new ProblemError(error("agent/offline", `${host} is not connected`, { retry: "later" }));
      return name === "metrics" ? summaryOf(fleet.find((one) => one.name === host)!).metrics : probe(state, name, input);
    },
    drift: async () => ({ items: [] }),
    audit: async () => ({ items: [] }),
    runs: async () => ({ items: [] }),
    note: async (who, what, about, detail) => void notes.push({ who, what, about, detail }),
  };
  const controller = new Proxy(parts, { get: (target, name) => target[name as keyof Controller] ?? missing(String(name)) }) as Controller;
  return { controller, files, commits, approvals, notes, state: (host) => states.get(host)! };
}

function put(files: Map<string, string>, { path, text }: FileEdit): void {
  if (text === null) files.delete(path);
  else files.set(path, text);
}

function viewOf(host: PretendHost): HostView {
  const { name, online, aliases, tags, labels, facts, metrics } = summaryOf(host);
  return {
    name,
    online,
    aliases,
    tags,
    labels,
    clockOffset: 0,
    facts: facts as HostView["facts"],
    metrics: metrics as HostView["metrics"],
    agent: { version: "0.1.0", verbs: [] },
  };
}

function stateOf(host: PretendHost): PretendState {
  return {
    units: new Map(unitsOf(host).map(({ unit, active, enabled }) => [unit, { active, enabled, since: 0 }])),
    packages: new Map(),
    files: new Map(),
    journal: [],
    ports: [22, 80, 443, 3306, 5432],
  };
}

function viewOfResource(one: LoadedResource, desired: Desired, found: ReadonlyMap<string, Assessment>): ResourceView {
  const instances = (desired.byResource.get(one.id) ?? []).map((instance) => {
    const assessment = found.get(instance.id)!,
      unknown = assessment.is === "unknown";
    return {
      id: instance.id,
      resource: one.id,
      host: instance.host,
      state: assessment.is as "in-sync" | "differs" | "unknown",
      ...("reason" in assessment ? { reason: assessment.reason } : {}),
      ...("evaluation" in assessment && assessment.evaluation !== undefined ? { differences: assessment.evaluation.differences } : {}),
      ...(unknown ? {} : { observedAt: "1970-01-01T00:00:00Z" }),
    };
  });
  return {
    id: one.id,
    kind: one.kind,
    name: one.name,
    on: String(one.resource.spec["on"] ?? ""),
    file: one.file,
    line: 1,
    manifest: one.resource,
    instances,
  };
}

/** Answers of a pretend host, by probe. */
function probe(state: PretendState, name: string, input: unknown): unknown {
  const answer = answers[name];
  if (answer === undefined) throw new ProblemError(error("agent/unknown-verb", `no probe ${name}`));
  return answer(state, input as never);
}

const answers: Readonly<Record<string, (state: PretendState, input: never) => unknown>> = {
  service(state, { unit }: { unit: string }) {
    const found = state.units.get(unit);
    return found === undefined
      ? { unit, load: "not-found", active: "inactive", enabled: "" }
      : {
          unit,
          load: "loaded",
          active: found.active,
          enabled: found.enabled,
          ...(found.active === "active" ? { since: found.since } : {}),
          ...(found.result === undefined ? {} : { result: found.result }),
        };
  },
  services: (state) => ({
    units: [...state.units].map(([unit, { active, enabled }]) => ({ unit, active, sub: active, enabled, description: unit })),
    truncated: false,
  }),
  package(state, { name }: { name: string }) {
    const found = state.packages.get(name);
    return {
      name,
      manager: "apt",
      installed: found !== undefined,
      ...(name === "unicorn" ? {} : { candidate: "1.0" }),
      ...(found === undefined
        ? {}
        : { version: found.version, ...(found.upgradedAt === undefined ? {} : { upgradedAt: found.upgradedAt }) }),
    };
  },
  packages: (state) => ({ packages: [...state.packages].map(([name, { version }]) => ({ name, version })), truncated: false }),
  file(state, { path, values, content }: { path: string; values?: { keys: string[] }; content?: boolean }) {
    const found = state.files.get(path);
    if (found === undefined) return { path, type: "missing" };
    return {
      path,
      type: "file",
      sha256: createHash("sha256").update(found.text).digest("hex"),
      size: found.text.length,
      mode: "0644",
      owner: "root",
      group: "root",
      ...(content === true ? { text: found.text } : {}),
      ...(values === undefined ? {} : { values: Object.fromEntries(values.keys.map((key) => [key, found.values[key] ?? null])) }),
    };
  },
  journal: (state, { unit, lines, priority }: { unit?: string; lines: number; priority?: number }) => ({
    entries: state.journal
      .filter((one) => (unit === undefined || one.unit === unit) && (priority === undefined || one.priority <= priority))
      .slice(-lines),
    truncated: false,
  }),
  network: (state) => ({ interfaces: [], listeners: state.ports.map((port) => ({ protocol: "tcp", address: "0.0.0.0", port })) }),
};
