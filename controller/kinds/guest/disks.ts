import { printBytes } from "../../../schemas/manifest.ts";
import { parseSize, storageOf } from "../../../schemas/proxmox/properties.ts";
import type { GuestConfig } from "../../../schemas/verbs/proxmox/guest.ts";
import { added, type Gap, partsGap } from "./gaps.ts";
import { newParts, type Parts, type Wanted, type WantedDisk } from "./wanted.ts";

/** Storages make volumes in whole extents, of LVM 4 MiB: one that is so much larger than asked for has the size that was asked for. */
const extent = 4 * 1024 ** 2;

/** A new disk: Proxmox VE makes a volume where it is told `storage:GiB`. */
export function addedDisk(wanted: Wanted, disk: WantedDisk, options: Parts): Gap {
  const made = newDisk(disk, { ...wanted.making, ...options });
  if (made !== undefined) return added(wanted, made);
  return {
    wanted,
    difference: { path: wanted.path, want: "a disk" },
    remedy: {
      by: "nothing",
      reason: `${wanted.path}: a new disk needs a storage and a size`,
      hint: "Give it storage and size, or the image or volume that it is made of.",
    },
    turn: { how: "added", parts: [] },
  };
}

/** A disk that is to be made, in Proxmox VE's words; undefined where the manifest does not say enough. */
export function newDisk(disk: WantedDisk, options: Parts): Parts | undefined {
  const said = newParts(options);
  if (disk.volume !== undefined) return { volume: disk.volume, ...said };
  if (disk.storage === undefined) return undefined;
  if (disk.cloudInit === true) return { volume: `${disk.storage}:cloudinit`, ...said };
  const format = disk.format === undefined ? {} : { format: disk.format };
  if (disk.image !== undefined) return { volume: `${disk.storage}:0`, "import-from": disk.image, ...said, ...format };
  if (disk.size === undefined && disk.small !== true) return undefined;
  return { volume: `${disk.storage}:${disk.size === undefined ? 1 : disk.size / 1024 ** 3}`, ...said, ...format };
}

/** What a disk holds: Proxmox VE does not change one into the other. */
type Holds = "a disk" | "a CD" | "the cloud-init drive" | "a path of the node";

const wantedHolds = ({ cloudInit, volume, storage, size, image }: WantedDisk): Holds | undefined => {
  if (cloudInit === true) return "the cloud-init drive";
  if (volume === undefined) return storage === undefined && size === undefined && image === undefined ? undefined : "a disk";
  return volume.startsWith("/") ? "a path of the node" : "a CD";
};

export const isCloudInit = (volume: string | undefined): boolean => /(^|[/:-])cloudinit\b/.test(volume ?? "");

const holds = ({ media, volume }: Parts): Holds => {
  if (isCloudInit(volume)) return "the cloud-init drive";
  if (media === "cdrom") return "a CD";
  return volume?.startsWith("/") === true ? "a path of the node" : "a disk";
};

const drives: readonly Holds[] = ["a CD", "the cloud-init drive"];

/** What about a disk that is there is not as wanted. */
export function diskDeltas(wanted: Wanted, disk: WantedDisk, options: Parts, have: GuestConfig[string] | undefined): Gap[] {
  const there = typeof have === "object" ? have : { volume: have ?? "none" },
    { path } = wanted,
    want = wantedHolds(disk),
    is = holds(there);
  if (want !== undefined && want !== is) {
    const made = newDisk(disk, { ...wanted.making, ...options }),
      difference = { path, want, have: is };
    if (drives.includes(want) && drives.includes(is) && made !== undefined)
      return [{ wanted, difference, remedy: { by: "set", value: made }, turn: { how: "changed", parts: ["volume"] } }];
    const free =
      wanted.key === "rootfs" ? "Leave it as it is." : `Take another key, or first remove it: ${path}: null, in a change of its own.`;
    return [
      {
        wanted,
        difference,
        remedy: { by: "nothing", reason: `${path} holds ${is}, and is to be ${want}`, hint: free },
        turn: { how: "changed", parts: [] },
      },
    ];
  }
  if (disk.volume !== undefined && disk.volume !== there["volume"]) {
    const difference = { path, want: disk.volume, ...(there["volume"] === undefined ? {} : { have: there["volume"] }) };
    // A CD is put in as a whole: size and the like are those of the one before.
    const remedy: Gap["remedy"] =
      is === "a CD"
        ? { by: "set", value: newParts({ volume: disk.volume, media: "cdrom", ...options }) }
        : { by: "merge", parts: { volume: disk.volume, ...options } };
    return [{ wanted, difference, remedy, turn: { how: "changed", parts: ["volume"] } }];
  }
  return [...partsGap(wanted, options, there), ...sizeGap(wanted, disk, there), ...storageGap(wanted, disk, there, is)];
}

function sizeGap(wanted: Wanted, disk: WantedDisk, there: Parts): Gap[] {
  const size = parseSize(there["size"]),
    { path } = wanted;
  if (disk.size === undefined || size === undefined || (size >= disk.size && size < disk.size + extent)) return [];
  return [
    {
      wanted,
      difference: { path: `${path}.size`, want: printBytes(disk.size), have: printBytes(size) },
      remedy:
        disk.size > size
          ? { by: "resize", size: disk.size }
          : {
              by: "nothing",
              reason: `${path}: a disk cannot shrink from ${printBytes(size)} to ${printBytes(disk.size)}`,
              hint: `Say size: ${printBytes(size)}, or make a new disk and copy what is on it.`,
            },
      turn: { how: "changed", parts: [] },
    },
  ];
}

function storageGap(wanted: Wanted, disk: WantedDisk, there: Parts, is: Holds): Gap[] {
  const storage = storageOf(there["volume"]),
    { path } = wanted;
  if (disk.volume !== undefined || disk.storage === undefined || storage === undefined || storage === disk.storage) return [];
  return [
    {
      wanted,
      difference: { path: `${path}.storage`, want: disk.storage, have: storage },
      remedy:
        is === "the cloud-init drive"
          ? {
              by: "nothing",
              reason: `${path}: Proxmox VE does not move a cloud-init drive`,
              hint: `Say storage: ${storage}, or remove the drive (${path}: null) and add it again.`,
            }
          : { by: "move-disk", storage: disk.storage },
      turn: { how: "changed", parts: [] },
    },
  ];
}
