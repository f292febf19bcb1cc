import type { GuestConfig } from "../../../schemas/verbs/proxmox/guest.ts";
import { bit, type Codec, list, number, tags, text } from "./codecs.ts";
import type { Part, Parts, Turn, Wanted } from "./wanted.ts";

type Values = Readonly<Record<string, unknown>>;

/** One field of a manifest that is one key of the configuration, or one part of a property string (`part`). */
export interface Field extends Pick<Wanted, "takes" | "fixed" | "byDefault" | "rootOnly" | "whole"> {
  /** The field's name below `spec`. */
  readonly path: string;
  readonly key: string;
  readonly as: Codec;
  /** The value is this part of a property string. */
  readonly part?: string;
}

const printed = (as: Codec, value: unknown): string => (value === null ? "" : as.print(value as never));

/** What the fields of a spec ask for; one that is not mentioned asks for nothing, one that is null asks for the platform's own. */
export const wantedFields = (spec: Values, fields: readonly Field[]): Wanted[] =>
  fields.flatMap(({ path, key, as, part, byDefault, ...how }): Wanted[] => {
    const value = spec[path];
    if (value === undefined) return [];
    if (value === null) return [unwanted(path, key, how.takes)];
    if (part === undefined) return [{ path, key, value: printed(as, value), as, byDefault, ...how }];
    return [{ path, key, value: { [part]: printed(as, value) }, parts: [{ path, part, as, ...defaulted(byDefault) }], ...how }];
  });

const defaulted = (byDefault: string | undefined): { byDefault?: string } => (byDefault === undefined ? {} : { byDefault });

/** The same fields read back from a configuration; what Proxmox VE does not mention is not mentioned. */
export const readFields = (config: GuestConfig, fields: readonly Field[]): Record<string, unknown> =>
  Object.fromEntries(
    fields.flatMap(({ path, key, as, part }) => {
      const value = config[key],
        found = part === undefined ? value : typeof value === "object" ? value[part] : undefined;
      return typeof found === "string" ? [[path, as.parse(found)]] : [];
    }),
  );

/** What a block of a manifest asks for of a property string. */
export const wantedParts = (block: Values, parts: readonly Part[]): Parts =>
  Object.fromEntries(parts.flatMap(({ path, part, as }) => (block[path] === undefined ? [] : [[part, printed(as, block[path])]])));

/** The same block read back. */
export const readParts = (value: Parts, parts: readonly Part[]): Record<string, unknown> =>
  Object.fromEntries(parts.flatMap(({ path, part, as }) => (value[part] === undefined ? [] : [[path, as.parse(value[part])]])));

/** A key that has to go. */
export const unwanted = (path: string, key: string, takes: Wanted["takes"]): Wanted => ({ path, key, value: null, takes });

/** Parts whose change takes effect at once or needs a start; a key that comes or goes as `otherwise` says. */
export const startFor =
  (late: readonly string[], otherwise: Wanted["takes"]): ((turn: Turn) => "hot" | "start") =>
  (turn) => {
    if (turn.how === "changed") return turn.parts.some((part) => late.includes(part)) ? "start" : "hot";
    return typeof otherwise === "function" ? otherwise(turn) : otherwise;
  };

/** Fields that containers and virtual machines have alike. */
export const sharedFields: readonly Field[] = [
  { path: "cpuLimit", key: "cpulimit", as: number, takes: "hot", byDefault: "0" },
  { path: "cpuUnits", key: "cpuunits", as: number, takes: "hot" },
  { path: "onBoot", key: "onboot", as: bit, takes: "hot", byDefault: "0" },
  { path: "tags", key: "tags", as: tags, takes: "hot", byDefault: "" },
  { path: "protection", key: "protection", as: bit, takes: "hot", byDefault: "0" },
  { path: "nameservers", key: "nameserver", as: list(" "), takes: "start", byDefault: "" },
  { path: "searchDomain", key: "searchdomain", as: text, takes: "start" },
];

/** A flag that is off where nothing is said. */
export const flag = (path: string, part: string, byDefault = "0"): Part => ({ path, part, as: bit, byDefault });

export const startupParts: readonly Part[] = [
  { path: "order", part: "order", as: number },
  { path: "up", part: "up", as: number },
  { path: "down", part: "down", as: number },
];

/** Parts of a network card that containers and virtual machines write alike. */
export const networkParts: readonly Part[] = [
  { path: "bridge", part: "bridge", as: text },
  { path: "vlan", part: "tag", as: number },
  flag("firewall", "firewall"),
  { path: "rate", part: "rate", as: number },
  { path: "mtu", part: "mtu", as: number },
  flag("linkDown", "link_down"),
];

/** Addresses of a container's card and of cloud-init. */
export const addressParts: readonly Part[] = [
  { path: "ip", part: "ip", as: text },
  { path: "gateway", part: "gw", as: text },
  { path: "ip6", part: "ip6", as: text },
  { path: "gateway6", part: "gw6", as: text },
];
