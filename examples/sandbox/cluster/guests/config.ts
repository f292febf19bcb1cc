import { createHash } from "node:crypto";
import { parseTags } from "../../../../schemas/proxmox/properties.ts";
import { type Parameters, parameterOf } from "../parameters.ts";
import { joinProperties, splitProperties } from "../property-strings.ts";
import { failed } from "../refused.ts";
import { type Config, type Guest, type GuestKind, type Node, numberOf, type Value, word } from "../state.ts";
import { containerKeys, vmKeys } from "./parameters.ts";

export const keysOf = (kind: GuestKind): Parameters => (kind === "lxc" ? containerKeys : vmKeys);

/** SHA-1 over what its file holds: it moves with every change, pending ones and snapshots too. */
export function digestOfGuest(guest: Guest): string {
  const sorted = (config: Config): [string, Value][] => Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify([
    sorted(guest.config),
    sorted(guest.pending),
    [...guest.pendingDelete],
    [...guest.snapshots].map(([name, { config, description, parent, snaptime }]) => [name, sorted(config), description, parent, snaptime]),
  ]);
  return createHash("sha1").update(text).digest("hex");
}

/** Where a digest is given, it has to be the one there is now. */
export function checkDigest(guest: Guest, digest: Value | undefined): void {
  if (digest === undefined || digest === "" || digest === digestOfGuest(guest)) return;
  throw failed(
    guest.kind === "lxc"
      ? "detected modified configuration - file changed by other user? Try again."
      : "checksum mismatch (file change by other user?)",
  );
}

export function checkLock(guest: Guest): void {
  const lock = guest.config["lock"];
  if (lock !== undefined) throw failed(`${word(guest.kind)} is locked (${lock})`);
}

export const isTemplate = (guest: Guest): boolean => guest.config["template"] === 1;
export const isProtected = (guest: Guest): boolean => guest.config["protection"] === 1;

/** A guest's name: containers have a hostname. */
export const nameOf = (guest: Guest): string =>
  String(guest.kind === "lxc" ? (guest.config["hostname"] ?? `CT${guest.id}`) : (guest.config["name"] ?? `VM ${guest.id}`));

const mebibyte = 1024 ** 2;
/** Bytes of memory that a configuration gives. */
export const memoryOf = (kind: GuestKind, config: Config): number =>
  kind === "lxc"
    ? numberOf(config, "memory", 512) * mebibyte
    : Number(splitProperties("vm-memory", String(config["memory"] ?? "512"))["current"] ?? 512) * mebibyte;

/** Processors as figures count them. */
export function processorsOf(guest: Guest, node: Node | undefined): number {
  const { config } = guest;
  if (guest.kind === "qemu") return numberOf(config, "vcpus", 0) || numberOf(config, "cores", 1) * numberOf(config, "sockets", 1);
  return numberOf(config, "cores", 0) || Math.ceil(Number(config["cpulimit"] ?? 0)) || (node?.cpus ?? 1);
}

/** A value the way that Proxmox VE writes it into a configuration; disks are made elsewhere. `mac` makes a new address. */
export function storedValue(kind: GuestKind, key: string, value: Value, mac: () => string): Value {
  if (key === "tags") return normalTags(String(value));
  if (/^net\d+$/.test(key)) return storedNetwork(kind, String(value), mac);
  if (key === "memory" && kind === "qemu") return String(value);
  if (key === "description" && kind === "lxc") return `${String(value).replace(/\n+$/, "")}\n`;
  if (parameterOf(keysOf(kind), key)?.type === "number") return String(value);
  return value;
}

/** `tags=` leaves one blank. */
const normalTags = (text: string): string => parseTags(text).join(";") || " ";

function storedNetwork(kind: GuestKind, text: string, mac: () => string): string {
  if (kind === "lxc") {
    const found = splitProperties("lxc-net", text);
    return joinProperties("lxc-net", { type: "veth", hwaddr: mac(), ...found });
  }
  const { macaddr = mac(), ...found } = splitProperties("vm-net", text);
  return joinProperties("vm-net", { ...found, macaddr });
}

/** Secrets read as asterisks. */
const masked = (config: Config): Config => (config["cipassword"] === undefined ? config : { ...config, cipassword: "**********" });

/** What GET config shows: pending values as if they held, or with `current` what does. */
export function shownConfig(guest: Guest, current: boolean): Config {
  const shown: Config = { ...guest.config };
  if (!current) {
    for (const key of guest.pendingDelete.keys()) delete shown[key];
    Object.assign(shown, guest.pending);
  }
  return { ...masked(shown), digest: digestOfGuest(guest) };
}

/** What GET pending shows, a line for each key. */
export function pendingLines(guest: Guest): object[] {
  const now = masked(guest.config),
    next = masked(guest.pending);
  const lines: object[] = Object.entries(now).map(([key, value]) => ({
    key,
    value,
    ...(next[key] === undefined ? {} : { pending: next[key] }),
    ...(guest.pendingDelete.has(key) ? { delete: guest.pendingDelete.get(key) === true ? 2 : 1 } : {}),
  }));
  for (const [key, pending] of Object.entries(next)) if (now[key] === undefined) lines.push({ key, pending });
  return [...lines, { key: "digest", value: digestOfGuest(guest) }];
}

/** The first `unusedN` that is free. */
export function unusedKey(config: Config): string {
  for (let n = 0; ; n += 1) if (config[`unused${n}`] === undefined) return `unused${n}`;
}

/** The bridges that a configuration's cards hang on. */
export const bridgesOf = (kind: GuestKind, config: Config): string[] =>
  Object.entries(config)
    .filter(([key]) => /^net\d+$/.test(key))
    .flatMap(([, value]) => splitProperties(kind === "lxc" ? "lxc-net" : "vm-net", String(value))["bridge"] ?? []);
