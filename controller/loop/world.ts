import { type Ask, ask } from "../../schemas/contract.ts";
import { askKey } from "../../schemas/canonical.ts";
import { hostProbe, metricsProbe, ownedProbe } from "../../schemas/verbs/host.ts";
import type { KindTable } from "../kinds/define.ts";
import type { Fact, HostView, Instance, KindContext, LoadedResource, PolicyRule } from "../core/model.ts";
import { assess, type Assessment } from "../core/pair.ts";
import { defaultSettings, type Settings } from "../core/settings-defaults.ts";
import { wantedAt } from "./wanted.ts";
import { type Desired, select, type Selection, selectInPieces } from "../core/select.ts";

/** What every host is watched for, whatever the manifests say. */
export const standingAsks: readonly Ask[] = [ask(hostProbe, {}), ask(metricsProbe, {}), ask(ownedProbe, {})];

/** A loaded commit, ready to be put in force. */
export interface Loaded {
  readonly commit: string;
  readonly tree: string;
  readonly resources: readonly LoadedResource[];
  readonly policies: readonly PolicyRule[];
  readonly settings: Settings;
  readonly context: (host: HostView) => KindContext;
}

/** A commit against hosts and facts, as far as it is compared. */
export interface Prepared {
  readonly loaded: Loaded;
  readonly hosts: Map<string, HostView>;
  readonly desired: Selection;
  readonly context: (host: HostView) => KindContext;
  readonly assessments: Map<string, Assessment>;
  readonly open: Map<string, Assessment>;
  /** Instances of a host by ask key, made for a host when it is first looked at. */
  readonly asked: Map<string, Map<string, string[]>>;
}

/** Desired and observed, side by side in memory, each instance compared when one of the two changes: cost follows the change. */
export interface World {
  readonly kinds: KindTable;
  readonly hosts: ReadonlyMap<string, HostView>;
  readonly desired: Desired;
  readonly policies: readonly PolicyRule[];
  readonly settings: Settings;
  readonly held: Map<string, { digest: string; reason: string }>;
  /** What each instance was last in sync with, as `wanted` says it. */
  readonly synced: Map<string, string>;
  /** What is wanted of an instance: its resource's digest; another while a moment that the resource names lies ahead, since then it asks for less. */
  wanted(instance: Instance): string;
  /** Whether the instance was in sync with what is wanted now: then a difference is drift. */
  wasSynced(instance: Instance): boolean;
  fact(host: string, key: string): Fact | undefined;
  assessment(id: string): Assessment | undefined;
  /** Everything that is not in sync. */
  open(): Iterable<Assessment>;
  inSync(): number;
  /** When the manifests or the inventory were last taken over, milliseconds since the epoch. */
  changedAt(): number;
  context(host: HostView): KindContext;
  /** Compares everything with a commit that is not in force yet, on the side and in pieces of a few milliseconds. */
  prepare(loaded: Loaded, hosts: ReadonlyMap<string, HostView>): Generator<undefined, Prepared>;
  /** Puts in force what was prepared, with what changed meanwhile. Each of these returns the ids of instances that were compared again. */
  enter(prepared: Prepared): readonly string[];
  setCommit(loaded: Loaded): readonly string[];
  setHosts(hosts: ReadonlyMap<string, HostView>): readonly string[];
  setHost(host: HostView): readonly string[];
  setFact(fact: Fact): readonly string[];
  /** Forgets what is not watched any more, and tells whether there was any: when it is asked for again, what was then says nothing. */
  keepFacts(host: string, keys: ReadonlySet<string>): boolean;
  reassess(ids: Iterable<string>): void;
  /** Whether an instance is compared with this fact. */
  isAsked(host: string, key: string): boolean;
  /** What the agent of a host has to watch, and a text that is the same as long as that is. */
  asks(host: string): Ask[];
  askKeys(host: string): string;
  /** How often everything was selected anew: whoever sees it move looks at every host again. */
  selections(): number;
}

const nothingLoaded: Loaded = {
  commit: "",
  tree: "",
  resources: [],
  policies: [],
  settings: defaultSettings,
  context: (host) => ({ host, file: () => undefined, seal: () => undefined, unitOf: (unit) => unit }),
};

/** Pieces of work between two yields. */
const piece = 500;
const standingKeys = standingAsks.map(askKey);

