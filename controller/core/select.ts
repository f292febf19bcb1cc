import { type Ask } from "../../schemas/contract.ts";
import { askKey } from "../../schemas/canonical.ts";
import { instanceId } from "../../schemas/ids.ts";
import { type Problem, warning } from "../../schemas/problem.ts";
import { compileSelector, parseSelector, resolveWords, type Selector, type SelectorHost } from "../../schemas/selector.ts";
import type { KindTable } from "../kinds/define.ts";
import type { HostView, Instance, KindContext, LoadedResource } from "./model.ts";
import { selectorHost } from "./inventory.ts";

/** What the manifests ask for on the hosts that there are, with indexes that keep each later look-up as cheap as the change. */
export interface Desired {
  readonly commit: string;
  readonly tree: string;
  readonly resources: ReadonlyMap<string, LoadedResource>;
  readonly instances: ReadonlyMap<string, Instance>;
  readonly byResource: ReadonlyMap<string, readonly Instance[]>;
  readonly byHost: ReadonlyMap<string, readonly Instance[]>;
  readonly warnings: readonly Problem[];
}

interface From {
  readonly commit: string;
  readonly tree: string;
  readonly resources: readonly LoadedResource[];
}

type ContextOf = (host: HostView) => KindContext;

/** Resolves every resource's `on:` against the inventory; a selector that matches no host is a warning. Cost: the instances, once a commit. */
export function select(from: From, hosts: ReadonlyMap<string, HostView>, kinds: KindTable, context: ContextOf): Selection {
  const selecting = selectInPieces(from, hosts, kinds, context);
  for (;;) {
    const { done, value } = selecting.next();
    if (done === true) return value;
  }
}

/** Pieces of work between two yields. */
const piece = 500;

/** An earlier selection, and whether a host is as it was for it: instances of unchanged resources on unchanged hosts are taken over as they are. */
export interface Before {
  readonly selection: Selection;
  readonly same: (view: HostView) => boolean;
}

