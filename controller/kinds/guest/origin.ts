import type { GuestConfig, GuestFact } from "../../../schemas/verbs/proxmox/guest.ts";
import { isDiskKey, storageOf } from "../../../schemas/proxmox/properties.ts";
import { compareConfig } from "./compare.ts";
import { isCloudInit } from "./disks.ts";
import type { Delta } from "./gaps.ts";
import type { GuestKindSpec } from "./kind.ts";
import type { Wanted } from "./wanted.ts";

/** What of a clone will not be as wanted, from the configuration of its origin; undefined where the origin is not known. */
export function broughtBy(spec: GuestKindSpec, wanted: readonly Wanted[], fact: GuestFact): Delta[] | undefined {
  const { source } = spec,
    { origin, type } = fact;
  if (fact.exists || origin === undefined || origin === null || source === undefined || !("clone" in source)) return undefined;
  const config = Object.fromEntries(Object.entries(origin.config).map(([key, value]) => [key, placed(key, value, source.storage)]));
  const next = { ...config, [type === "vm" ? "name" : "hostname"]: spec.name };
  return compareConfig(wanted, { exists: true, type, status: "stopped", next });
}

/** A full copy lies on the storage that is asked for. */
function placed(key: string, value: GuestConfig[string], storage: string | undefined): GuestConfig[string] {
  if (storage === undefined || !isDiskKey(key) || typeof value === "string") return value;
  const volume = value["volume"];
  if (volume === undefined || storageOf(volume) === undefined || (value["media"] === "cdrom" && !isCloudInit(volume))) return value;
  return { ...value, volume: volume.replace(/^[^:]+/, storage) };
}
