import type { ClusterFact, ClusterLoad, ClusterNode, ClusterStorage } from "../../schemas/verbs/proxmox/cluster.ts";
import type { PveClient } from "../pve/client.ts";
import { PveError } from "../pve/pve-error.ts";
import type { ResourceLine } from "../pve/rows.ts";

interface StatusLine {
  readonly type: string;
  readonly name: string;
  readonly quorate?: number;
  readonly online?: number;
  readonly ip?: string;
}

/** The API does not know the path, or does not let us look. */
const notToBeSeen = ["right", "unsupported", "missing", "failed"];

/** Answers `otherwise` where a read fails in one of these ways; what only does not answer now stays a failure, for it is unknown. */
const orElse = <T>(wanted: Promise<unknown>, otherwise: T, kinds: readonly string[] = notToBeSeen): Promise<T> =>
  wanted.then(
    (value) => value as T,
    (failure: unknown) => {
      if (failure instanceof PveError && kinds.includes(failure.kind)) return otherwise;
      throw failure;
    },
  );

/** Reads how the cluster is made. Nodes that do not answer are told without their insides. */
export async function readCluster(
  client: PveClient,
  lines: readonly ResourceLine[],
  name: string,
  signal: AbortSignal,
): Promise<ClusterFact> {
  const get = (path: string) => client.request("GET", path, {}, { signal });
  const [status, version, groups, rules, rights] = await Promise.all([
    get("/cluster/status") as Promise<StatusLine[]>,
    get("/version") as Promise<{ version: string }>,
    orElse<{ group: string; nodes: string; restricted?: number }[]>(get("/cluster/ha/groups"), []),
    orElse<{ rule: string; type: string; nodes?: string; resources?: string; strict?: number; disable?: number }[]>(
      get("/cluster/ha/rules"),
      [],
    ),
    orElse<Record<string, Record<string, number>>>(get("/access/permissions"), {}),
  ]);
  const cluster = status.find(({ type }) => type === "cluster");
  const nodes = await Promise.all(
    lines
      .filter(({ type }) => type === "node")
      .map((line) =>
        readNode(
          line,
          status.find((one) => one.type === "node" && one.name === line.node),
          client,
          signal,
        ),
      ),
  );
  return {
    name: cluster?.name ?? name,
    standalone: cluster === undefined,
    quorate: cluster === undefined || cluster.quorate === 1,
    version: version.version,
    nodes: nodes.sort((a, b) => (a.name < b.name ? -1 : 1)),
    storages: storagesOf(lines),
    haGroups: [
      ...groups.map(({ group, nodes: list, restricted }) => ({ name: group, nodes: prioritiesOf(list), restricted: restricted === 1 })),
      ...rules
        .filter(({ type, disable }) => type === "node-affinity" && disable !== 1)
        .map(({ rule, nodes: list, resources, strict }) => ({
          name: rule,
          nodes: prioritiesOf(list ?? ""),
          restricted: strict === 1,
          resources: (resources ?? "").split(",").filter((one) => one !== ""),
        })),
    ].sort((a, b) => (a.name < b.name ? -1 : 1)),
    pools: lines.flatMap((line) => (line.type === "pool" && line.pool !== undefined ? [line.pool] : [])).sort(),
    rights: Object.fromEntries(
      Object.entries(rights).map(([path, privileges]) => [
        path,
        Object.keys(privileges)
          .filter((one) => privileges[one] === 1)
          .sort(),
      ]),
    ),
    root: client.who === "root@pam",
  };
}

/** A node that hangs still counts as online. */
const ofNode = [...notToBeSeen, "unreachable"];

async function readNode(line: ResourceLine, status: StatusLine | undefined, client: PveClient, signal: AbortSignal): Promise<ClusterNode> {
  const name = line.node ?? "",
    online = line.status === "online";
  const base = {
    name,
    online,
    ...(status?.ip === undefined ? {} : { address: status.ip }),
    ...(line.maxcpu === undefined ? {} : { cpus: line.maxcpu }),
    ...(line.maxmem === undefined ? {} : { memory: line.maxmem }),
  };
  if (!online) return base;
  const [network, version] = await Promise.all([
    orElse<{ type: string; iface: string; bridge_vlan_aware?: number }[]>(
      client.request("GET", `/nodes/${name}/network`, { type: "any_bridge" }, { signal }),
      [],
      ofNode,
    ),
    orElse<{ version?: string }>(client.request("GET", `/nodes/${name}/version`, {}, { signal }), {}, ofNode),
  ]);
  const bridges = network
    .map(({ iface, bridge_vlan_aware: aware }) => ({ name: iface, ...(aware === 1 ? { vlanAware: true } : {}) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return { ...base, ...(version.version === undefined ? {} : { version: version.version }), ...(bridges.length === 0 ? {} : { bridges }) };
}

function storagesOf(lines: readonly ResourceLine[]): ClusterStorage[] {
  const found = new Map<string, ClusterStorage & { nodes: string[] }>();
  for (const line of lines) {
    if (line.type !== "storage" || line.storage === undefined || line.node === undefined) continue;
    let storage = found.get(line.storage);
    if (storage === undefined) {
      const content = (line.content ?? "")
        .split(",")
        .filter((one) => one !== "")
        .sort();
      found.set(
        line.storage,
        (storage = { name: line.storage, type: line.plugintype ?? "", shared: line.shared === 1, content, nodes: [] }),
      );
    }
    if (line.status === "available") storage.nodes.push(line.node);
  }
  for (const storage of found.values()) storage.nodes.sort();
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `pve2:1,pve1:2` by node; a node without a number has the priority 0. */
const prioritiesOf = (text: string): Record<string, number> =>
  Object.fromEntries(
    text
      .split(",")
      .filter((one) => one !== "")
      .map((one) => {
        const [node, priority] = one.split(":") as [string, string?];
        return [node, Number(priority ?? 0)] as const;
      })
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

const perCent = (part: number | undefined, whole: number | undefined): number =>
  whole === undefined || whole === 0 ? 0 : Math.round(((part ?? 0) / whole) * 100);

/** How busy the cluster is, from the same lines. */
export function loadOf(lines: readonly ResourceLine[]): ClusterLoad {
  const order = (a: string, b: string): number => (a < b ? -1 : 1);
  return {
    nodes: lines
      .filter(({ type, status }) => type === "node" && status === "online")
      .map((line) => ({
        name: line.node ?? "",
        cpu: Math.round((line.cpu ?? 0) * 100),
        memory: perCent(line.mem, line.maxmem),
        disk: perCent(line.disk, line.maxdisk),
      }))
      .sort((a, b) => order(a.name, b.name)),
    storages: lines
      .filter(
        ({ type, status, shared }, at) =>
          type === "storage" &&
          status === "available" &&
          (shared !== 1 || lines.findIndex((one) => one.storage === lines[at]!.storage && one.status === "available") === at),
      )
      .map((line) => ({
        storage: line.storage ?? "",
        ...(line.shared === 1 ? {} : { node: line.node ?? "" }),
        total: line.maxdisk ?? 0,
        used: perCent(line.disk, line.maxdisk),
      }))
      .sort((a, b) => order(`${a.storage}/${a.node ?? ""}`, `${b.storage}/${b.node ?? ""}`)),
  };
}
