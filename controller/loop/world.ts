import type { Ask } from "../../schemas/contract.ts";
import { askKey } from "../../schemas/canonical.ts";
import type { KindTable } from "../kinds/define.ts";
import type { Fact, HostView, Instance, KindContext, PolicyRule } from "../core/model.ts";
import type { Assessment } from "../core/pair.ts";
import { type Desired, select } from "../core/select.ts";
import type { Settings } from "../core/settings-defaults.ts";
import { comparedAlike, selectable } from "./alike.ts";
import { compare as compareWith, type Compared, compareAll, compared, idsOf } from "./compared.ts";
import { contextsOf, type Loaded, nothingLoaded } from "./loaded.ts";
import { type Meanwhile, meanwhileOf } from "./meanwhile.ts";
import { type Change, patchDesired, type Refused, type ViewOf } from "./patch.ts";
import type { SecretValue } from "./secret-text.ts";
import { isStanding, standingAsks } from "./standing-asks.ts";
import { wantedAt } from "./wanted.ts";

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
  /** What secrets of the commit in force hold: whoever keeps it goes on with those. */
  readonly secret: SecretValue;
  /** Puts a commit in force by what it changes alone, `viewOf` giving hosts with its `Host` resources; undefined where that is too much for one stretch. */
  patch(loaded: Loaded, viewOf: ViewOf): Change | Refused | undefined;
  /** Compares everything with a commit that is not in force yet, on the side and in pieces of a few milliseconds. */
  prepare(loaded: Loaded, hosts: ReadonlyMap<string, HostView>): Generator<undefined, Compared | Refused>;
  /** Puts in force what was prepared, with what changed meanwhile, `viewOf` giving hosts with its `Host` resources. */
  enter(prepared: Compared, viewOf: ViewOf): Change;
  /** Each of these returns the ids of instances that were compared again. */
  setCommit(loaded: Loaded): readonly string[];
  setHosts(hosts: ReadonlyMap<string, HostView>): readonly string[];
  setHost(host: HostView): readonly string[];
  setFact(fact: Fact): readonly string[];
  /** Whether somebody asked for such a fact; the others are not kept, or an agent could fill memory and store with what it makes up. */
  keepsFact(host: string, key: string): boolean;
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

