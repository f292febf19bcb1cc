import { printSize } from "../../../schemas/proxmox/properties.ts";
import { failed } from "./refused.ts";
import { type Guest, seconds, type State, type Storage, type Volume } from "./state.ts";

export const GiB = 1024 ** 3;

/** The storage of a name; throws what Proxmox VE says where there is none (or not on this node). */
export function storageNamed(state: State, id: string, node?: string): Storage {
  const storage = state.storages.get(id);
  if (storage === undefined) throw failed(`storage '${id}' does not exist`);
  if (node !== undefined && !onNode(storage, node)) throw failed(`storage '${id}' is not available on node '${node}'`);
  return storage;
}

export const isShared = (storage: Storage): boolean => storage.config["shared"] === 1 || storage.config["type"] === "pbs";
/** Volumes are files. */
export const isFiles = (storage: Storage): boolean => /^(dir|nfs|cifs|btrfs|cephfs)$/.test(String(storage.config["type"]));
export const takes = (storage: Storage, content: string): boolean => contentOf(storage).includes(content);
export const contentOf = (storage: Storage): string[] => String(storage.config["content"] ?? "").split(",");

export function onNode(storage: Storage, node: string): boolean {
  const nodes = storage.config["nodes"];
  return storage.config["disable"] !== 1 && (nodes === undefined || String(nodes).split(",").includes(node));
}

/** Where a file of a storage lies, for log lines. */
export const pathOf = (storage: Storage): string => String(storage.config["path"] ?? `/mnt/pve/${storage.id}`);

const keyOf = (volid: string, node: string | undefined): string => `${node ?? ""}|${volid}`;
const nodeFor = (storage: Storage, node: string): string | undefined => (isShared(storage) ? undefined : node);

export const volumeAt = (state: State, volid: string, node: string): Volume | undefined =>
  state.volumes.get(keyOf(volid, undefined)) ?? state.volumes.get(keyOf(volid, node));

export const volumesOn = (state: State, storage: Storage, node: string): Volume[] => {
  const where = nodeFor(storage, node);
  return [...state.volumes.values()].filter((volume) => volume.storage === storage.id && volume.node === where);
};

/** Bytes in use on a storage as a node sees it. */
export function usedOn(state: State, storage: Storage, node: string): number {
  const where = nodeFor(storage, node);
  let used = storage.filled.get(where ?? "") ?? 0;
  for (const volume of state.volumes.values()) if (volume.storage === storage.id && volume.node === where) used += volume.used;
  return Math.min(storage.total, used);
}

export const freeOn = (state: State, storage: Storage, node: string): number => storage.total - usedOn(state, storage, node);

export function keep(state: State, volume: Volume): Volume {
  state.volumes.set(keyOf(volume.volid, volume.node), volume);
  return volume;
}

export const drop = (state: State, volume: Volume): void => void state.volumes.delete(keyOf(volume.volid, volume.node));

/** The first free `vm-ID-disk-N` of a guest on a storage. */
function nextName(state: State, storage: Storage, node: string, guest: number, prefix: string): string {
  const taken = new Set(volumesOn(state, storage, node).map(({ volid }) => volid));
  for (let n = 0; ; n += 1) {
    const name = `${prefix}-${guest}-disk-${n}`;
    if (![...taken].some((volid) => new RegExp(`[:/](vm|base|subvol)-${guest}-disk-${n}(\\.|$)`).test(volid))) return name;
  }
}

/** A disk that is wanted: its bytes, what it is for, and how its file is written. */
export interface Wanted {
  readonly size: number;
  readonly content: "images" | "rootdir";
  readonly format?: string | undefined;
  /** Bytes that it really takes. */
  readonly used?: number | undefined;
  /** Instead of a number. */
  readonly name?: string | undefined;
  readonly parent?: Volume | undefined;
}

/** Makes a disk for a guest; thin storage takes more than it has. */
export function allocate(state: State, storageId: string, node: string, guest: number, wanted: Wanted): Volume {
  const storage = storageNamed(state, storageId, node);
  const name = wanted.name ?? nextName(state, storage, node, guest, "vm"),
    format = isFiles(storage) ? (wanted.format ?? "raw") : "raw";
  const file = isFiles(storage) ? `${guest}/${name}.${format}` : name;
  const below = wanted.parent === undefined ? "" : `${wanted.parent.volid.split(":")[1]!}/`;
  return keep(state, {
    volid: `${storage.id}:${below}${file}`,
    storage: storage.id,
    node: nodeFor(storage, node),
    content: wanted.content,
    format,
    size: wanted.size,
    used: Math.min(wanted.used ?? Math.round(wanted.size / 64), wanted.size),
    ctime: seconds(state),
    vmid: guest,
    parent: wanted.parent?.volid,
  });
}

/** What `Formatting …` says of a new file. */
export const formatting = (storage: Storage, volume: Volume): string => {
  const file = `${pathOf(storage)}/images/${volume.volid.split(":")[1]!.split("/").slice(-2).join("/")}`;
  return volume.format === "qcow2"
    ? `Formatting '${file}', fmt=qcow2 cluster_size=65536 extended_l2=off preallocation=metadata compression_type=zlib size=${volume.size} lazy_refcounts=off refcount_bits=16`
    : `Formatting '${file}', fmt=${volume.format} size=${volume.size} preallocation=off`;
};

/** Milliseconds that moving so many bytes takes. */
export const copyMs = (state: State, bytes: number): number => (bytes / state.pace.copy) * 1000;

/** The disk that stands in a value of a configuration; undefined for drives without one. */
export const volumeIdOf = (value: string | number | undefined): string | undefined => {
  const first = String(value ?? "")
    .split(",")[0]!
    .replace(/^(file|volume)=/, "");
  return /^[A-Za-z][\w.-]*:.+/.test(first) ? first : undefined;
};

const diskKey = /^((ide|sata|scsi|virtio|mp|unused)\d+|efidisk0|tpmstate0|rootfs)$/;

/** The disks of a guest by key: those with a volume, `unused` ones too. */
export function disksOf(config: Guest["config"]): { readonly key: string; readonly volid: string; readonly value: string }[] {
  return Object.entries(config)
    .filter(([key]) => diskKey.test(key))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, value]) => {
      const volid = volumeIdOf(value);
      return volid === undefined ? [] : [{ key, volid, value: String(value) }];
    });
}

export const isCdrom = (value: string): boolean => /(^|,)media=cdrom/.test(value);
export const isCloudInit = (volid: string): boolean => /vm-\d+-cloudinit/.test(volid);
export const sizeText = (bytes: number): string => printSize(bytes);
