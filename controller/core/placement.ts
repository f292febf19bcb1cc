import type { ClusterNode } from "../../schemas/verbs/proxmox/cluster.ts";
import { printBytes } from "../../schemas/manifest.ts";
import type { ClusterView, LoadedResource, Placed } from "./model.ts";

/** A guest of the manifests as placing looks at it. Memory in bytes; `here`: the node where it is already. */
export interface GuestToPlace {
  readonly resource: string;
  readonly node?: string | undefined;
  readonly anyOf?: readonly string[] | undefined;
  readonly apartFrom?: Readonly<Record<string, string>> | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly storages: readonly string[];
  readonly bridges: readonly string[];
  readonly memory: number;
  readonly cpus: number;
  readonly haGroup?: string | undefined;
  readonly here?: string | undefined;
}

/**
 * Chooses a node for each guest that is not there yet, one after the other in the order of their ids, each seeing where those before it go: so that fifty new
 * guests spread, and the same manifests and facts always give the same answer. A guest goes where most memory is left, of what nodes have and guests may use.
 */
export function placeGuests(guests: readonly GuestToPlace[], cluster: ClusterView): ReadonlyMap<string, Placed> {
  const left = new Map(cluster.fact.nodes.map(({ name }) => [name, roomOf(name, cluster)]));
  const at = new Map<string, GuestToPlace[]>();
  const settle = (guest: GuestToPlace, node: string): void => void at.set(node, [...(at.get(node) ?? []), guest]);
  for (const guest of guests) if (guest.here !== undefined) settle(guest, guest.here);
  const placed = new Map<string, Placed>();
  for (const guest of [...guests].sort((a, b) => (a.resource < b.resource ? -1 : 1))) {
    if (guest.here !== undefined) continue;
    const found = place(guest, cluster, left, (node) => at.get(node) ?? []);
    placed.set(guest.resource, found);
    if (!("node" in found)) continue;
    settle(guest, found.node);
    left.set(found.node, left.get(found.node)! - guest.memory);
  }
  return placed;
}

/** Memory of a node that its guests may not use yet, in bytes; guests that are stopped count as well, for they may be started. */
export const roomOf = (name: string, { fact, guests }: ClusterView): number =>
  (guests.get(name) ?? []).reduce(
    (left, guest) => left - (guest.template === true ? 0 : guest.memory),
    fact.nodes.find((node) => node.name === name)?.memory ?? 0,
  );

/** Rules in the order in which they take nodes away; the one that takes the last is the one that is named. */
function place(
  guest: GuestToPlace,
  { fact }: ClusterView,
  left: ReadonlyMap<string, number>,
  on: (node: string) => readonly GuestToPlace[],
): Placed {
  const group = fact.haGroups.find(({ name }) => name === guest.haGroup);
  const has = (storage: string, node: string): boolean => fact.storages.some(({ name, nodes }) => name === storage && nodes.includes(node));
  const rules: readonly (readonly [string, (node: ClusterNode) => boolean])[] = [
    ["is online", (node) => node.online],
    [`is node ${guest.node}`, (node) => guest.node === undefined || node.name === guest.node],
    [`is one of placement.anyOf (${guest.anyOf?.join(", ")})`, (node) => guest.anyOf === undefined || guest.anyOf.includes(node.name)],
    ["is not under maintenance", (node) => node.maintenance !== true || node.name === guest.node],
    [`belongs to HA group ${guest.haGroup}`, (node) => group === undefined || !group.restricted || group.nodes[node.name] !== undefined],
    [`has storage ${guest.storages.join(", ")}`, (node) => guest.storages.every((storage) => has(storage, node.name))],
    [
      `has bridge ${guest.bridges.join(", ")}`,
      (node) => node.bridges === undefined || guest.bridges.every((bridge) => node.bridges!.some(({ name }) => name === bridge)),
    ],
    [
      `has no guest with ${labelsOf(guest.apartFrom)}`,
      (node) => guest.apartFrom === undefined || !on(node.name).some((other) => carries(other, guest.apartFrom!)),
    ],
    [
      `is free of guests that stay apart from ${labelsOf(guest.labels)}`,
      (node) => !on(node.name).some(({ apartFrom }) => apartFrom !== undefined && carries(guest, apartFrom)),
    ],
    [`has ${guest.cpus} CPUs`, (node) => node.cpus === undefined || node.cpus >= guest.cpus],
    [`has ${printBytes(guest.memory)} of memory`, (node) => node.memory === undefined || node.memory >= guest.memory],
  ];
  let nodes: readonly ClusterNode[] = fact.nodes.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const [rule, holds] of rules) {
    const next = nodes.filter(holds);
    if (next.length === 0)
      return {
        reason: `no node of cluster ${fact.name} is fit for ${guest.resource}: of ${nodes.map(({ name }) => name).join(", ") || "its nodes"} none ${rule}`,
        hint: "Change that field of the manifest, or the cluster.",
      };
    nodes = next;
  }
  const free = ({ name }: ClusterNode): number => left.get(name) ?? 0;
  const best = nodes.toSorted((a, b) => free(b) - free(a) || (a.name < b.name ? -1 : 1))[0]!;
  // Without figures: they move all the time, and a plan that waits for its approval shall stay the plan that it is.
  const why = nodes.length === 1 ? "the only one that fits" : `most memory left of ${nodes.length} that fit`;
  return { node: best.name, why };
}

const labelsOf = (labels: Readonly<Record<string, string>> = {}): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");

const carries = (other: GuestToPlace, labels: Readonly<Record<string, string>>): boolean =>
  Object.entries(labels).every(([key, value]) => other.labels[key] === value);

/** The guests of some resources, with where they are by now: by number where the manifest has one, else by type and name. */
export function guestsToPlace(
  resources: Iterable<LoadedResource>,
  cluster: ClusterView,
  isGuest: (kind: string) => "vm" | "container" | undefined,
  sizes: (spec: Readonly<Record<string, unknown>>) => Pick<GuestToPlace, "memory" | "cpus" | "storages" | "bridges">,
): GuestToPlace[] {
  const byId = new Map<number, string>(),
    byName = new Map<string, string>();
  for (const [node, rows] of cluster.guests)
    for (const row of rows) {
      byId.set(row.id, node);
      byName.set(`${row.type}/${row.name}`, node);
    }
  const found: GuestToPlace[] = [];
  for (const { id, kind, name, resource } of resources) {
    const type = isGuest(kind);
    if (type === undefined) continue;
    const { spec } = resource,
      placement = spec["placement"] as { anyOf?: string[]; apartFrom?: Record<string, string> } | undefined,
      number = spec["id"] as number | undefined;
    if (spec["state"] === "absent") continue;
    found.push({
      resource: id,
      node: spec["node"] as string | undefined,
      anyOf: placement?.anyOf,
      apartFrom: placement?.apartFrom,
      labels: resource.metadata.labels ?? {},
      haGroup: (spec["ha"] as { group?: string } | null | undefined)?.group,
      here: number === undefined ? byName.get(`${type}/${(spec["name"] as string | undefined) ?? name}`) : byId.get(number),
      ...sizes(spec),
    });
  }
  return found;
}
