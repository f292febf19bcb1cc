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
/** Nodes of a cluster that are looked at: far more than one can have, and an end to what an agent may make up. */
const mostNodes = 128;

/** Names of a cluster's nodes, by its own fact. */
export const nodesOf = ({ nodes }: ClusterFact): string[] => nodes.slice(0, mostNodes).map(({ name }) => name);

/** Takes one fact in; undefined where it says nothing of a cluster as a whole, or of a node that the cluster does not have. */
export function absorbCluster({ key, value }: Fact, before: ClusterFacts = nothing): ClusterFacts | undefined {
  if (key === "cluster {}") {
    const fact = value as ClusterFact;
    return { ...before, fact, guests: ofNodes(before.guests, fact) };
  }
  if (key === "cluster-load {}") return { ...before, load: value as ClusterLoad };
  if (!key.startsWith("guests ")) return undefined;
  const { node, guests } = value as { node: string; guests: GuestRow[] };
  // Facts of the store may come before the one that names the nodes.
  const known = before.fact === undefined ? before.guests.has(node) || before.guests.size < mostNodes : nodesOf(before.fact).includes(node);
  return known ? { ...before, guests: new Map([...before.guests, [node, guests]]) } : undefined;
}

const ofNodes = (guests: ClusterFacts["guests"], fact: ClusterFact): ClusterFacts["guests"] => {
  const nodes = new Set(nodesOf(fact));
  return [...guests.keys()].every((node) => nodes.has(node)) ? guests : new Map([...guests].filter(([node]) => nodes.has(node)));
};

const views = new WeakMap<ClusterFacts, ClusterView>();

/** The cluster as the planner sees it, once how it is made is known; the same object as long as nothing changed. */
export function clusterViewOf(facts: ClusterFacts | undefined, others: readonly string[]): ClusterView | undefined {
  if (facts?.fact === undefined) return undefined;
  const known = views.get(facts);
  if (known !== undefined && known.others.join() === others.join()) return known;
  const view: ClusterView = { fact: facts.fact, load: facts.load, guests: facts.guests, others };
  views.set(facts, view);
  return view;
}
