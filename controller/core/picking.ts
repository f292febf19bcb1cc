import {
  compileSelector,
  namesIn,
  parseSelector,
  resolveWords,
  type Selector,
  type SelectorHost,
  termsOf,
} from "../../schemas/selector.ts";
import { selectorHost } from "./inventory.ts";
import type { HostView, KindContext, LoadedResource } from "./model.ts";

/** A selector text with its bare words resolved over the whole inventory; a host of which too little is known does not match. */
export interface Rule {
  readonly parsed: Selector;
  readonly resolved: Selector;
  readonly matches: (host: SelectorHost) => boolean;
  /** Names (lower case) of which a host has to bear one to match; undefined: it may bear any. */
  readonly names: readonly string[] | undefined;
  /** The resources whose selector this is. */
  readonly of: Set<LoadedResource>;
}

/** A host as selectors see it, with what kinds may look at there. */
export interface Candidate {
  readonly view: HostView;
  readonly context: KindContext;
  readonly as: SelectorHost;
}

export type ContextOf = (host: HostView) => KindContext;

const seen = new WeakMap<HostView, SelectorHost>();

export function candidateOf(view: HostView, context: ContextOf): Candidate {
  let as = seen.get(view);
  if (as === undefined) seen.set(view, (as = selectorHost(view)));
  return { view, context: context(view), as };
}

export const onOf = (resource: LoadedResource): string => String(resource.resource.spec["on"] ?? "");

/** The rule of a checked selector text. */
export function ruleOf(text: string, inventory: readonly SelectorHost[]): Rule {
  const parsed = parseSelector(text, { stableOnly: true });
  if (!parsed.ok) throw new TypeError(`an unchecked selector reached the planner: ${text}`);
  const resolved = resolveWords(parsed.selector, inventory),
    decide = compileSelector(resolved);
  // A cluster is no machine: only a selector that speaks of clusters picks one, and it picks nothing else.
  const ofClusters = termsOf(resolved).some((term) => term.op === "text" && term.key === "kind" && term.values.includes("cluster"));
  const matches = (host: SelectorHost): boolean => (host.kind === "cluster") === ofClusters && decide(host) === true;
  return { parsed: parsed.selector, resolved, matches, names: namesOf(resolved), of: new Set() };
}

/** Whether the inventory gives the rule's bare words another meaning than they had. */
export const meansOther = ({ parsed, resolved }: Rule, inventory: () => readonly SelectorHost[]): boolean =>
  parsed !== resolved && JSON.stringify(resolveWords(parsed, inventory())) !== JSON.stringify(resolved);

function namesOf(selector: Selector): readonly string[] | undefined {
  if (selector.op === "and") return selector.of.map(namesOf).find((names) => names !== undefined);
  if (selector.op !== "text" || selector.key !== "name") return undefined;
  const names = namesIn(selector);
  return names.length === selector.values.length ? names : undefined;
}

/** The hosts that there are, made ready to be picked from, in the order of their names. A rule that names hosts looks at these alone. */
export class Picking {
  readonly #hosts: ReadonlyMap<string, HostView>;
  readonly #context: ContextOf;
  #all: readonly Candidate[] | undefined;
  #named: Map<string, Candidate[]> | undefined;

  constructor(hosts: ReadonlyMap<string, HostView>, context: ContextOf) {
    this.#hosts = hosts;
    this.#context = context;
  }

  candidates(): readonly Candidate[] {
    return (this.#all ??= [...this.#hosts.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((view) => candidateOf(view, this.#context)));
  }

  inventory(): readonly SelectorHost[] {
    return this.candidates().map((candidate) => candidate.as);
  }

  /** One host by its name. */
  candidate(name: string): Candidate | undefined {
    const view = this.#hosts.get(name);
    return view === undefined ? undefined : candidateOf(view, this.#context);
  }

  matching(rule: Rule): readonly Candidate[] {
    const { names } = rule;
    const among = names === undefined ? this.candidates() : this.#bearing(names);
    return among.filter((candidate) => rule.matches(candidate.as));
  }

  #bearing(names: readonly string[]): readonly Candidate[] {
    this.#named ??= namedIn(this.candidates());
    const found = new Set(names.flatMap((name) => this.#named?.get(name) ?? []));
    return [...found].sort((a, b) => (a.view.name < b.view.name ? -1 : 1));
  }
}

function namedIn(candidates: readonly Candidate[]): Map<string, Candidate[]> {
  const named = new Map<string, Candidate[]>();
  for (const candidate of candidates)
    for (const name of new Set([candidate.view.name, ...candidate.view.aliases].map((called) => called.toLowerCase()))) {
      const same = named.get(name);
      if (same === undefined) named.set(name, [candidate]);
      else same.push(candidate);
    }
  return named;
}
