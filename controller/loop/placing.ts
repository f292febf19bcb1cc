import { sizeBytes } from "../../schemas/manifest.ts";
import type { HostView, LoadedResource, Placed } from "../core/model.ts";
import { guestsToPlace, placeGuests } from "../core/placement.ts";

const types: Readonly<Record<string, "vm" | "container">> = { VirtualMachine: "vm", Container: "container" };

/** Where guests of the manifests are made on a cluster; worked out when it is first asked for, for all of them together. */
export function placing(
  parts: readonly (readonly LoadedResource[])[],
  host: HostView,
): ((resource: string) => Placed | undefined) | undefined {
  const { cluster } = host;
  if (cluster === undefined) return undefined;
  let placed: ReadonlyMap<string, Placed> | undefined;
  return (resource) => {
    placed ??= placeGuests(
      guestsToPlace(
        parts.flatMap((part) =>
          part.filter(({ kind, resource: { spec } }) => types[kind] !== undefined && (spec["cluster"] ?? host.name) === host.name),
        ),
        cluster,
        (kind) => types[kind],
        sizesOf,
      ),
      cluster,
    );
    return placed.get(resource);
  };
}

/** Where a guest's disks will lie, as far as its manifest says so: those of a clone or a restored guest are on its source's storage. */
const alsoNeeded = (spec: Readonly<Record<string, unknown>>): string[] =>
  ["efiDisk", "tpm", "source"].flatMap((name) => (spec[name] as Block | undefined)?.storage ?? []);

type Block = { readonly storage?: string; readonly bridge?: string };

/** What a guest needs of its node. */
function sizesOf(spec: Readonly<Record<string, unknown>>) {
  const blocks = (name: string): Block[] =>
    Object.values((spec[name] ?? {}) as Record<string, Block | null>).filter((block) => block !== null);
  const storages = [spec["rootDisk"] as Block | undefined, ...blocks("mounts"), ...blocks("disks")].flatMap(
      (block) => block?.storage ?? [],
    ),
    bridges = blocks("networks").flatMap((block) => block.bridge ?? []);
  const { cores = 1, sockets = 1, memory } = spec as { cores?: number; sockets?: number; memory?: string };
  return {
    memory: memory === undefined ? 512 * 1024 ** 2 : sizeBytes(memory),
    cpus: cores * sockets,
    storages: [...new Set([...storages, ...alsoNeeded(spec)])],
    bridges: [...new Set(bridges)],
  };
}