export function createWorld(kinds: KindTable, now: () => number = () => 0): World {
  const facts = new Map<string, Map<string, Fact>>();
  const held: World["held"] = new Map(),
    synced: World["synced"] = new Map();
  let state = together(nothingLoaded, new Map(), (context) => select(nothingLoaded, new Map(), kinds, context));
  let changedAt = 0,
    selections = 0;
  /** Hosts and (host, ask key) that changed while something is being prepared. */
  let meanwhile:
    | { readonly hosts: Set<string>; readonly facts: Map<string, Set<string>>; readonly ids: Set<string>; all: boolean }
    | undefined;

  const fact = (host: string, key: string): Fact | undefined => facts.get(host)?.get(key);
  const compare = (ids: Iterable<string>, { desired, hosts, context, assessments, open }: Prepared): void => {
    const using = { kinds, hosts, fact, context, held };
    for (const id of ids) {
      const instance = desired.instances.get(id);
      if (instance === undefined) {
        assessments.delete(id);
        open.delete(id);
        continue;
      }
      const assessment = assess(instance, using);
      assessments.set(id, assessment);
      if (assessment.is === "in-sync") open.delete(id);
      else open.set(id, assessment);
    }
  };
  const rebuild = (loaded: Loaded, hosts: Map<string, HostView>): readonly string[] => {
    const next = together(loaded, hosts, (context) => select(loaded, hosts, kinds, context)),
      ids = [...next.desired.instances.keys()];
    compare(ids, next);
    return enter(next, ids);
  };
  const enter = (next: Prepared, ids: readonly string[]): readonly string[] => {
    state = next;
    changedAt = now();
    selections += 1;
    return ids;
  };
  const setHost = (host: HostView): readonly string[] => {
    const { hosts, desired, context, asked } = state,
      before = hosts.get(host.name),
      idsHere = (): string[] => (state.desired.byHost.get(host.name) ?? []).map((instance) => instance.id);
    hosts.set(host.name, host);
    meanwhile?.hosts.add(host.name);
    if (before === undefined || selectable(before) !== selectable(host)) {
      const gone = idsHere();
      if (!desired.reselect(host, hosts, context)) return rebuild(state.loaded, hosts);
      changedAt = now();
      asked.delete(host.name);
      const ids = idsHere();
      compare(new Set([...gone, ...ids]), state);
      return ids;
    }
    if (comparedAlike(before, host)) return [];
    const ids = idsHere();
    compare(ids, state);
    return ids;
  };
  return {
    kinds,
    get hosts() {
      return state.hosts;
    },
    get desired() {
      return state.desired;
    },
    get policies() {
      return state.loaded.policies;
    },
    get settings() {
      return state.loaded.settings;
    },
    held,
    synced,
    wanted: (instance) => wantedAt(instance, now()),
    wasSynced: (instance) => synced.get(instance.id) === wantedAt(instance, now()),
    fact,
    assessment: (id) => state.assessments.get(id),
    open: () => state.open.values(),
    changedAt: () => changedAt,
    selections: () => selections,
    inSync: () => state.assessments.size - state.open.size,
    context: (host) => state.context(host),
    *prepare(loaded, given) {
      meanwhile = { hosts: new Set(), facts: new Map(), ids: new Set(), all: false };
      const hosts = new Map(given),
        context = contextsOf(loaded),
        before = state,
        same = sameHosts(before.hosts);
      const desired = yield* selectInPieces(loaded, hosts, kinds, context, { selection: before.desired, same });
      const next: Prepared = { ...empty(loaded, hosts, context), desired };
      let some: string[] = [],
        kept = 0;
      for (const [id, instance] of desired.instances) {
        const assessment = before.desired.instances.get(id) === instance ? before.assessments.get(id) : undefined;
        if (assessment !== undefined) {
          next.assessments.set(id, assessment);
          if (assessment.is !== "in-sync") next.open.set(id, assessment);
          if (++kept % (piece * 8) === 0) yield;
          continue;
        }
        if (some.push(id) < piece) continue;
        compare(some, next);
        some = [];
        yield;
      }
      compare(some, next);
      return next;
    },
    enter(next) {
      const changed = meanwhile,
        current = state.hosts;
      meanwhile = undefined;
      if (changed?.all === true) return rebuild(next.loaded, current);
      enter(next, []);
      const ids = new Set<string>(changed?.ids);
      for (const [host, keys] of changed?.facts ?? []) for (const key of keys) for (const id of idsOf(next, host, key)) ids.add(id);
      compare(ids, next);
      for (const name of changed?.hosts ?? []) {
        const view = current.get(name);
        if (view !== undefined) setHost(view);
      }
      return [...state.desired.instances.keys()];
    },
    setCommit: (next) => rebuild(next, state.hosts),
    setHosts(next) {
      if (meanwhile !== undefined) meanwhile.all = true;
      return rebuild(state.loaded, new Map(next));
    },
    setHost,
    setFact(next) {
      const { host, key } = next;
      if (state.loaded !== nothingLoaded && !standingKeys.includes(key) && idsOf(state, host, key).length === 0) return [];
      let here = facts.get(host);
      if (here === undefined) facts.set(host, (here = new Map()));
      here.set(key, next);
      if (meanwhile !== undefined) {
        const keys = meanwhile.facts.get(host);
        if (keys === undefined) meanwhile.facts.set(host, new Set([key]));
        else keys.add(key);
      }
      const ids = idsOf(state, host, key);
      compare(ids, state);
      return ids;
    },
    keepFacts(host, keys) {
      const here = facts.get(host) ?? new Map<string, Fact>(),
        gone = [...here.keys()].filter((key) => !keys.has(key));
      for (const key of gone) here.delete(key);
      return gone.length > 0;
    },
    isAsked: (host, key) => idsOf(state, host, key).length > 0,
    reassess(ids) {
      const list = [...ids];
      for (const id of list) meanwhile?.ids.add(id);
      compare(list, state);
    },
    asks(host) {
      const found = new Map(standingAsks.map((standing, at) => [standingKeys[at]!, standing]));
      for (const instance of state.desired.byHost.get(host) ?? []) found.set(instance.askKey, instance.ask);
      return [...found.values()];
    },
    askKeys: (host) => [...new Set((state.desired.byHost.get(host) ?? []).map((instance) => instance.askKey))].sort().join("\n"),
  };
}

