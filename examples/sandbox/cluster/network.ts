import { type Call, endpoint, type Endpoints, listIn, startTask, textIn } from "./endpoint.ts";
import { each, flag, formatted, integer, must, oneOf, type Parameters, text } from "./parameters.ts";
import { need } from "./permissions.ts";
import { failed, wrong } from "./refused.ts";
import type { Bridge, Config, Node } from "./state.ts";

const kinds = "bridge bond eth alias vlan OVSBridge OVSBond OVSPort OVSIntPort vnet".split(" ");

/** What the file says: what is in force, and over it what waits for a reload. */
const written = (node: Node): Map<string, Bridge> => node.networkNew ?? node.network;
/** Begins to write: changes wait until they are reloaded. */
const draft = (node: Node): Map<string, Bridge> =>
  (node.networkNew ??= new Map([...node.network].map(([name, line]) => [name, { ...line }])));

/** A line with what Proxmox VE derives from it. */
function completed(line: Config): Bridge {
  const found = { ...line } as Bridge;
  const cidr = found["cidr"],
    address = found["address"];
  if (cidr !== undefined) {
    const [ip, bits] = String(cidr).split("/");
    Object.assign(found, { address: ip, netmask: bits });
  } else if (address !== undefined && found["netmask"] !== undefined) found["cidr"] = `${address}/${found["netmask"]}`;
  return {
    priority: 4,
    method: found["address"] === undefined ? "manual" : "static",
    method6: "manual",
    ...(found.type === "bridge" ? { bridge_fd: "0", bridge_stp: "off", bridge_ports: "" } : {}),
    ...found,
  };
}

/** Lists carry `families`; the API gives them as a list. */
const shown = (node: Node, line: Bridge): object => ({
  ...line,
  families: ["inet"],
  ...(node.network.has(line.iface) && line["active"] !== 0 ? { active: 1 } : {}),
});

const fits = (line: Bridge, type: string | undefined): boolean =>
  type === undefined || type === line.type || ((type === "any_bridge" || type === "any_local_bridge") && /bridge/i.test(line.type));

function lineOf(call: Call): Bridge {
  const line = written(call.node).get(textIn(call, "iface")!);
  if (line === undefined) throw wrong({ iface: "interface does not exist" });
  return line;
}

const values = (call: Call): Config => {
  const { node: _, iface: __, delete: ___, ...rest } = call.params;
  return rest as Config;
};

function create(call: Call): undefined {
  const iface = textIn(call, "iface")!;
  if (written(call.node).has(iface)) throw wrong({ iface: "interface already exists" });
  check(call, values(call));
  draft(call.node).set(iface, completed({ ...values(call), iface, type: textIn(call, "type")! }));
  return undefined;
}

/** One gateway, and ports that are there. */
function check(call: Call, line: Config): void {
  const lines = written(call.node),
    iface = textIn(call, "iface");
  if (line["gateway"] !== undefined)
    for (const other of lines.values())
      if (other.iface !== iface && other["gateway"] !== undefined)
        throw wrong({ gateway: `Default gateway already exists on interface '${other.iface}'.` });
  for (const port of String(line["bridge_ports"] ?? "").split(/\s+/))
    if (port !== "" && !lines.has(port) && !/\.\d+$/.test(port)) throw failed(`bridge port '${port}' does not exist`);
}

function change(call: Call): undefined {
  lineOf(call);
  check(call, values(call));
  const iface = textIn(call, "iface")!,
    before = { ...written(call.node).get(iface)! };
  for (const key of listIn(call, "delete")) delete before[key];
  // What is given takes the place of all that can be given.
  const kept = Object.fromEntries(Object.entries(before).filter(([key]) => /^(active|priority|exists)$/.test(key)));
  draft(call.node).set(iface, completed({ ...kept, ...values(call), iface, type: textIn(call, "type") ?? before.type }));
  return undefined;
}

function reload(call: Call): string {
  const { node, state } = call;
  return startTask(call, "srvreload", "networking", async (worker) => {
    await worker.wait(state.pace.task);
    if (node.networkNew === undefined) return;
    node.network.clear();
    for (const [name, line] of node.networkNew) node.network.set(name, line);
    node.networkNew = undefined;
  });
}

const iface = must(formatted("pve-iface", { minLength: 2, maxLength: 20 }));
const settings: Parameters = {
  ...each(
    "bond-primary bond_mode bond_xmit_hash_policy bridge_ports bridge_vids comments comments6 netmask ovs_bonds ovs_bridge ovs_options ovs_ports slaves vlan-raw-device",
    text(),
  ),
  ...each("autostart bridge_vlan_aware", flag),
  address: formatted("ipv4"),
  address6: formatted("ipv6"),
  cidr: formatted("CIDRv4"),
  cidr6: formatted("CIDRv6"),
  gateway: formatted("ipv4"),
  gateway6: formatted("ipv6"),
  mtu: integer({ minimum: 1280, maximum: 65_520 }),
  netmask6: integer({ minimum: 0, maximum: 128 }),
  ovs_tag: integer({ minimum: 1, maximum: 4094 }),
  "vlan-id": integer({ minimum: 1, maximum: 4094 }),
  type: must(oneOf(...kinds, "unknown")),
};
const path = "/nodes/{node}/network",
  look = need("/nodes/{node}", "Sys.Audit"),
  act = need("/nodes/{node}", "Sys.Modify");

/** The network of a node: what is in force, what is written, and the reload in between. */
export const networkEndpoints: Endpoints = {
  [`GET ${path}`]: endpoint("all", { type: oneOf(...kinds, "any_bridge", "any_local_bridge") }, (call) => {
    const type = textIn(call, "type");
    return [...written(call.node).values()].filter((line) => fits(line, type)).map((line) => shown(call.node, line));
  }),
  [`POST ${path}`]: endpoint(act, { ...settings, iface }, create),
  [`PUT ${path}`]: endpoint(act, {}, reload),
  [`DELETE ${path}`]: endpoint(act, {}, ({ node }) => void (node.networkNew = undefined)),
  [`GET ${path}/{iface}`]: endpoint(look, {}, (call) => {
    const { iface: _, ...line } = shown(call.node, lineOf(call)) as Bridge;
    return line;
  }),
  [`PUT ${path}/{iface}`]: endpoint(act, { ...settings, delete: formatted("pve-configid-list") }, change),
  [`DELETE ${path}/{iface}`]: endpoint(act, {}, (call) => {
    lineOf(call);
    draft(call.node).delete(textIn(call, "iface")!);
  }),
};