/** `most`: instances that a commit may change at one stretch; beyond, everything is compared on the side. */
export function createWorld(kinds: KindTable, now: () => number = () => 0, most = 2000): World {
  const facts = new Map<string, Map<string, Fact>>();
  const held: World["held"] = new Map(),
    synced: World["synced"] = new Map();
  const fact = (host: string, key: string): Fact | undefined => facts.get(host)?.get(key);
  const using = { kinds, fact, held };
  const selected = (loaded: Loaded, hosts: Map<string, HostView>): Compared =>
    compared(loaded, hosts, (context) => select(loaded, hosts, kinds, context));
  let state = selected(nothingLoaded, new Map());
  let changedAt = 0,
    selections = 0;
  /** What changed while something is being prepared. */
  let meanwhile: Meanwhile | undefined;

  const compare = (ids: Iterable<string>, of: Compared): void => compareWith(ids, of, using);
  const rebuild = (loaded: Loaded, hosts: Map<string, HostView>): readonly string[] => {
    const next = selected(loaded, hosts),
      ids = [...next.desired.instances.keys()];
    compare(ids, next);
    replaceBy(next);
    return ids;
  };
  const replaceBy = (next: Compared): void => {
    state = next;
    changedAt = now();
    selections += 1;
  };
  const wanted = (instance: Instance): string => {
    const kind = kinds.get(instance.resource.kind),
      host = state.hosts.get(instance.host);
    const beside = kind?.scope === "hosts" && host !== undefined ? kind.wantedBeside(instance.resource.resource.spec, host) : undefined;
    return wantedAt(instance, now(), beside);
  };
  const idsOn = (host: string): string[] => (state.desired.byHost.get(host) ?? []).map((instance) => instance.id);
  const keepsFact = (host: string, key: string): boolean =>
    state.loaded === nothingLoaded || isStanding(key, state.hosts.get(host)) || idsOf(state, host, key).length > 0;
  const setHost = (host: HostView): readonly string[] => {
    const { hosts, desired, context, asked } = state,
      before = hosts.get(host.name);
    hosts.set(host.name, host);
    meanwhile?.hosts.add(host.name);
    if (before === undefined || selectable(before) !== selectable(host)) {
      const gone = idsOn(host.name);
      if (!desired.reselect(host, hosts, context)) return rebuild(state.loaded, hosts);
      changedAt = now();
      asked.delete(host.name);
      const ids = idsOn(host.name);
      compare(new Set([...gone, ...ids]), state);
      return ids;
    }
    // Where guests came or went, what is to be made may go elsewhere; what is as it should be stays so.
    const moved = before.cluster?.guests !== host.cluster?.guests;
    if (comparedAlike(before, host) && !moved) return [];
    const ids = comparedAlike(before, host) ? idsOn(host.name).filter((id) => state.open.has(id)) : idsOn(host.name);
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
    wanted,
    wasSynced: (instance) => synced.get(instance.id) === wanted(instance),
    fact,
    assessment: (id) => state.assessments.get(id),
    open: () => state.open.values(),
    changedAt: () => changedAt,
    selections: () => selections,
    inSync: () => state.assessments.size - state.open.size,
    context: (host) => state.context(host),
    get secret() {
      return state.loaded.secret;
    },
    patch(loaded, viewOf) {
      const change = patchDesired(state, loaded, viewOf, most);
      if (change === undefined || "conflicts" in change) return change;
      state = { ...state, loaded, context: contextsOf(loaded) };
      changedAt = now();
      for (const host of change.hosts) state.asked.delete(host);
      compare(change.ids, state);
      return change;
    },
    *prepare(loaded, given) {
      meanwhile = meanwhileOf();
      let good = false;
      try {
        const next = yield* compareAll(loaded, new Map(given), state, using);
        const conflicts = next.desired.claims.conflicts();
        if (conflicts.length > 0) return { conflicts };
        good = true;
        return next;
      } finally {
        if (!good) meanwhile = undefined;
      }
    },
    enter(next, viewOf) {
      const changed = meanwhile,
        { hosts, desired } = state;
      meanwhile = undefined;
      if (changed?.all === true) rebuild(next.loaded, new Map([...hosts].map(([name, view]) => [name, viewOf(name) ?? view])));
      else {
        replaceBy(next);
        compare(changed?.about(next) ?? [], next);
        for (const name of changed?.hosts ?? []) {
          const view = viewOf(name);
          if (view !== undefined) setHost(view);
        }
      }
      return {
        ids: [...state.desired.instances.keys()],
        hosts: [...state.hosts.keys()],
        resources: [...state.desired.resources.keys()],
        all: true,
        before: desired,
      };
    },
    setCommit: (next) => rebuild(next, state.hosts),
    setHosts(next) {
      if (meanwhile !== undefined) meanwhile.all = true;
      return rebuild(state.loaded, new Map(next));
    },
    setHost,
    keepsFact,
    setFact(next) {
      const { host, key } = next;
      if (!keepsFact(host, key)) return [];
      let here = facts.get(host);
      if (here === undefined) facts.set(host, (here = new Map()));
      here.set(key, next);
      meanwhile?.fact(host, key);
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
      const found = new Map(standingAsks(state.hosts.get(host)).map((standing) => [askKey(standing), standing]));
      for (const instance of state.desired.byHost.get(host) ?? []) found.set(instance.askKey, instance.ask);
      return [...found.values()];
    },
    askKeys: (host) =>
      [
        ...new Set([
          ...standingAsks(state.hosts.get(host)).map(askKey),
          ...(state.desired.byHost.get(host) ?? []).map((instance) => instance.askKey),
        ]),
      ]
        .sort()
        .join("\n"),
  };
}
