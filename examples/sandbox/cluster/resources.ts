import type { Call } from "./endpoint.ts";
import { isTemplate } from "./guests/config.ts";
import { figuresOf } from "./guests/figures.ts";
import { sidOf } from "./ha-view.ts";
import { may } from "./permissions.ts";
import type { Guest, Node, State, Storage } from "./state.ts";
import { isShared, onNode, usedOn } from "./volumes.ts";

type Line = Record<string, unknown>;

const bootGiB = 3.2 * 1024 ** 3;

/** How busy a node is: what its guests use, and a little of its own. */
export function nodeFigures(state: State, node: Node): Line {
  let cpu = 0.02 * node.cpus,
    mem = bootGiB;
  for (const guest of state.guests.values()) {
    if (guest.node !== node.name || !guest.running) continue;
    const figures = figuresOf(state, guest);
    cpu += figures.cpu * figures.cpus;
    mem += figures.mem;
  }
  return {
    cpu: Math.round(Math.min(1, cpu / node.cpus) * 10_000) / 10_000,
    maxcpu: node.cpus,
    mem: Math.round(Math.min(mem, node.memory * 0.97)),
    maxmem: node.memory,
    disk: Math.round(node.rootDisk * 0.16),
    maxdisk: node.rootDisk,
    uptime: Math.max(0, Math.floor((state.time.now() - node.bootedAt) / 1000)),
  };
}

function nodeLine(call: Call, node: Node): Line {
  const { state, who } = call,
    base = {
      id: `node/${node.name}`,
      type: "node",
      node: node.name,
      level: "",
      status: node.online ? "online" : "offline",
      "cgroup-mode": 2,
    };
  if (!node.online || !may(state, who, `/nodes/${node.name}`, "Sys.Audit")) return base;
  return { ...base, ...nodeFigures(state, node) };
}

/** A guest as /cluster/resources has it: status, name and figures as pvestatd told them last. */
export function guestLine(state: State, guest: Guest, inResources = true): Line {
  const { seen } = guest,
    node = state.nodes.get(guest.node),
    lock = guest.config["lock"],
    tags = inResources ? guest.shown?.tags : undefined,
    pool = [...state.pools.values()].find(({ guests }) => guests.has(guest.id))?.id,
    ha = state.ha.resources.get(sidOf(guest));
  const base: Line = {
    id: `${guest.kind}/${guest.id}`,
    type: guest.kind,
    vmid: guest.id,
    node: inResources ? (guest.shown?.node ?? guest.node) : guest.node,
    template: isTemplate(guest) ? 1 : 0,
    ...(tags === undefined ? {} : { tags }),
    ...(lock === undefined || !inResources ? {} : { lock }),
    ...(pool === undefined || !inResources ? {} : { pool }),
    ...(ha?.state === undefined || !inResources ? {} : { hastate: ha.config["state"] === "ignored" ? "ignored" : ha.state }),
  };
  if (seen === undefined) return { ...base, status: "unknown" };
  // For a while the list shows what a lost node said last.
  if (node?.online === false && state.time.now() - node.lostAt >= state.pace.forget) return { ...base, status: "unknown" };
  const { cpus, ...figures } = seen.figures;
  return { ...base, name: seen.name, status: seen.status, ...figures, maxcpu: cpus };
}

/** A storage on a node. */
export const storageLine = (state: State, storage: Storage, node: Node): Line => ({
  id: `storage/${node.name}/${storage.id}`,
  type: "storage",
  storage: storage.id,
  node: node.name,
  plugintype: storage.config["type"],
  content: storage.config["content"],
  shared: isShared(storage) ? 1 : 0,
  status: node.online ? "available" : "unknown",
  ...(node.online ? { disk: usedOn(state, storage, node.name), maxdisk: storage.total } : {}),
});

/** All that the caller may see: pools, guests, nodes, storages, networks. */
export function resources(call: Call, type: string | undefined): Line[] {
  const { state, who } = call,
    wants = (kind: string): boolean => type === undefined || type === kind;
  const nodes = [...state.nodes.values()];
  const used = wants("storage") ? usage(state) : undefined;
  return [
    ...(type === undefined ? pools(call) : []),
    ...(wants("vm")
      ? [...state.guests.values()]
          .filter((guest) => may(state, who, `/vms/${guest.id}`, "VM.Audit"))
          .map((guest) => guestLine(state, guest))
      : []),
    ...(wants("node") ? nodes.map((node) => nodeLine(call, node)) : []),
    ...(wants("storage")
      ? nodes.flatMap((node) =>
          [...state.storages.values()]
            .filter(
              (storage) =>
                onNode(storage, node.name) && may(state, who, `/storage/${storage.id}`, "Datastore.Audit", "Datastore.AllocateSpace"),
            )
            .map((storage) => ({ ...storageLineOf(storage, node, used!) })),
        )
      : []),
    ...(wants("sdn") && may(state, who, "/sdn/zones/localnetwork", "SDN.Audit", "SDN.Use")
      ? nodes.map((node) => ({
          id: `sdn/${node.name}/localnetwork`,
          type: "sdn",
          sdn: "localnetwork",
          node: node.name,
          status: node.online ? "ok" : "unknown",
        }))
      : []),
  ];
}

/** Bytes in use by storage and node, counted once over all volumes. */
function usage(state: State): Map<string, number> {
  const used = new Map<string, number>();
  const add = (storage: string, node: string, bytes: number): void => {
    const key = `${storage}|${node}`;
    used.set(key, (used.get(key) ?? 0) + bytes);
  };
  for (const volume of state.volumes.values()) add(volume.storage, volume.node ?? "", volume.used);
  for (const { id, filled } of state.storages.values()) for (const [node, bytes] of filled) add(id, node, bytes);
  return used;
}

const storageLineOf = (storage: Storage, node: Node, used: ReadonlyMap<string, number>): Line => ({
  id: `storage/${node.name}/${storage.id}`,
  type: "storage",
  storage: storage.id,
  node: node.name,
  plugintype: storage.config["type"],
  content: storage.config["content"],
  shared: isShared(storage) ? 1 : 0,
  status: node.online ? "available" : "unknown",
  ...(node.online
    ? { disk: Math.min(storage.total, used.get(`${storage.id}|${isShared(storage) ? "" : node.name}`) ?? 0), maxdisk: storage.total }
    : {}),
});

function pools(call: Call): Line[] {
  const { state, who } = call;
  return [...state.pools.values()]
    .filter(({ id }) => may(state, who, `/pool/${id}`, "Pool.Audit"))
    .map(({ id, guests }) => {
      const seen = [...guests].flatMap((guest) => state.guests.get(guest)?.seen ?? []);
      const sum = (key: "cpu" | "cpus" | "mem" | "maxmem"): number => seen.reduce((total, { figures }) => total + figures[key], 0);
      const figures =
        seen.length === 0
          ? {}
          : {
              cpu: sum("cpu"),
              maxcpu: sum("cpus"),
              mem: sum("mem"),
              maxmem: sum("maxmem"),
              uptime: Math.max(...seen.map((one) => one.figures.uptime)),
            };
      return { id: `/pool/${id}`, type: "pool", pool: id, ...figures };
    });
}
