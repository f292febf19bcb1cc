import type { Call } from "../endpoint.ts";
import { splitProperties } from "../property-strings.ts";
import { failed } from "../refused.ts";
import type { Guest, State } from "../state.ts";
import { drop, volumeAt, volumeIdOf } from "../volumes.ts";
import { unusedKey } from "./config.ts";

/** Keys of a container that a running one takes at once (PVE::LXC::Config: fast plug options, limits, cards, new mounts). */
const hotInContainer =
  /^(description|onboot|startup|protection|hostname|hookscript|cores|tags|lock|cpulimit|cpuunits|memory|swap|net\d+|unused\d+)$/;
/** The same of a VM (PVE::QemuServer): what the machine itself does not have to know. */
const fastInVm =
  /^(lock|name|onboot|shares|startup|description|protection|vmstatestorage|hookscript|tags|migrate_downtime|migrate_speed|hotplug|cpuunits|cpulimit|unused\d+)$/;

const hotplugOf = (guest: Guest): string[] => {
  const text = String(guest.config["hotplug"] ?? "network,disk,usb");
  return text === "1" ? ["network", "disk", "usb"] : text === "0" ? [] : text.split(",");
};

/** Whether a running guest takes a change of this key without a restart. */
function isHot(guest: Guest, key: string): boolean {
  if (guest.kind === "lxc")
    return hotInContainer.test(key) || (/^mp\d+$/.test(key) && guest.config[key] === undefined && guest.pending[key] !== undefined);
  if (fastInVm.test(key)) return true;
  const hotplug = hotplugOf(guest);
  if (/^net\d+$/.test(key)) return hotplug.includes("network");
  if (/^(scsi|virtio|sata)\d+$/.test(key)) return hotplug.includes("disk");
  if (/^ide\d+$/.test(key)) return /media=cdrom/.test(String(guest.pending[key] ?? guest.config[key]));
  if (/^usb\d+$/.test(key)) return hotplug.includes("usb");
  if (key === "memory") return hotplug.includes("memory") && guest.config["numa"] === 1;
  if (key === "vcpus") return hotplug.includes("cpu");
  if (/^(ci\w+|ipconfig\d+|sshkeys|nameserver|searchdomain)$/.test(key)) return hotplug.includes("cloudinit");
  return key === "balloon" && guest.config["balloon"] !== 0;
}

/** What differs not at all is not pending. */
export function dropEqual(guest: Guest): void {
  for (const [key, value] of Object.entries(guest.pending)) if (guest.config[key] === value) delete guest.pending[key];
  for (const key of guest.pendingDelete.keys()) if (guest.config[key] === undefined) guest.pendingDelete.delete(key);
}

/** Takes what may be taken now: everything of a stopped guest, what is hot-pluggable of a running one. */
export function applyPending(call: Pick<Call, "state">, guest: Guest): void {
  for (const [key, force] of guest.pendingDelete) {
    if (guest.running && !isHot(guest, key)) continue;
    guest.pendingDelete.delete(key);
    removeKey(call.state, guest, key, force);
  }
  const missing: string[] = [];
  for (const [key, value] of Object.entries(guest.pending)) {
    if (guest.running && !isHot(guest, key)) continue;
    delete guest.pending[key];
    replaced(call.state, guest, key, value);
    guest.config[key] = value;
    if (guest.kind === "lxc" && /^net\d+$/.test(key)) {
      const bridge = splitProperties("lxc-net", String(value))["bridge"];
      if (bridge !== undefined && !hasBridge(call.state, guest.node, bridge)) missing.push(bridge);
    }
  }
  call.state.changed(guest);
  if (missing.length > 0) throw failed(`bridge '${missing[0]}' does not exist`);
}

/** The disk that a key had before stays as an unused one. */
function replaced(state: State, guest: Guest, key: string, value: string | number): void {
  const old = volumeIdOf(guest.config[key]);
  if (old === undefined || old === volumeIdOf(value) || key.startsWith("unused")) return;
  keepUnused(state, guest, old);
}

function keepUnused(state: State, guest: Guest, volid: string): void {
  const volume = volumeAt(state, volid, guest.node);
  if (volume?.vmid !== guest.id || /cloudinit/.test(volid)) {
    if (volume !== undefined && /cloudinit/.test(volid) && volume.vmid === guest.id) drop(state, volume);
    return;
  }
  guest.config[unusedKey(guest.config)] = volid;
}

function removeKey(state: State, guest: Guest, key: string, force: boolean): void {
  const volid = volumeIdOf(guest.config[key]);
  delete guest.config[key];
  if (volid === undefined || !/^((ide|sata|scsi|virtio|mp|unused)\d+|efidisk0|tpmstate0)$/.test(key)) return;
  if (!force && !key.startsWith("unused")) return keepUnused(state, guest, volid);
  const volume = volumeAt(state, volid, guest.node);
  if (volume?.vmid === guest.id) drop(state, volume);
}

export const hasBridge = (state: State, node: string, bridge: string): boolean => state.nodes.get(node)?.network.has(bridge) === true;
