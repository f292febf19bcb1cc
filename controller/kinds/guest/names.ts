import { storageOf } from "../../../schemas/proxmox/properties.ts";
import { nearest } from "../../../schemas/selector/nearest.ts";
import type { ClusterView } from "../../core/model.ts";
import type { Attempt, Obstacle } from "./blocked.ts";
import type { Wanted } from "./wanted.ts";

/** Nodes, storages, bridges, pools and HA groups that the cluster does not have, or not where they are needed. */
export function unfitNames({ spec, wanted, fact }: Attempt, { fact: cluster }: ClusterView): Obstacle | undefined {
  const missing = (what: string, path: string, name: string | undefined, known: readonly string[], node?: string): Obstacle | undefined => {
    if (name === undefined || known.includes(name)) return undefined;
    const near = nearest(name, known),
      who = node === undefined ? `cluster ${cluster.name}` : `node ${node}`;
    const has = known.length === 0 ? `It has no ${what}s.` : `It has ${known.join(", ")}.`;
    return { reason: `${path}: ${who} has no ${what} ${name}`, hint: near === undefined ? has : `Did you mean ${near}?` };
  };
  const nodes = cluster.nodes.map((node) => node.name);
  const ofSpec =
    missing("node", "node", spec.node, nodes) ??
    first(spec.placement?.anyOf ?? [], (name) => missing("node", "placement.anyOf", name, nodes)) ??
    missing("pool", "pool", spec.pool ?? undefined, cluster.pools) ??
    haGroup(spec.ha?.group, cluster, (name, groups) => missing("HA group", "ha.group", name, groups));
  if (ofSpec !== undefined) return ofSpec;
  const here = fact.exists ? fact.node : undefined,
    storages = cluster.storages.map(({ name }) => name),
    bridges = bridgesOf(cluster, here);
  return first(wanted, (one) => {
    const { path, value } = one,
      storage = storageName(one),
      bridge = typeof value === "object" && value !== null ? value["bridge"] : undefined;
    return (
      (storages.length === 0 ? undefined : missing("storage", `${path}.storage`, storage, storages)) ??
      unfit(one, storage, here, cluster.storages) ??
      (bridges.length === 0 || bridge === "" ? undefined : missing("bridge", `${path}.bridge`, bridge, bridges, here))
    );
  });
}

const first = <T>(of: readonly T[], find: (one: T) => Obstacle | undefined): Obstacle | undefined => {
  for (const one of of) {
    const found = find(one);
    if (found !== undefined) return found;
  }
  return undefined;
};

const storageName = ({ disk }: Wanted): string | undefined => disk?.storage ?? storageOf(disk?.volume);

/** Bridges of the node where the guest is; of all nodes where it is not there yet, and none where nothing is known of them. */
const bridgesOf = ({ nodes }: ClusterView["fact"], here: string | undefined): string[] => {
  const mine = here === undefined ? nodes : nodes.filter(({ name }) => name === here);
  return [...new Set(mine.flatMap((node) => (node.bridges ?? []).map((bridge) => bridge.name)))];
};

/** A storage that holds no disks of this type, or that the guest's node does not have. */
function unfit({ path, disk, key }: Wanted, storage: string | undefined, here: string | undefined, all: ClusterView["fact"]["storages"]) {
  const found = all.find(({ name }) => name === storage);
  if (found === undefined || disk === undefined || disk.volume !== undefined) return undefined;
  const content = /^(rootfs|mp\d+)$/.test(key) ? "rootdir" : "images",
    holds = (what: readonly string[]): boolean => what.length === 0 || what.includes(content);
  if (!holds(found.content)) {
    const fit = all.filter((one) => holds(one.content)).map(({ name }) => name);
    return {
      reason: `${path}.storage: storage ${storage} holds no ${content === "rootdir" ? "container volumes (rootdir)" : "VM disks (images)"}`,
      hint: fit.length === 0 ? `Allow ${content} on a storage of the cluster.` : `These do: ${fit.join(", ")}.`,
    };
  }
  if (here !== undefined && !found.nodes.includes(here))
    return {
      reason: `${path}.storage: node ${here} does not have storage ${storage}`,
      hint: found.nodes.length === 0 ? "No node has it now." : `These nodes have it: ${found.nodes.join(", ")}.`,
    };
  return undefined;
}

/** Since version 9 the places of HA are rules that name their guests; groups cannot be set any more. */
function haGroup(
  group: string | undefined,
  cluster: ClusterView["fact"],
  missing: (name: string, groups: readonly string[]) => Obstacle | undefined,
): Obstacle | undefined {
  if (group === undefined) return undefined;
  if (Number.parseInt(cluster.version, 10) >= 9)
    return {
      reason: `ha.group: cluster ${cluster.name} runs Proxmox VE ${cluster.version}, where rules stand in for HA groups`,
      hint: "Leave ha.group out, and name the guest in a node affinity rule.",
    };
  return missing(
    group,
    cluster.haGroups.map(({ name }) => name),
  );
}
