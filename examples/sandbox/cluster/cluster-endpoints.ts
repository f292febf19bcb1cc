import { type Call, endpoint, type Endpoints, numberIn, textIn } from "./endpoint.ts";
import { parseTags } from "../../../schemas/proxmox/properties.ts";
import { formatted, integer, oneOf, text } from "./parameters.ts";
import { may, need } from "./permissions.ts";
import { wrong } from "./refused.ts";
import { resources } from "./resources.ts";
import { recentTasks } from "./task-endpoints.ts";

const subdirectories = (names: string) => () => names.split(" ").map((subdir) => ({ subdir }));

/** The cluster and its nodes, as corosync sees them from the node that was asked. */
function status({ state, via }: Call): object[] {
  const nodes = [...state.nodes.values()];
  return [
    { id: "cluster", type: "cluster", name: state.name, version: nodes.length, nodes: nodes.length, quorate: state.quorate ? 1 : 0 },
    ...nodes.map((node) => ({
      id: `node/${node.name}`,
      type: "node",
      name: node.name,
      nodeid: node.id,
      ip: node.address,
      level: "",
      local: node === via ? 1 : 0,
      online: node.online ? 1 : 0,
    })),
  ];
}

/** The smallest free number, or whether a number is free: it tests and reserves nothing. */
function nextId(call: Call): string {
  const wanted = numberIn(call, "vmid");
  if (wanted !== undefined) {
    if (call.state.guests.has(wanted)) throw wrong({ vmid: `VM ${wanted} already exists` });
    return String(wanted);
  }
  for (let id = 100; ; id += 1) if (!call.state.guests.has(id)) return String(id);
}

function options({ state, who }: Call): object {
  const tags = [
    ...new Set(
      [...state.guests.values()].flatMap((guest) =>
        parseTags(guest.config["tags"] === undefined ? undefined : String(guest.config["tags"])),
      ),
    ),
  ];
  if (!may(state, who, "/", "Sys.Audit")) return { "allowed-tags": [] };
  return { mac_prefix: "BC:24:11", ...state.options, "allowed-tags": tags.sort() };
}

/** Starts and ends of tasks, as the cluster's log has them. */
function log(call: Call): object[] {
  const max = numberIn(call, "max") ?? 50;
  return [...call.state.tasks.all.values()]
    .sort((a, b) => b.starttime - a.starttime)
    .slice(0, max)
    .map((task, at) => ({
      id: `${at + 1}:${task.node}`,
      uid: String(at + 1),
      msg: task.exitstatus === undefined ? `starting task ${task.upid}` : `end task ${task.upid} ${task.exitstatus}`,
      node: task.node,
      pid: task.pid,
      pri: 6,
      tag: "pvedaemon",
      time: task.endtime ?? task.starttime,
      user: task.user,
    }));
}

const look = need("/", "Sys.Audit");
const nothing = () => [];
const emptyDigest = () => ({ digest: "da39a3ee5e6b4b0d3255bfef95601890afd80709" });

/** What belongs to no node. */
export const clusterEndpoints: Endpoints = {
  "GET /": endpoint("all", {}, subdirectories("version cluster nodes storage access pools")),
  "GET /version": endpoint("all", {}, ({ state }) => state.version),
  "GET /cluster": endpoint(
    "all",
    {},
    subdirectories(
      "replication metrics notifications config firewall backup backup-info ha acme ceph jobs mapping bulk-action sdn log resources tasks options status nextid",
    ),
  ),
  "GET /cluster/resources": endpoint("all", { type: oneOf("vm", "storage", "node", "sdn") }, (call) =>
    resources(call, textIn(call, "type")),
  ),
  "GET /cluster/status": endpoint(look, {}, status),
  "GET /cluster/tasks": endpoint("all", {}, recentTasks),
  "GET /cluster/nextid": endpoint("all", { vmid: integer({ minimum: 100, maximum: 999_999_999, format: "pve-vmid" }) }, nextId),
  "GET /cluster/options": endpoint("all", {}, options),
  "GET /cluster/log": endpoint("all", { max: integer({ minimum: 1 }) }, log),
  "GET /cluster/config/nodes": endpoint(look, {}, ({ state }) =>
    [...state.nodes.values()].map((node) => ({
      name: node.name,
      node: node.name,
      nodeid: String(node.id),
      quorum_votes: "1",
      ring0_addr: node.address,
    })),
  ),
  "GET /cluster/config/join": endpoint(look, { node: formatted("pve-node") }, ({ state, via }) => ({
    config_digest: "f8b46eed170c87a7fb4964c6d104cfc66d871a1d",
    preferred_node: via.name,
    nodelist: [...state.nodes.values()].map((node) => ({
      name: node.name,
      nodeid: String(node.id),
      pve_addr: node.address,
      pve_fp: node.fingerprint,
      quorum_votes: "1",
      ring0_addr: node.address,
    })),
    totem: {
      cluster_name: state.name,
      config_version: String(state.nodes.size),
      interface: { "0": { linknumber: "0" } },
      ip_version: "ipv4-6",
      link_mode: "passive",
      secauth: "on",
      version: "2",
    },
  })),
  "GET /cluster/replication": endpoint("all", {}, nothing),
  "GET /cluster/jobs/realm-sync": endpoint(look, {}, nothing),
  "GET /cluster/metrics/server": endpoint(look, {}, nothing),
  "GET /cluster/mapping/pci": endpoint("all", { "check-node": formatted("pve-node") }, nothing),
  "GET /cluster/firewall/options": endpoint(look, {}, emptyDigest),
  "GET /cluster/sdn/zones": endpoint("all", { type: text() }, nothing),
};
