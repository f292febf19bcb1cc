import { type AgentRelease, compareVersions } from "../../schemas/release.ts";
import type { HostKind, SelectorHost } from "../../schemas/selector.ts";
import type { HostFact, MetricsFact, Owned } from "../../schemas/verbs/host.ts";
import type { AgentOfHost, ClusterView, HostView, LoadedResource, TakenBack } from "./model.ts";

/** An enrolled agent with what its host last said of itself. Tags come from the join token, never from the agent. */
export interface KnownAgent {
  readonly host: string;
  readonly online: boolean;
  readonly version: string;
  /** Releases for its platform, newest first. */
  readonly releases?: readonly AgentRelease[] | undefined;
  readonly takenBack?: readonly TakenBack[] | undefined;
  readonly verbs: readonly string[];
  readonly clockOffset: number;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly facts?: HostFact | undefined;
  readonly metrics?: MetricsFact | undefined;
  readonly owned?: readonly Owned[] | undefined;
  readonly services?: readonly string[] | undefined;
  readonly cluster?: ClusterView | undefined;
}

interface HostSpec {
  readonly tags?: readonly string[];
  readonly labels?: Record<string, string>;
  readonly aliases?: readonly string[];
  readonly address?: string;
}

/** A host as the planner sees it: what its agent reports, and what a `Host` resource of its name adds. */
export function hostView(agent: KnownAgent, host: LoadedResource | undefined): HostView {
  const spec = (host?.resource.spec ?? {}) as HostSpec;
  return {
    name: agent.host,
    online: agent.online,
    aliases: spec.aliases ?? [],
    tags: [...new Set([...agent.tags, ...(spec.tags ?? [])])].sort(),
    labels: { ...agent.labels, ...spec.labels },
    address: spec.address ?? agent.facts?.addresses[0],
    clockOffset: agent.clockOffset,
    facts: agent.facts,
    metrics: agent.metrics,
    agent: { version: agent.version, verbs: agent.verbs, releases: agent.releases, takenBack: agent.takenBack },
    owned: agent.owned,
    services: agent.services,
    ...(agent.cluster === undefined ? {} : { cluster: agent.cluster }),
  };
}

const kindOf = (facts: HostFact | undefined): HostKind => {
  const virtualization = facts?.virtualization ?? "none";
  if (["lxc", "docker", "podman", "systemd-nspawn", "openvz"].includes(virtualization)) return "container";
  return virtualization === "none" ? "host" : "vm";
};

/** The tag that lets an agent speak for a cluster: it comes from its join token or a manifest, never from the agent itself. */
export const clusterTag = "cluster";

/** Whether a host stands for a cluster: its agent can speak for one, and was let to. */
export const isCluster = ({ tags, agent }: Pick<HostView, "tags" | "agent">): boolean =>
  tags.includes(clusterTag) && agent?.verbs.includes("cluster") === true;

/** Whether the controller has a newer version for the agent than the one that it is. */
export const isOutdated = ({ version, releases = [] }: AgentOfHost): boolean =>
  version !== "" && releases.some((release) => compareVersions(release.version, version) > 0);

/** The same host in the words of selectors; what is not known stays undefined. */
export function selectorHost(view: HostView): SelectorHost {
  const { facts, metrics } = view;
  return {
    name: view.name,
    aliases: view.aliases,
    kind: isCluster(view) ? "cluster" : kindOf(facts),
    tags: view.tags,
    labels: view.labels,
    os: facts?.os.id,
    osVersion: facts?.os.version,
    services: view.services,
    status: view.online ? "running" : undefined,
    agent: view.agent === undefined ? null : { version: view.agent.version, outdated: isOutdated(view.agent) },
    cpu: metrics?.cpu,
    mem: metrics?.memory,
    disk: metrics === undefined ? undefined : Math.max(0, ...metrics.disks.map((disk) => disk.used)),
    load: metrics?.load,
  };
}
