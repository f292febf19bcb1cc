import { sizeBytes } from "../../../schemas/manifest.ts";
import { isNetworkKey } from "../../../schemas/proxmox/properties.ts";
import type { GuestConfig } from "../../../schemas/verbs/proxmox/guest.ts";
import { mentioned, readBlocks, readStartup, readVolume, wantedBlocks, wantedStartup } from "../guest/blocks.ts";
import { list, mac, mebibytes, number, numbers, text, bit } from "../guest/codecs.ts";
import {
  addressParts,
  type Field,
  flag,
  networkParts,
  readFields,
  readParts,
  sharedFields,
  wantedFields,
  wantedParts,
} from "../guest/fields.ts";
import type { Part, Turn, Wanted, WantedDisk } from "../guest/wanted.ts";
import type { ContainerSpec } from "./spec.ts";

/** Fields of containers that are one key each; what changes at run time as PVE::LXC::Config does it. */
const fields: readonly Field[] = [
  { path: "cores", key: "cores", as: number, takes: "hot" },
  ...sharedFields,
  { path: "name", key: "hostname", as: text, takes: "hot" },
  { path: "memory", key: "memory", as: mebibytes, takes: "hot", byDefault: "512" },
  { path: "swap", key: "swap", as: mebibytes, takes: "hot", byDefault: "512" },
  { path: "arch", key: "arch", as: text, takes: "start", fixed: true },
  { path: "osType", key: "ostype", as: text, takes: "start" },
  { path: "unprivileged", key: "unprivileged", as: bit, takes: "start", fixed: true, byDefault: "0" },
  { path: "timezone", key: "timezone", as: text, takes: "start" },
  { path: "console", key: "console", as: bit, takes: "start", byDefault: "1" },
  { path: "consoleMode", key: "cmode", as: text, takes: "start", byDefault: "tty" },
  { path: "ttys", key: "tty", as: number, takes: "start", byDefault: "2" },
  { path: "hookScript", key: "hookscript", as: text, takes: "hot", rootOnly: true },
];

const volumeParts: readonly Part[] = [
  { path: "acl", part: "acl", as: bit },
  flag("quota", "quota"),
  flag("readOnly", "ro"),
  flag("replicate", "replicate", "1"),
  flag("shared", "shared"),
  { path: "mountOptions", part: "mountoptions", as: list(";", true) },
];
const mountParts: readonly Part[] = [{ path: "path", part: "mp", as: text }, flag("backup", "backup"), ...volumeParts];

const cardParts: readonly Part[] = [
  { path: "name", part: "name", as: text },
  { path: "mac", part: "hwaddr", as: mac },
  { path: "trunks", part: "trunks", as: numbers(";") },
  ...networkParts,
  ...addressParts,
];

const featureParts: readonly Part[] = [
  flag("nesting", "nesting"),
  flag("keyctl", "keyctl"),
  flag("fuse", "fuse"),
  flag("mknod", "mknod"),
  { path: "mount", part: "mount", as: list(";", true) },
];

type Volume = { readonly storage?: unknown; readonly size?: unknown; readonly bind?: unknown };
const diskOf = ({ storage, size, bind }: Volume): WantedDisk => ({
  storage: storage as string | undefined,
  size: size === undefined ? undefined : sizeBytes(size as string),
  volume: bind as string | undefined,
});

/** A mount can be added while the container runs; one that is there is changed and removed by its next start. */
const mountTakes = ({ how }: Turn): "hot" | "start" => (how === "added" ? "hot" : "start");

/** Everything that a container's manifest says about its configuration; `have` tells whether it is privileged. */
export function wantedOfContainer(spec: ContainerSpec, have: GuestConfig): Wanted[] {
  const { features, rootDisk } = spec;
  return [
    ...wantedFields(spec, fields),
    ...wantedStartup(spec),
    ...(features === undefined ? [] : [featuresWanted(features, spec.unprivileged === true || have["unprivileged"] === "1")]),
    ...(rootDisk === undefined
      ? []
      : [
          {
            path: "rootDisk",
            key: "rootfs",
            value: wantedParts(rootDisk, volumeParts),
            takes: "start" as const,
            parts: volumeParts,
            making: {},
            disk: diskOf(rootDisk),
          },
        ]),
    ...wantedBlocks("mounts", spec.mounts, {
      parts: mountParts,
      takes: () => mountTakes,
      making: () => ({}),
      more: (block) => ({ disk: diskOf(block), ...(block["bind"] === undefined ? {} : { rootOnly: true }) }),
    }),
    ...wantedBlocks("networks", spec.networks, {
      parts: cardParts,
      takes: () => "hot",
      making: (key) => ({ name: key.replace("net", "eth") }),
    }),
    ...secretsOf(spec),
  ];
}

/** A token may set nesting of an unprivileged container; everything else is for root@pam alone. */
const featuresWanted = (features: NonNullable<ContainerSpec["features"]>, unprivileged: boolean): Wanted => ({
  path: "features",
  key: "features",
  value: wantedParts(features, featureParts),
  takes: "start",
  parts: featureParts,
  rootOnly: ({ parts }) => !unprivileged || parts.some((part) => part !== "nesting"),
});

/** Password and keys of root, which a container is made with and which cannot be read back. */
function secretsOf({ source }: ContainerSpec): Wanted[] {
  if (source === undefined || !("template" in source)) return [];
  const { password, sshKeys } = source;
  const made = (path: string, key: string, secret: Wanted["secret"]): Wanted => ({
    path,
    key,
    value: null,
    takes: "hot",
    fixed: true,
    secret,
  });
  return [
    ...(password === undefined ? [] : [made("source.password", "password", password)]),
    ...(sshKeys === undefined ? [] : [made("source.sshKeys", "ssh-public-keys", sshKeys.join("\n"))]),
  ];
}

/** The same read back from a container. */
export function describeContainer(config: GuestConfig): Record<string, unknown> {
  const { rootfs, features } = config;
  const volume = (parts: readonly Part[]) => (value: Readonly<Record<string, string>>) =>
    value["volume"]?.startsWith("/") === true
      ? { bind: value["volume"], ...readParts(value, parts) }
      : { ...readVolume(value), ...readParts(value, parts) };
  return mentioned({
    ...readFields(config, fields),
    ...readStartup(config),
    features: typeof features === "object" ? readParts(features, featureParts) : undefined,
    rootDisk: typeof rootfs === "object" ? volume(volumeParts)(rootfs) : undefined,
    mounts: readBlocks(config, (key) => /^mp\d+$/.test(key), volume(mountParts)),
    networks: readBlocks(config, isNetworkKey, (value) => readParts(value, cardParts)),
  });
}
