import type { GuestConfig, GuestType } from "../../schemas/verbs/proxmox/guest.ts";
import {
  isDiskKey,
  isNetworkKey,
  isUnusedKey,
  parseDisk,
  parseProperties,
  parseTags,
  parseVmNetwork,
  printDisk,
  printProperties,
  printTags,
  printVmNetwork,
} from "../../schemas/proxmox/properties.ts";

type Value = GuestConfig[string];
type Parts = Readonly<Record<string, string>>;

/** Keys with a property string, and its default key (the formats of PVE::QemuServer and PVE::LXC::Config). */
const defaultKeys: Readonly<Record<string, string>> = {
  agent: "enabled",
  boot: "legacy",
  cpu: "cputype",
  features: "",
  machine: "type",
  rng0: "source",
  startup: "order",
  vga: "type",
  watchdog: "model",
};
const isIpConfig = (key: string): boolean => /^ipconfig\d+$/.test(key);
/** Not part of what a guest is: how it was read, and what the API keeps beside it. */
const beside = new Set([
  "digest",
  "description",
  "parent",
  "snaptime",
  "snapstate",
  "lock",
  "vmgenid",
  "meta",
  "pending",
  "running-nets-host-mtu",
  "runningcpu",
  "runningmachine",
  "lxc",
]);

/** One value of the API's as facts have it: text, or the parts of a property string. */
export function readValue(type: GuestType, key: string, raw: unknown): Value {
  const text =
    raw === null || raw === undefined ? "" : typeof raw === "object" ? JSON.stringify(raw) : String(raw as string | number | boolean);
  if (isNetworkKey(key)) return type === "vm" ? parseVmNetwork(text) : withoutType(parseProperties(text));
  if (isDiskKey(key) || isUnusedKey(key)) return parseDisk(text);
  if (isIpConfig(key)) return parseProperties(text);
  if (key === "memory") return parseProperties(text, "current")["current"] ?? text;
  if (key === "tags") return printTags(parseTags(text));
  if (key === "sshkeys") return decodeURIComponent(text.replaceAll("+", "%2B")).trim();
  const first = defaultKeys[key];
  return first === undefined ? text.trimEnd() : parseProperties(text, first);
}

/** Every card of a container is a veth pair: it says nothing. */
function withoutType({ type: _, ...rest }: Parts): Parts {
  return rest;
}

/** A value of a step as the API takes it. */
export function printValue(type: GuestType, key: string, value: Value): string {
  if (typeof value === "string") return key === "sshkeys" ? encodeURIComponent(`${value}\n`) : value;
  if (isNetworkKey(key)) return type === "vm" ? printVmNetwork(value) : printProperties(value);
  if (isDiskKey(key) || isUnusedKey(key)) return printDisk(value);
  return printProperties(value, defaultKeys[key] ?? "");
}

/** A configuration without what is beside it. */
export const readConfig = (type: GuestType, raw: Readonly<Record<string, unknown>>): GuestConfig =>
  Object.fromEntries(
    Object.entries(raw)
      .filter(([key]) => !beside.has(key))
      .map(([key, value]) => [key, readValue(type, key, value)]),
  );

/** One line of `GET pending`: what runs, and what the next start has. `delete`: 1, or 2 where it is forced. */
export interface PendingLine {
  readonly key: string;
  readonly value?: unknown;
  readonly pending?: unknown;
  readonly delete?: number;
}

/** What runs and what the next start will have, from the one call that tells both. */
export function readPending(
  type: GuestType,
  lines: readonly PendingLine[],
): { config: GuestConfig; next: GuestConfig; digest: string | undefined; description: string; parent: string | undefined } {
  const config: Record<string, unknown> = {},
    next: Record<string, unknown> = {};
  for (const line of lines) {
    if (line.value !== undefined) config[line.key] = line.value;
    if (line.pending !== undefined) next[line.key] = line.pending;
    else if (line.value !== undefined && line.delete === undefined) next[line.key] = line.value;
  }
  const text = (key: string): string | undefined => (config[key] === undefined ? undefined : String(config[key]));
  return {
    config: readConfig(type, config),
    next: readConfig(type, next),
    digest: text("digest"),
    description: text("description") ?? "",
    parent: text("parent"),
  };
}

const markerLine = /^backend-ai: ([A-Z][A-Za-z]*\/[a-z0-9-]+)(?: (\d+))?$/gm;

/**
 * Takes our marker out of the description of guest `id`: the resource it names, and the text that people wrote. A clone and a restored backup bring the marker of
 * the guest that they were made of: one that names another number counts for nothing.
 */
export function readDescription(text: string, id: number): { owner: string | undefined; description: string } {
  const owner = [...text.matchAll(markerLine)].find(([, , number]) => number === undefined || Number(number) === id)?.[1];
  return { owner, description: text.replace(markerLine, "").trimEnd().trimStart() };
}

/** A description with our marker below it, which names the guest's number. */
export const markedDescription = (text: string, owner: string | undefined, id: number): string =>
  owner === undefined ? text : `${text.trimEnd()}${text.trim() === "" ? "" : "\n\n"}backend-ai: ${owner} ${id}`;
