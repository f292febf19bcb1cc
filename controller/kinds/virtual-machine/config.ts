import { sizeBytes } from "../../../schemas/manifest.ts";
import { isNetworkKey } from "../../../schemas/proxmox/properties.ts";
import type { GuestConfig } from "../../../schemas/verbs/proxmox/guest.ts";
import { byKey, mentioned, readBlocks, readStartup, readVolume, wantedBlocks, wantedStartup } from "../guest/blocks.ts";
import { properties, text } from "../guest/codecs.ts";
import { isCloudInit } from "../guest/disks.ts";
import { addressParts, readFields, readParts, unwanted, wantedFields, wantedParts } from "../guest/fields.ts";
import type { Part, Parts, Wanted, WantedDisk } from "../guest/wanted.ts";
import { cardParts, cloudInitFields, driveParts, efiParts, fields, tpmParts } from "./fields.ts";
import { pluggable } from "./hotplug.ts";
import type { VirtualMachineSpec } from "./spec.ts";

const isDrive = (key: string): boolean => /^(ide|sata|scsi|virtio)\d+$/.test(key);

/** Everything that a VM's manifest says about its configuration; `have` tells which changes it takes at run time. */
export function wantedOfVirtualMachine(spec: VirtualMachineSpec, have: GuestConfig): Wanted[] {
  const plug = pluggable(have);
  return [
    ...wantedFields(spec, fields).map((wanted) => ({ ...wanted, takes: takesOf(wanted, spec, plug.field(wanted.key)) })),
    ...wantedStartup(spec),
    ...made("efiDisk", "efidisk0", spec.efiDisk, { efitype: "4m" }, efiParts),
    ...made("tpm", "tpmstate0", spec.tpm, { version: "v2.0" }, tpmParts),
    ...wantedBlocks("disks", spec.disks, { parts: driveParts, takes: plug.disk, making: () => ({}), more: driveOf }),
    ...wantedBlocks("networks", spec.networks, { parts: cardParts, takes: () => plug.network, making: () => ({ model: "virtio" }) }),
    ...cloudInitOf(spec),
    ...devices("serial", spec.serial, (value) => value !== "socket"),
    ...devices("usb", spec.usb, (value) => !/spice|mapping=/.test(value)),
    ...devices("pci", spec.pci, (value) => !value.includes("mapping=")),
  ];
}

/** The device that balloons memory is there or not from the start on. */
const takesOf = ({ key, takes, value }: Wanted, { balloon }: VirtualMachineSpec, plugged: Wanted["takes"] | undefined): Wanted["takes"] =>
  key === "balloon" && (value === "0" || balloon === null) ? "start" : (plugged ?? takes);

type Disk = NonNullable<NonNullable<VirtualMachineSpec["disks"]>[string]>;

/** A CD and a cloud-init drive are one by their media. */
function driveOf(block: Readonly<Record<string, unknown>>): Partial<Wanted> {
  const { storage, size, iso, image, cloudInit, format } = block as Disk;
  const disk: WantedDisk = {
    storage,
    size: size === undefined ? undefined : sizeBytes(size),
    volume: iso,
    image,
    format,
    ...(cloudInit === true ? { cloudInit: true } : {}),
  };
  return iso === undefined && cloudInit !== true ? { disk } : { disk, making: { media: "cdrom" } };
}

/** Drives that are made once and then left alone. */
const made = (
  path: string,
  key: string,
  block: ({ readonly storage: string; readonly format?: string } & Readonly<Record<string, unknown>>) | undefined,
  making: Parts,
  parts: readonly Part[],
): Wanted[] =>
  block === undefined
    ? []
    : [
        {
          path,
          key,
          value: wantedParts(block, parts),
          takes: "start",
          parts,
          making,
          fixed: parts.map(({ part }) => part),
          disk: { storage: block.storage, small: true, format: block.format },
        },
      ];

function cloudInitOf({ cloudInit }: VirtualMachineSpec): Wanted[] {
  if (cloudInit === undefined) return [];
  const below = (wanted: Wanted): Wanted => ({ ...wanted, path: `cloudInit.${wanted.path}` });
  const { password, addresses } = cloudInit;
  return [
    ...wantedFields(cloudInit, cloudInitFields).map(below),
    ...(password === undefined
      ? []
      : [{ path: "cloudInit.password", key: "cipassword", value: null, takes: "start" as const, fixed: true as const, secret: password }]),
    ...byKey(addresses).map(([card, address]) => ({
      path: `cloudInit.addresses.${card}`,
      key: card.replace("net", "ipconfig"),
      value: wantedParts(address, addressParts),
      takes: "start" as const,
      parts: addressParts,
    })),
  ];
}

/** Devices that a manifest gives in Proxmox VE's words; those of the node itself are for root@pam alone. */
const devices = (path: string, values: Readonly<Record<string, string | null>> | undefined, ofNode: (value: string) => boolean): Wanted[] =>
  byKey(values).map(([key, value]) =>
    value === null
      ? unwanted(`${path}.${key}`, key, "start")
      : {
          path: `${path}.${key}`,
          key,
          value,
          takes: "start",
          as: path === "serial" ? text : properties,
          ...(ofNode(value) ? { rootOnly: true as const } : {}),
        },
  );

/** The same read back from a VM. */
export function describeVirtualMachine(config: GuestConfig): Record<string, unknown> {
  const { efidisk0, tpmstate0 } = config;
  const plain = (mine: RegExp): Record<string, string> | undefined => {
    const found = Object.entries(config).filter((entry): entry is [string, string] => mine.test(entry[0]) && typeof entry[1] === "string");
    return found.length === 0 ? undefined : Object.fromEntries(found);
  };
  return mentioned({
    ...readFields(config, fields),
    ...readStartup(config),
    efiDisk: small(efidisk0, efiParts),
    tpm: small(tpmstate0, tpmParts),
    disks: readBlocks(config, isDrive, drive),
    networks: readBlocks(config, isNetworkKey, (value) => readParts(value, cardParts)),
    cloudInit: readCloudInit(config),
    serial: plain(/^serial\d$/),
    usb: plain(/^usb\d+$/),
    pci: plain(/^hostpci\d+$/),
  });
}

const small = (value: GuestConfig[string] | undefined, parts: readonly Part[]): Record<string, unknown> | undefined => {
  if (typeof value !== "object") return undefined;
  const { storage } = readVolume(value);
  return storage === undefined ? undefined : { storage, ...readParts(value, parts) };
};

function drive(value: Parts): Record<string, unknown> {
  const { volume = "none", media } = value,
    { storage } = readVolume(value);
  if (isCloudInit(volume)) return { ...(storage === undefined ? {} : { storage }), cloudInit: true };
  if (media === "cdrom") return { iso: volume };
  return { ...readVolume(value), ...readParts(value, driveParts) };
}

function readCloudInit(config: GuestConfig): Record<string, unknown> | undefined {
  const addresses = readBlocks(
    config,
    (key) => /^ipconfig\d+$/.test(key),
    (value) => readParts(value, addressParts),
  );
  const found = mentioned({
    ...readFields(config, cloudInitFields),
    addresses:
      addresses === undefined
        ? undefined
        : Object.fromEntries(Object.entries(addresses).map(([key, value]) => [key.replace("ipconfig", "net"), value])),
  });
  return Object.keys(found).length === 0 ? undefined : found;
}
