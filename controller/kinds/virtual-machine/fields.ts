import { bit, hotplug, list, mac, mebibytes, number, numbers, text, words } from "../guest/codecs.ts";
import { type Field, flag, networkParts, sharedFields } from "../guest/fields.ts";
import type { Part } from "../guest/wanted.ts";

/** Fields of VMs that are one key each, or one part of one; what changes at run time as PVE::QemuServer does it. */
export const fields: readonly Field[] = [
  { path: "cores", key: "cores", as: number, takes: "start", byDefault: "1" },
  ...sharedFields,
  { path: "name", key: "name", as: text, takes: "hot" },
  { path: "sockets", key: "sockets", as: number, takes: "start", byDefault: "1" },
  { path: "cpu", key: "cpu", part: "cputype", as: text, takes: "start" },
  { path: "numa", key: "numa", as: bit, takes: "start", byDefault: "0" },
  { path: "vcpus", key: "vcpus", as: number, takes: "start" },
  { path: "memory", key: "memory", as: mebibytes, takes: "start", byDefault: "512" },
  { path: "balloon", key: "balloon", as: mebibytes, takes: "start" },
  { path: "hotplug", key: "hotplug", as: hotplug, takes: "hot", byDefault: "network,disk,usb" },
  { path: "bios", key: "bios", as: text, takes: "start", byDefault: "seabios" },
  { path: "machine", key: "machine", part: "type", as: text, takes: "start" },
  { path: "osType", key: "ostype", as: text, takes: "start", byDefault: "other" },
  { path: "arch", key: "arch", as: text, takes: "start", rootOnly: true },
  { path: "scsiController", key: "scsihw", as: text, takes: "start", byDefault: "lsi" },
  { path: "boot", key: "boot", part: "order", as: list(";"), takes: "start", whole: true },
  { path: "guestAgent", key: "agent", part: "enabled", as: bit, takes: "start", byDefault: "0" },
  { path: "display", key: "vga", part: "type", as: text, takes: "start", byDefault: "std" },
  { path: "tablet", key: "tablet", as: bit, takes: "hot", byDefault: "1" },
  { path: "kvm", key: "kvm", as: bit, takes: "start", byDefault: "1" },
  { path: "hookScript", key: "hookscript", as: text, takes: "hot", rootOnly: true },
];

export const driveParts: readonly Part[] = [
  { path: "cache", part: "cache", as: text, byDefault: "none" },
  { path: "discard", part: "discard", as: words("on", "ignore"), byDefault: "ignore" },
  flag("ssd", "ssd"),
  flag("ioThread", "iothread"),
  flag("readOnly", "ro"),
  // A VM's disk is part of backups unless it says otherwise; a container's mount is not.
  flag("backup", "backup", "1"),
  flag("replicate", "replicate", "1"),
  flag("shared", "shared"),
  { path: "serial", part: "serial", as: text },
  { path: "aio", part: "aio", as: text },
  { path: "mbpsRead", part: "mbps_rd", as: number },
  { path: "mbpsWrite", part: "mbps_wr", as: number },
  { path: "iopsRead", part: "iops_rd", as: number },
  { path: "iopsWrite", part: "iops_wr", as: number },
];

export const cardParts: readonly Part[] = [
  { path: "model", part: "model", as: text },
  { path: "mac", part: "macaddr", as: mac },
  { path: "trunks", part: "trunks", as: numbers(";") },
  { path: "queues", part: "queues", as: number },
  ...networkParts,
];

export const efiParts: readonly Part[] = [flag("preEnrolledKeys", "pre-enrolled-keys")];
export const tpmParts: readonly Part[] = [{ path: "version", part: "version", as: text, byDefault: "v1.2" }];

/** Cloud-init reads its drive when the VM starts. */
export const cloudInitFields: readonly Field[] = [
  { path: "user", key: "ciuser", as: text, takes: "start" },
  { path: "sshKeys", key: "sshkeys", as: list("\n"), takes: "start", byDefault: "" },
  { path: "upgrade", key: "ciupgrade", as: bit, takes: "start", byDefault: "1" },
  { path: "type", key: "citype", as: text, takes: "start" },
  { path: "custom", key: "cicustom", as: text, takes: "start" },
];