/** The same in pieces of a millisecond or two. */
export function* selectInPieces(
  from: From,
  hosts: ReadonlyMap<string, HostView>,
  kinds: KindTable,
  context: ContextOf,
  before?: Before,
): Generator<undefined, Selection> {
  const selection = new Selection(from, kinds);
  const candidates = [...hosts.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map((view) => candidateOf(view, context));
  const inventory = candidates.map((candidate) => candidate.as),
    matching = new Map<Rule, readonly Candidate[]>();
  let work = 0;
  for (const resource of from.resources) {
    if (++work % piece === 0) yield;
    const rule = selection.place(resource, inventory);
    if (rule === undefined) continue;
    let mine = matching.get(rule);
    if (mine === undefined) {
      matching.set(rule, (mine = candidates.filter((candidate) => rule.matches(candidate.as))));
      yield;
    }
    for (const candidate of mine) {
      const old =
        before?.same(candidate.view) === true ? before.selection.instances.get(instanceId(resource.id, candidate.view.name)) : undefined;
      if (old?.resource === resource) selection.take(old);
      else selection.add(resource, candidate);
      if (++work % piece === 0) yield;
    }
  }
  return selection;
}

interface Candidate {
  readonly view: HostView;
  readonly context: KindContext;
  readonly as: SelectorHost;
}

const candidateOf = (view: HostView, context: ContextOf): Candidate => ({ view, context: context(view), as: selectorHost(view) });

/** A selector text with its bare words resolved over the whole inventory; a host of which too little is known does not match. */
interface Rule {
  readonly parsed: Selector;
  readonly resolved: Selector;
  readonly matches: (host: SelectorHost) => boolean;
}

function ruleOf(text: string, inventory: readonly SelectorHost[]): Rule {
  const parsed = parseSelector(text, { stableOnly: true });
  if (!parsed.ok) throw new TypeError(`an unchecked selector reached the planner: ${text}`);
  const resolved = resolveWords(parsed.selector, inventory),
    decide = compileSelector(resolved);
  return { parsed: parsed.selector, resolved, matches: (host) => decide(host) === true };
}

/** What is selected, kept up to date as hosts come and change; see `Desired`. */
export class Selection implements Desired {
  readonly commit: string;
  readonly tree: string;
  readonly resources = new Map<string, LoadedResource>();
  readonly instances = new Map<string, Instance>();
  readonly byResource = new Map<string, Instance[]>();
  readonly byHost = new Map<string, Instance[]>();
  readonly #kinds: KindTable;
  readonly #rules = new Map<string, Rule>();
  #warnings: readonly Problem[] | undefined;

  constructor({ commit, tree }: From, kinds: KindTable) {
    this.commit = commit;
    this.tree = tree;
    this.#kinds = kinds;
  }

  get warnings(): readonly Problem[] {
    return (this.#warnings ??= [...this.byResource].flatMap(([id, instances]) =>
      instances.length > 0 ? [] : matchesNothing(this.resources.get(id)!),
    ));
  }

  /** Takes a resource in and answers the rule that picks its hosts; undefined where its kind has no instances. */
  place(resource: LoadedResource, inventory: readonly SelectorHost[]): Rule | undefined {
    this.resources.set(resource.id, resource);
    const rule = this.#ruleFor(resource, inventory);
    if (rule !== undefined) this.byResource.set(resource.id, []);
    return rule;
  }

  #ruleFor(resource: LoadedResource, inventory: readonly SelectorHost[]): Rule | undefined {
    if (this.#kinds.get(resource.kind)?.scope !== "hosts") return undefined;
    const text = onOf(resource);
    let rule = this.#rules.get(text);
    if (rule === undefined) this.#rules.set(text, (rule = ruleOf(text, inventory)));
    return rule;
  }

  /** Selects anew for one host that is new or changed; false where that changes what selectors pick elsewhere, so that all have to be selected anew. */
  reselect(view: HostView, hosts: ReadonlyMap<string, HostView>, context: ContextOf): boolean {
    let inventory: readonly SelectorHost[] | undefined;
    const all = (): readonly SelectorHost[] => (inventory ??= [...hosts.values()].map(({ name, aliases }) => ({ name, aliases })) as never);
    for (const rule of this.#rules.values()) if (meansOther(rule, all)) return false;
    for (const instance of this.byHost.get(view.name) ?? []) {
      this.instances.delete(instance.id);
      const same = this.byResource.get(instance.resource.id)!;
      same.splice(placeOf(same, view.name), 1);
    }
    this.byHost.delete(view.name);
    this.#warnings = undefined;
    const candidate = candidateOf(view, context),
      picks = new Map<Rule, boolean>();
    for (const resource of this.resources.values()) {
      const rule = this.#ruleFor(resource, []);
      if (rule === undefined) continue;
      let picked = picks.get(rule);
      if (picked === undefined) picks.set(rule, (picked = rule.matches(candidate.as)));
      if (picked) this.add(resource, candidate);
    }
    return true;
  }

  /** Adds an instance; those of a resource stay in the order of their hosts. */
  add(resource: LoadedResource, { view, context }: Candidate): void {
    const kind = this.#kinds.get(resource.kind);
    if (kind?.scope !== "hosts") return;
    const ask: Ask = kind.observe(resource.resource.spec, context),
      host = view.name;
    this.take({ id: instanceId(resource.id, host), resource, host, ask, askKey: askKey(ask) });
  }

  take(instance: Instance): void {
    const { resource, host } = instance;
    const same = this.byResource.get(resource.id)!,
      here = this.byHost.get(host);
    this.instances.set(instance.id, instance);
    if (same.length === 0 || same.at(-1)!.host < host) same.push(instance);
    else same.splice(placeOf(same, host), 0, instance);
    if (here === undefined) this.byHost.set(host, [instance]);
    else here.push(instance);
  }
}

const onOf = (resource: LoadedResource): string => String(resource.resource.spec["on"] ?? "");

/** Whether the inventory gives the rule's bare words another meaning than they had. */
const meansOther = ({ parsed, resolved }: Rule, inventory: () => readonly SelectorHost[]): boolean =>
  parsed !== resolved && JSON.stringify(resolveWords(parsed, inventory())) !== JSON.stringify(resolved);

const matchesNothing = (resource: LoadedResource): Problem =>
  warning("selector/matches-nothing", `${resource.id}: no host matches '${onOf(resource)}'`, {
    where: resource.where("spec.on"),
    hint: "It takes effect as soon as a host matches.",
  });

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
