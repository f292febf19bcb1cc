import type { Call } from "../endpoint.ts";
import type { Params } from "../parameters.ts";
import { may, requireAny } from "../permissions.ts";
import { splitProperties } from "../property-strings.ts";
import { denied, failed, wrong } from "../refused.ts";
import type { Config } from "../state.ts";

const cpuKeys = /^(cores|cpulimit|cpuunits|cpu|vcpus|numa\d*|sockets|affinity|arch|smp)$/;
const cloudInitKeys = /^(ci\w+|ipconfig\d+|sshkeys)$/;
const hardwareKeys =
  /^(bios|machine|scsihw|serial\d+|usb\d+|hostpci\d+|vga|keyboard|audio0|tablet|rng0|watchdog|hotplug|acpi|kvm|ivshmem|parallel\d+|args|spice_enhancements)$/;

function onlyRootInContainer(key: string, value: string, before: string | undefined): string | undefined {
  if (/^(mp\d+|rootfs)$/.test(key)) {
    const volume = splitProperties("lxc-mount", value)["volume"] ?? "";
    if (volume.startsWith("/dev/")) return "mount point type device is only allowed for root@pam";
    if (volume.startsWith("/")) return "mount point type bind is only allowed for root@pam";
  }
  if (key === "features") {
    const [old, wanted] = [before, value].map((text) => splitProperties("lxc-features", text ?? ""));
    const { nesting: _, ...others } = { ...wanted };
    const { nesting: __, ...had } = { ...old };
    if (JSON.stringify(Object.entries(others).sort()) !== JSON.stringify(Object.entries(had).sort()))
      return "changing feature flags (except nesting) is only allowed for root@pam";
  }
  if (key === "hookscript") return "changing the hookscript is only allowed for root@pam";
  return /^dev\d+$/.test(key) ? "configuring device passthrough is only allowed for root@pam" : undefined;
}

/** What nobody but root@pam itself may set on a container: 403. */
export function containerRights(call: Call, wanted: Params, removed: readonly string[], config: Config, path: string): void {
  const { state, who } = call;
  for (const [key, value] of [...Object.entries(wanted), ...removed.map((key) => [key, ""] as const)]) {
    const text = String(value as string);
    if (!who.isRoot) {
      const reason = onlyRootInContainer(key, text, config[key] === undefined ? undefined : String(config[key]));
      if (reason !== undefined && !(text === "" && /^(mp\d+|rootfs)$/.test(key))) throw denied(reason);
    }
    if (/^(mp\d+|rootfs|unused\d+)$/.test(key)) {
      requireAny(state, who, path, "VM.Config.Disk");
      requireSpace(call, text);
    } else if (cpuKeys.test(key) && key !== "arch") requireAny(state, who, path, "VM.Config.CPU");
    else if (key === "memory" || key === "swap") requireAny(state, who, path, "VM.Config.Memory");
    else if (/^(net\d+|nameserver|searchdomain|hostname)$/.test(key)) {
      requireAny(state, who, path, "VM.Config.Network");
      requireBridge(call, "lxc-net", key, text);
    } else requireAny(state, who, path, "VM.Config.Options");
  }
}

/** What nobody but root@pam itself may set on a VM: 500, and 400 for hook scripts that are not there. */
export function vmRights(call: Call, wanted: Params, removed: readonly string[], path: string): void {
  const { state, who } = call;
  for (const [key, value] of [...Object.entries(wanted), ...removed.map((key) => [key, ""] as const)]) {
    const text = String(value as string);
    if (!who.isRoot && /^(args|arch|lock|affinity)$/.test(key)) throw failed(`only root can set '${key}' config`);
    if (!who.isRoot && /^hostpci\d+$/.test(key) && !/mapping=/.test(text))
      throw failed(`only root can set '${key}' config for non-mapped devices`);
    if (!who.isRoot && /^usb\d+$/.test(key) && text !== "" && !/^(host=)?spice|mapping=/.test(text))
      throw failed(`only root can set '${key}' config for real devices`);
    if (!who.isRoot && /^(serial|parallel)\d+$/.test(key) && text !== "" && text !== "socket")
      throw failed(`only root can modify '${key}' config for real devices`);
    if (key === "hookscript" && text !== "" && !state.volumes.has(`|${text}`) && !state.volumes.has(`${call.node.name}|${text}`))
      throw wrong({ hookscript: `script '${text}' does not exist\n` });
    if (key === "cpu" && text.startsWith("custom-"))
      throw wrong({ cpu: `invalid format - Custom cputype '${text.replace("custom-", "")}' not found\n` });
    const privilege = vmPrivilege(key, text);
    requireAny(state, who, path, privilege);
    if (privilege === "VM.Config.Disk") requireSpace(call, text);
    requireBridge(call, "vm-net", key, text);
  }
}

function vmPrivilege(key: string, text: string): string {
  if (/^(ide|sata|scsi|virtio)\d+$|^(efidisk0|tpmstate0|unused\d+)$/.test(key))
    return /media=cdrom/.test(text) ? "VM.Config.CDROM" : "VM.Config.Disk";
  if (cpuKeys.test(key)) return "VM.Config.CPU";
  if (key === "memory" || key === "balloon" || key === "shares") return "VM.Config.Memory";
  if (/^net\d+$/.test(key)) return "VM.Config.Network";
  if (cloudInitKeys.test(key) || key === "nameserver" || key === "searchdomain") return "VM.Config.Cloudinit";
  return hardwareKeys.test(key) ? "VM.Config.HWType" : "VM.Config.Options";
}

/** New disks need room on their storage. */
function requireSpace({ state, who }: Call, text: string): void {
  const storage = /^(?:file=|volume=)?([A-Za-z][\w.-]*):\d+(\.\d+)?(,|$)/.exec(text)?.[1];
  if (storage !== undefined) requireAny(state, who, `/storage/${storage}`, "Datastore.AllocateSpace");
}

function requireBridge({ state, who }: Call, format: "lxc-net" | "vm-net", key: string, text: string): void {
  if (!/^net\d+$/.test(key) || text === "") return;
  const bridge = splitProperties(format, text)["bridge"];
  const path = `/sdn/zones/localnetwork/${bridge}`;
  if (bridge !== undefined && !may(state, who, path, "SDN.Use")) requireAny(state, who, path, "SDN.Use");
}
