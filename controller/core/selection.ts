import { askKey } from "../../schemas/canonical.ts";
import type { Ask } from "../../schemas/contract.ts";
import { instanceId } from "../../schemas/ids.ts";
import { type Problem, warning } from "../../schemas/problem.ts";
import type { SelectorHost } from "../../schemas/selector.ts";
import type { KindTable } from "../kinds/define.ts";
import { type Claimed, Claims } from "./claims.ts";
import type { HostView, Instance, LoadedResource } from "./model.ts";
import { type Candidate, candidateOf, type ContextOf, meansOther, onOf, Picking, type Rule, ruleOf } from "./picking.ts";

/** What the manifests ask for on the hosts that there are, with indexes that keep each later look-up as cheap as the change. Lists of a host are in no particular order, those of a resource in the order of the hosts' names. */
export interface Desired {
  readonly commit: string;
  readonly tree: string;
  readonly resources: ReadonlyMap<string, LoadedResource>;
  readonly instances: ReadonlyMap<string, Instance>;
  readonly byResource: ReadonlyMap<string, readonly Instance[]>;
  readonly byHost: ReadonlyMap<string, readonly Instance[]>;
  readonly claims: Claimed;
  /** Selectors that match no host: the first of them, in the order of their files. */
  readonly warnings: readonly Problem[];
}

/** The most selectors without a host that are told one by one. */
const mostWarnings = 100;

/** What is selected, kept up to date as hosts and resources come, change and go. */
export class Selection implements Desired {
  commit: string;
  tree: string;
  readonly resources = new Map<string, LoadedResource>();
  readonly instances = new Map<string, Instance>();
  readonly byResource = new Map<string, readonly Instance[]>();
  readonly byHost = new Map<string, readonly Instance[]>();
  readonly claims: Claims;
  readonly #kinds: KindTable;
  readonly #rules = new Map<string, Rule>();
  /** Resources without an instance. */
  readonly #unmatched = new Set<string>();
  #warnings: readonly Problem[] | undefined;

  constructor({ commit, tree }: { readonly commit: string; readonly tree: string }, kinds: KindTable) {
    this.commit = commit;
    this.tree = tree;
    this.#kinds = kinds;
    this.claims = new Claims(kinds);
  }

