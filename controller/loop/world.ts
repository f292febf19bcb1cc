import { type Ask, ask } from "../../schemas/contract.ts";
import { askKey } from "../../schemas/canonical.ts";
import { hostProbe, metricsProbe, ownedProbe } from "../../schemas/verbs/host.ts";
import type { KindTable } from "../kinds/define.ts";
import type { Fact, HostView, KindContext, LoadedResource, PolicyRule } from "../core/model.ts";
import { assess, type Assessment, type PairInput } from "../core/pair.ts";
import { defaultSettings, type Settings } from "../core/settings-defaults.ts";
import { type Desired, select } from "../core/select.ts";

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

/** Desired and observed, side by side in memory, each instance compared when one of the two changes: cost follows the change. */
export interface World {
  readonly kinds: KindTable;
  readonly hosts: ReadonlyMap<string, HostView>;
  readonly desired: Desired;
  readonly policies: readonly PolicyRule[];
  readonly settings: Settings;
  readonly held: Map<string, { digest: string; reason: string }>;
  readonly synced: Map<string, string>;
  fact(host: string, key: string): Fact | undefined;
  assessment(id: string): Assessment | undefined;
  /** Everything that is not in sync. */
  open(): Iterable<Assessment>;
  inSync(): number;
  /** When the manifests or the inventory were last taken over, milliseconds since the epoch. */
  changedAt(): number;
  context(host: HostView): KindContext;
  /** Each returns the ids of instances that were compared again. */
  setCommit(loaded: Loaded): readonly string[];
  setHosts(hosts: ReadonlyMap<string, HostView>): readonly string[];
  setHost(host: HostView): readonly string[];
  setFact(fact: Fact): readonly string[];
  reassess(ids: Iterable<string>): void;
  /** What the agent of a host has to watch. */
  asks(host: string): Ask[];
}

const nothingLoaded: Loaded = {
  commit: "",
  tree: "",
  resources: [],
  policies: [],
  settings: defaultSettings,
  context: (host) => ({ host, file: () => undefined, seal: () => undefined, unitOf: (unit) => unit }),
};

export function createWorld(kinds: KindTable, now: () => number = () => 0): World {
  let loaded = nothingLoaded;
  let hosts = new Map<string, HostView>();
  let desired = select(nothingLoaded, hosts, kinds, loaded.context);
  let contexts = new WeakMap<HostView, KindContext>();
  let byFact = new Map<string, string[]>();
  const facts = new Map<string, Fact>();
  let changedAt = 0;
  const assessments = new Map<string, Assessment>(),
    open = new Map<string, Assessment>();
  const held: World["held"] = new Map(),
    synced: World["synced"] = new Map();

  const context = (host: HostView): KindContext => {
    let known = contexts.get(host);
    if (known === undefined) contexts.set(host, (known = loaded.context(host)));
    return known;
  };
  const fact = (host: string, key: string): Fact | undefined => facts.get(`${host} ${key}`);
  const input = (): PairInput => ({ kinds, hosts, fact, context, held });
  const one = (id: string, using: PairInput): void => {
    const instance = desired.instances.get(id);
    if (instance === undefined) return;
    const assessment = assess(instance, using);
    assessments.set(id, assessment);
    if (assessment.is === "in-sync") open.delete(id);
    else open.set(id, assessment);
  };
  const reassess = (ids: Iterable<string>): void => {
    const using = input();
    for (const id of ids) one(id, using);
  };
  const rebuild = (): readonly string[] => {
    changedAt = now();
    contexts = new WeakMap();
    desired = select(loaded, hosts, kinds, context);
    byFact = new Map();
    for (const instance of desired.instances.values()) {
      const key = `${instance.host} ${instance.askKey}`,
        list = byFact.get(key);
      if (list === undefined) byFact.set(key, [instance.id]);
      else list.push(instance.id);
    }
    assessments.clear();
    open.clear();
    reassess(desired.instances.keys());
    return [...desired.instances.keys()];
  };
  return {
    kinds,
    get hosts() {
      return hosts;
    },
    get desired() {
      return desired;
    },
    get policies() {
      return loaded.policies;
    },
    get settings() {
      return loaded.settings;
    },
    held,
    synced,
    fact,
    assessment: (id) => assessments.get(id),
    open: () => open.values(),
    changedAt: () => changedAt,
    inSync: () => assessments.size - open.size,
    context,
    setCommit: (next) => {
      loaded = next;
      return rebuild();
    },
    setHosts: (next) => {
      hosts = new Map(next);
      return rebuild();
    },
    setHost(host) {
      const before = hosts.get(host.name);
      hosts.set(host.name, host);
      if (before === undefined || selectable(before) !== selectable(host)) return rebuild();
      if (before.online === host.online && before.clockOffset === host.clockOffset) return [];
      const ids = (desired.byHost.get(host.name) ?? []).map((instance) => instance.id);
      reassess(ids);
      return ids;
    },
    setFact(next) {
      const key = `${next.host} ${next.key}`;
      facts.set(key, next);
      const ids = byFact.get(key) ?? [];
      reassess(ids);
      return ids;
    },
    reassess,
    asks(host) {
      const found = new Map(standingAsks.map((standing) => [askKey(standing), standing]));
      for (const instance of desired.byHost.get(host) ?? []) found.set(instance.askKey, instance.ask);
      return [...found.values()];
    },
  };
}

/** The part of a host that selectors in manifests and templates can see: when it changes, everything is selected anew. */
const selectable = (host: HostView): string =>
  JSON.stringify([host.aliases, host.tags, host.labels, host.address, host.facts?.os, host.facts?.virtualization]);
