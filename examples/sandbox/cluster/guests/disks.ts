import { parseSize } from "../../../../schemas/proxmox/properties.ts";
import type { Call } from "../endpoint.ts";
import { propertyFault, splitProperties, joinProperties, type PropertyFormatName } from "../property-strings.ts";
import { failed, wrong } from "../refused.ts";
import type { Config, GuestKind, State, Value } from "../state.ts";
import type { Worker } from "../tasks.ts";
import {
  allocate,
  copyMs,
  disksOf,
  drop,
  formatting,
  GiB,
  isFiles,
  sizeText,
  storageNamed,
  takes,
  volumeAt,
  volumeIdOf,
} from "../volumes.ts";

export const isDriveKey = (kind: GuestKind, key: string): boolean =>
  kind === "lxc" ? /^(rootfs|mp\d+|unused\d+)$/.test(key) : /^((ide|sata|scsi|virtio|unused)\d+|efidisk0|tpmstate0)$/.test(key);

const formatOf = (kind: GuestKind, key: string): PropertyFormatName =>
  key.startsWith("unused") ? "unused" : kind === "qemu" ? "vm-drive" : key === "rootfs" ? "lxc-root" : "lxc-mount";
const firstOf = (kind: GuestKind, key: string): "file" | "volume" => (kind === "qemu" && !key.startsWith("unused") ? "file" : "volume");

/** `storage:GiB`: a new disk. */
const newDisk = /^([A-Za-z][\w.-]*):(\d+(?:\.\d+)?)$/;

/** Checks a drive before anything is made: storages have to be there, volumes of others too, and paths are for root alone. */
export function checkDrive({ state, node, who }: Pick<Call, "state" | "node" | "who">, kind: GuestKind, key: string, value: Value): void {
  const text = String(value),
    format = formatOf(kind, key),
    fault = kind === "qemu" ? propertyFault(format, key, text) : undefined;
  if (fault !== undefined) throw wrong({ [key]: fault });
  const volume = splitProperties(format, text)[firstOf(kind, key)] ?? "";
  if (volume === "none" || volume === "cdrom") return;
  if (volume.startsWith("/")) {
    if (!who.isRoot) throw failed("Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 581.");
    return;
  }
  const storageId = volume.split(":")[0]!;
  const storage = storageNamed(state, storageId, node.name);
  const name = volume.slice(storageId.length + 1);
  if (newDisk.test(volume) || name === "cloudinit") {
    const content = kind === "lxc" ? "rootdir" : "images";
    if (!takes(storage, content)) throw failed(`storage '${storageId}' does not support '${content}' content`);
    return;
  }
  if (isFiles(storage) && !name.includes("/")) throw failed(`unable to parse directory volume name '${name}'`);
  if (volumeAt(state, volume, node.name) === undefined) throw failed(`volume '${volume}' does not exist`);
}

/** Makes the disk that a drive asks for and answers the value as it is stored, with its size. */
export async function storeDrive(
  { state, node }: Pick<Call, "state" | "node">,
  worker: Pick<Worker, "log" | "wait"> | undefined,
  kind: GuestKind,
  guest: number,
  key: string,
  value: Value,
): Promise<string> {
  const format = formatOf(kind, key),
    first = firstOf(kind, key),
    found = splitProperties(format, String(value)),
    wanted = found[first] ?? "",
    asked = newDisk.exec(wanted);
  if (wanted.endsWith(":cloudinit")) {
    const drive = allocate(state, wanted.split(":")[0]!, node.name, guest, {
      size: 4 * 1024 ** 2,
      content: "images",
      format: "qcow2",
      name: `vm-${guest}-cloudinit`,
    });
    return joinProperties(format, { ...found, file: drive.volid, media: "cdrom" });
  }
  if (asked === null) {
    const there = volumeAt(state, wanted, node.name);
    if (there === undefined || found["size"] !== undefined || key.startsWith("unused")) return joinProperties(format, found);
    return joinProperties(format, { ...found, size: sizeText(there.size) });
  }
  const storage = storageNamed(state, asked[1]!, node.name),
    size = Math.round(Number(asked[2]) * GiB),
    imported = found["import-from"];
  const source = imported === undefined ? undefined : volumeAt(state, imported, node.name);
  if (imported !== undefined && source === undefined) throw failed(`volume '${imported}' does not exist`);
  const made = allocate(state, storage.id, node.name, guest, {
    size: source?.size ?? size,
    content: kind === "lxc" ? "rootdir" : "images",
    format: kind === "lxc" ? "raw" : found["format"],
    used: source?.used,
  });
  if (source !== undefined) await worker?.wait(copyMs(state, source.size));
  if (kind === "qemu") worker?.log(formatting(storage, made));
  else if (storage.config["type"] === "dir") worker?.log(formatting(storage, made));
  const { format: _, "import-from": __, ...kept } = found;
  const stored = joinProperties(format, { ...kept, [first]: made.volid, size: sizeText(made.size) });
  if (kind === "qemu") worker?.log(`${key}: successfully created disk '${stored}'`);
  return stored;
}

/** Takes away the disks of a configuration that belong to this guest. */
export function freeDisks(state: State, config: Config, guest: number, node: string, log?: (line: string) => void): void {
  for (const { volid, key } of disksOf(config)) {
    const volume = volumeAt(state, volid, node);
    if (volume?.vmid === guest) drop(state, volume);
    else if (volume === undefined && /^(ide|sata|scsi|virtio)/.test(key)) log?.(`disk image '${imagePath(state, volid)}' does not exist`);
  }
}

function imagePath(state: State, volid: string): string {
  const [storage, ...name] = volid.split(":");
  return `${String(state.storages.get(storage!)?.config["path"] ?? `/mnt/pve/${storage}`)}/images/${name.join(":")}`;
}

/** Volumes of a guest that no key names. */
export const strayVolumes = (state: State, guest: number, node: string) =>
  [...state.volumes.values()].filter(
    (volume) =>
      volume.vmid === guest &&
      (volume.node === undefined || volume.node === node) &&
      (volume.content === "images" || volume.content === "rootdir"),
  );

/** The size that stands in a drive, in bytes. */
export function driveSize(state: State, value: Value | undefined, node: string): number {
  const volid = volumeIdOf(value),
    volume = volid === undefined ? undefined : volumeAt(state, volid, node);
  return volume?.size ?? parseSize(/(?:^|,)size=([^,]+)/.exec(String(value ?? ""))?.[1]) ?? 0;
}

/** The drive that counts as the guest's disk in lists: the root of a container, what a VM boots from. */
export function mainDrive(kind: GuestKind, config: Config): Value | undefined {
  if (kind === "lxc") return config["rootfs"];
  const order = /order=([^,]+)/.exec(String(config["boot"] ?? ""))?.[1]?.split(";") ?? [String(config["bootdisk"] ?? "")];
  const named = order.map((key) => config[key]).find((value) => value !== undefined && !/media=cdrom/.test(String(value)));
  return named ?? ["scsi0", "virtio0", "sata0", "ide0"].map((key) => config[key]).find((value) => value !== undefined);
}