/** Whether a view says of a host what another said, as far as comparing is concerned; each host is looked at once. */
function sameHosts(before: ReadonlyMap<string, HostView>): (view: HostView) => boolean {
  const known = new Map<HostView, boolean>();
  return (view) => {
    let same = known.get(view);
    if (same !== undefined) return same;
    const old = before.get(view.name);
    same = old !== undefined && comparedAlike(old, view) && selectable(old) === selectable(view);
    known.set(view, same);
    return same;
  };
}

/** Whether two views of a host compare its instances alike. */
const comparedAlike = (one: HostView, other: HostView): boolean =>
  one.online === other.online &&
  one.clockOffset === other.clockOffset &&
  (one.facts?.shuttingDown === true) === (other.facts?.shuttingDown === true);

/** Contexts of a commit, one for each view of a host. */
function contextsOf(loaded: Loaded): (host: HostView) => KindContext {
  const known = new WeakMap<HostView, KindContext>();
  return (host) => {
    let context = known.get(host);
    if (context === undefined) known.set(host, (context = loaded.context(host)));
    return context;
  };
}

const empty = (loaded: Loaded, hosts: Map<string, HostView>, context: Prepared["context"]): Omit<Prepared, "desired"> => ({
  loaded,
  hosts,
  context,
  assessments: new Map(),
  open: new Map(),
  asked: new Map(),
});

function together(loaded: Loaded, hosts: Map<string, HostView>, selected: (context: Prepared["context"]) => Selection): Prepared {
  const context = contextsOf(loaded);
  return { ...empty(loaded, hosts, context), desired: selected(context) };
}

/** Instances that a fact is about. */
function idsOf({ asked, desired }: Prepared, host: string, key: string): readonly string[] {
  let here = asked.get(host);
  if (here === undefined) {
    here = new Map();
    for (const instance of desired.byHost.get(host) ?? []) {
      const same = here.get(instance.askKey);
      if (same === undefined) here.set(instance.askKey, [instance.id]);
      else same.push(instance.id);
    }
    asked.set(host, here);
  }
  return here.get(key) ?? [];
}

/** The part of a host that selectors in manifests and templates can see: when it changes, everything is selected anew. */
const selectable = (host: HostView): string =>
  JSON.stringify([host.aliases, host.tags, host.labels, host.address, host.facts?.os, host.facts?.virtualization]);
