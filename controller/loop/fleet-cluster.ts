import type { ClusterFact, ClusterLoad } from "../../schemas/verbs/proxmox/cluster.ts";
import type { GuestRow } from "../../schemas/verbs/proxmox/guest.ts";
import type { ClusterView, Fact } from "../core/model.ts";

/** What a cluster's agent told of it, put together from its facts. */
export interface ClusterFacts {
  readonly fact?: ClusterFact | undefined;
  readonly load?: ClusterLoad | undefined;
  readonly guests: ReadonlyMap<string, readonly GuestRow[]>;
}

const nothing: ClusterFacts = { guests: new Map() };

/** Takes one fact in; undefined where it says nothing of a cluster as a whole. */
export function absorbCluster({ key, value }: Fact, before: ClusterFacts = nothing): ClusterFacts | undefined {
  if (key === "cluster {}") return { ...before, fact: value as ClusterFact };
  if (key === "cluster-load {}") return { ...before, load: value as ClusterLoad };
  if (!key.startsWith("guests ")) return undefined;
  const { node, guests } = value as { node: string; guests: GuestRow[] };
  return { ...before, guests: new Map([...before.guests, [node, guests]]) };
}

const views = new WeakMap<ClusterFacts, ClusterView>();

/** The cluster as the planner sees it, once how it is made is known; the same object as long as nothing changed. */
export function clusterViewOf(facts: ClusterFacts | undefined, others: readonly string[]): ClusterView | undefined {
  if (facts?.fact === undefined) return undefined;
  const known = views.get(facts);
  if (known !== undefined && known.others.join() === others.join()) return known;
  const nodes = new Set(facts.fact.nodes.map(({ name }) => name));
  const view: ClusterView = {
    fact: facts.fact,
    load: facts.load,
    guests: new Map([...facts.guests].filter(([node]) => nodes.has(node))),
    others,
  };
  views.set(facts, view);
  return view;
}
