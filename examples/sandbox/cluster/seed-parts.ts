import { observed } from "./guests/figures.ts";
import { type Config, type Guest, type Node, seconds, type State } from "./state.ts";
import { isShared, keep, storageNamed } from "./volumes.ts";

/** A node with a bridge on its card, and a second one for VLANs. */
export function seedNode(
  state: State,
  name: string,
  id: number,
  address: string,
  size: { readonly cpus: number; readonly memory: number; readonly rootDisk: number },
): Node {
  const node: Node = {
    name,
    id,
    address,
    ...size,
    online: true,
    bootedAt: state.time.now() - (6148 + id * 3600) * 1000,
    network: new Map(),
    lostAt: 0,
    networkNew: undefined,
    fingerprint: "",
  };
  node.network.set("eno1", { iface: "eno1", type: "eth", method: "manual", method6: "manual", priority: 3 });
  node.network.set("vmbr0", {
    iface: "vmbr0",
    type: "bridge",
    method: "static",
    method6: "manual",
    autostart: 1,
    priority: 4,
    address,
    netmask: "24",
    cidr: `${address}/24`,
    gateway: "10.77.0.1",
    bridge_ports: "eno1",
    bridge_stp: "off",
    bridge_fd: "0",
  });
  state.nodes.set(name, node);
  return node;
}

export function seedStorage(state: State, id: string, config: Config, total: number): void {
  state.storages.set(id, { id, config, total, filled: new Map() });
}

/** An image or a template that is there from the beginning. */
export function seedVolume(state: State, storageId: string, node: string, content: string, file: string, size: number): void {
  const storage = storageNamed(state, storageId);
  keep(state, {
    volid: `${storageId}:${content}/${file}`,
    storage: storageId,
    node: isShared(storage) ? undefined : node,
    content,
    format: content === "iso" ? "iso" : `t${file.split(".").at(-1)}`,
    size,
    used: size,
    ctime: seconds(state) - 86_400,
  });
}

/** It has been up for so long. */
export function runs(state: State, guest: Guest, upSeconds: number): void {
  guest.running = true;
  guest.startedAt = state.time.now() - upSeconds * 1000;
  guest.agentAt = guest.startedAt;
  guest.pid = 2000 + guest.id;
}

/** It is known to everybody. */
export function settle(state: State, guest: Guest): void {
  guest.seen = observed(state, guest);
  guest.shown = { node: guest.node, tags: guest.config["tags"] };
}
