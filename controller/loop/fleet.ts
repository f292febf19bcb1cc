import type { HostFact, MetricsFact, Owned } from "../../schemas/verbs/host.ts";
import { hostView, type KnownAgent } from "../core/inventory.ts";
import type { Fact, HostView, LoadedResource, TakenBack } from "../core/model.ts";
import { absorbCluster, type ClusterFacts, clusterViewOf } from "./fleet-cluster.ts";
import { takenBackReleases } from "./taken-back.ts";

/** What the hub tells about an agent; `state` in the hub's words. */
export interface AgentState extends Pick<KnownAgent, "host" | "version" | "releases" | "verbs" | "clockOffset" | "tags" | "labels"> {
  readonly agent: string;
  readonly state: string;
  readonly lastSeen?: number | undefined;
}

interface Member {
  state: AgentState;
  facts?: HostFact | undefined;
  metrics?: MetricsFact | undefined;
  owned?: readonly Owned[] | undefined;
  cluster?: ClusterFacts | undefined;
}

/** The hosts that have an agent, put together from what the hub knows, what they report of themselves and their `Host` resources. */
export interface Fleet {
  setAgent(state: AgentState): HostView;
  removeAgent(host: string): void;
  /** Releases that agents took back: another array says something about every host. */
  takenBack(): readonly TakenBack[];
  /** Takes what a fact says about the host itself; undefined where it says nothing of that kind. */
  absorb(fact: Fact): HostView | undefined;
  setHostResources(resources: Iterable<LoadedResource>): void;
  view(host: string): HostView | undefined;
  /** Every host by its name; with `resources`, as they would be with the `Host` resources among these. */
  views(resources?: Iterable<LoadedResource>): Map<string, HostView>;
  state(host: string): AgentState | undefined;
  states(): Iterable<AgentState>;
}

const hostResources = (all: Iterable<LoadedResource>): Map<string, LoadedResource> =>
  new Map([...all].flatMap((one) => (one.kind === "Host" ? [[one.name, one] as const] : [])));

/** An agent in one of these states is connected and answers. */
const connected = new Set(["online", "late"]);

export function createFleet(): Fleet {
  const members = new Map<string, Member>(),
    takenBack = takenBackReleases();
  let resources = new Map<string, LoadedResource>();
  const otherClusters = (member: Member): string[] =>
    member.cluster === undefined
      ? []
      : [...members.values()].filter((other) => other !== member && other.cluster !== undefined).map(({ state }) => state.host);
  const view = (member: Member, from = resources): HostView => {
    const { state } = member;
    const known: KnownAgent = {
      host: state.host,
      online: connected.has(state.state),
      version: state.version,
      releases: state.releases,
      takenBack: takenBack.list(),
      verbs: state.verbs,
      clockOffset: state.clockOffset,
      tags: state.tags,
      labels: state.labels,
      facts: member.facts,
      metrics: member.metrics,
      owned: member.owned,
      cluster: clusterViewOf(member.cluster, otherClusters(member)),
    };
    return hostView(known, from.get(state.host));
  };
  return {
    setAgent(state) {
      const member = members.get(state.host) ?? { state };
      member.state = state;
      members.set(state.host, member);
      return view(member);
    },
    removeAgent(host) {
      takenBack.remove(host);
      members.delete(host);
    },
    takenBack: () => takenBack.list(),
    absorb(fact) {
      const member = members.get(fact.host);
      if (member === undefined || fact.value === undefined) return undefined;
      if (fact.key === "host {}") member.facts = fact.value as HostFact;
      else if (fact.key === "metrics {}") member.metrics = fact.value as MetricsFact;
      else if (fact.key === "owned {}") member.owned = (fact.value as { owned: Owned[] }).owned;
      else if (!takenBack.absorb(fact, member.state.clockOffset)) {
        const cluster = absorbCluster(fact, member.cluster);
        if (cluster === undefined) return undefined;
        member.cluster = cluster;
      }
      return view(member);
    },
    setHostResources(next) {
      resources = hostResources(next);
    },
    view(host) {
      const member = members.get(host);
      return member === undefined ? undefined : view(member);
    },
    views(of) {
      const from = of === undefined ? resources : hostResources(of);
      return new Map([...members].map(([name, member]) => [name, view(member, from)]));
    },
    state: (host) => members.get(host)?.state,
    states: function* () {
      for (const member of members.values()) yield member.state;
    },
  };
}