  get warnings(): readonly Problem[] {
    return (this.#warnings ??= warningsFor([...this.#unmatched].map((id) => this.resources.get(id)!)));
  }

  /** Takes a resource in and answers the rule that picks its hosts; undefined where its kind has no instances. */
  place(resource: LoadedResource, inventory: () => readonly SelectorHost[]): Rule | undefined {
    this.resources.set(resource.id, resource);
    if (!this.#hasInstances(resource)) return undefined;
    const text = onOf(resource);
    let rule = this.#rules.get(text);
    if (rule === undefined) this.#rules.set(text, (rule = ruleOf(text, inventory())));
    rule.of.add(resource);
    this.byResource.set(resource.id, []);
    this.#unmatched.add(resource.id);
    this.#warnings = undefined;
    return rule;
  }

  /** Adds an instance of a resource that was placed. */
  add(resource: LoadedResource, { view, context }: Candidate): void {
    const kind = this.#kinds.get(resource.kind);
    if (kind?.scope !== "hosts") return;
    const ask: Ask = kind.observe(resource.resource.spec, context),
      host = view.name;
    this.take({ id: instanceId(resource.id, host), resource, host, ask, askKey: askKey(ask) });
  }

  take(instance: Instance): void {
    const { resource, host } = instance;
    const same = this.byResource.get(resource.id) as Instance[],
      here = this.byHost.get(host) as Instance[] | undefined;
    this.instances.set(instance.id, instance);
    this.claims.add(instance);
    if (same.length === 0) this.#noted(resource.id, true);
    if (same.length === 0 || same.at(-1)!.host < host) same.push(instance);
    else same.splice(placeOf(same, host), 0, instance);
    if (here === undefined) this.byHost.set(host, [instance]);
    else here.push(instance);
  }

  /** Whether every bare word of a selector still means what it did, with these hosts. */
  keepsMeaning(hosts: ReadonlyMap<string, HostView>): boolean {
    let inventory: readonly SelectorHost[] | undefined;
    const all = (): readonly SelectorHost[] => (inventory ??= [...hosts.values()].map(({ name, aliases }) => ({ name, aliases })) as never);
    for (const rule of this.#rules.values()) if (meansOther(rule, all)) return false;
    return true;
  }

  /** Selects anew for one host that is new or changed; false where that changes what selectors pick elsewhere, so that all have to be selected anew. */
  reselect(view: HostView, hosts: ReadonlyMap<string, HostView>, context: ContextOf): boolean {
    if (!this.keepsMeaning(hosts)) return false;
    for (const instance of this.byHost.get(view.name) ?? []) {
      this.#drop(instance);
      const same = this.byResource.get(instance.resource.id) as Instance[];
      same.splice(placeOf(same, view.name), 1);
      if (same.length === 0) this.#noted(instance.resource.id, false);
    }
    this.byHost.delete(view.name);
    const candidate = candidateOf(view, context);
    for (const rule of this.#rules.values()) if (rule.matches(candidate.as)) for (const resource of rule.of) this.add(resource, candidate);
    return true;
  }

  /**
   * Takes resources out and others in, and answers the ids of the instances that went or came, with their hosts; undefined, and nothing is
   * done, where these would be more than `most`. What selectors pick is known from their other resources.
   */
  replace(
    gone: readonly LoadedResource[],
    come: readonly LoadedResource[],
    picking: Picking,
    most: number,
  ): { readonly ids: Set<string>; readonly hosts: Set<string> } | undefined {
    let count = gone.reduce((sum, { id }) => sum + (this.byResource.get(id)?.length ?? 0), 0);
    const known = new Map<string, readonly Candidate[]>(),
      coming: (readonly [LoadedResource, readonly Candidate[]])[] = [];
    for (const resource of come) {
      const picked = this.#hasInstances(resource) ? this.#picked(onOf(resource), picking, known) : [];
      coming.push([resource, picked]);
      if ((count += picked.length) > most) return undefined;
    }
    const touched = this.#takeOut(gone);
    for (const [resource, picked] of coming) {
      this.place(resource, () => picking.inventory());
      for (const candidate of picked) {
        this.add(resource, candidate);
        touched.ids.add(instanceId(resource.id, candidate.view.name));
        touched.hosts.add(candidate.view.name);
      }
    }
    return touched;
  }

  #takeOut(gone: readonly LoadedResource[]): { readonly ids: Set<string>; readonly hosts: Set<string> } {
    const instances = gone.flatMap(({ id }) => this.byResource.get(id) ?? []),
      left = new Set(instances);
    const touched = { ids: new Set(instances.map(({ id }) => id)), hosts: new Set(instances.map(({ host }) => host)) };
    for (const instance of instances) this.#drop(instance);
    for (const host of touched.hosts) {
      const here = (this.byHost.get(host) ?? []).filter((instance) => !left.has(instance));
      if (here.length > 0) this.byHost.set(host, here);
      else this.byHost.delete(host);
    }
    for (const resource of gone) {
      this.resources.delete(resource.id);
      if (!this.byResource.delete(resource.id)) continue;
      this.#noted(resource.id, true);
      const text = onOf(resource),
        rule = this.#rules.get(text);
      rule?.of.delete(resource);
      if (rule?.of.size === 0) this.#rules.delete(text);
    }
    return touched;
  }

  #picked(text: string, picking: Picking, known: Map<string, readonly Candidate[]>): readonly Candidate[] {
    let picked = known.get(text);
    if (picked === undefined) {
      const [other] = this.#rules.get(text)?.of ?? [];
      picked =
        other === undefined
          ? picking.matching(ruleOf(text, picking.inventory()))
          : this.byResource.get(other.id)!.flatMap((instance) => picking.candidate(instance.host) ?? []);
      known.set(text, picked);
    }
    return picked;
  }

  #hasInstances(resource: LoadedResource): boolean {
    return this.#kinds.get(resource.kind)?.scope === "hosts";
  }

  #drop(instance: Instance): void {
    this.instances.delete(instance.id);
    this.claims.remove(instance);
  }

  #noted(resource: string, matched: boolean): void {
    if (matched) this.#unmatched.delete(resource);
    else this.#unmatched.add(resource);
    this.#warnings = undefined;
  }
}

function warningsFor(unmatched: readonly LoadedResource[]): Problem[] {
  const sorted = unmatched.toSorted((a, b) =>
    a.file === b.file ? (a.where().line ?? 0) - (b.where().line ?? 0) : a.file < b.file ? -1 : 1,
  );
  const told = sorted.slice(0, mostWarnings).map(matchesNothing),
    rest = sorted.length - told.length;
  return rest === 0 ? told : [...told, warning("selector/more-match-nothing", `${rest} more resources match no host`)];
}

const matchesNothing = (resource: LoadedResource): Problem => {
  const { cluster } = resource.resource.spec;
  const what = onOf(resource).startsWith("kind=cluster")
    ? `there is no agent of ${cluster === undefined ? "a cluster" : `cluster ${String(cluster)}`}`
    : `no host matches '${onOf(resource)}'`;
  return warning("selector/matches-nothing", `${resource.id}: ${what}`, {
    where: resource.where("spec.on"),
    hint: "It takes effect as soon as a host matches.",
  });
};

/** Where a host's instance is among those of a resource, or would be. */
function placeOf(sorted: readonly Instance[], host: string): number {
  let low = 0,
    high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]!.host < host) low = middle + 1;
    else high = middle;
  }
  return low;
}
