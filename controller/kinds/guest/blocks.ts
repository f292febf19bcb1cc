import { printBytes } from "../../../schemas/manifest.ts";
import { parseSize, storageOf } from "../../../schemas/proxmox/properties.ts";
import type { GuestConfig } from "../../../schemas/verbs/proxmox/guest.ts";
import { readParts, startupParts, unwanted, wantedParts } from "./fields.ts";
import type { Part, Parts, Wanted } from "./wanted.ts";

type Block = Readonly<Record<string, unknown>>;
type Blocks = Readonly<Record<string, Block | null>> | undefined;

/** What blocks by key (networks, disks) have in common. */
interface BlockWords {
  readonly parts: readonly Part[];
  readonly takes: (key: string) => Wanted["takes"];
  /** What a new one has beside what its block says. */
  readonly making: (key: string) => Parts;
  readonly more?: (block: Block) => Partial<Wanted>;
}

/** Entries in the order of their keys: in which order a manifest has them changes nothing. */
export const byKey = <T>(of: Readonly<Record<string, T>> = {}): [string, T][] => Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1));

/** Blocks of a manifest by key: one property string each; null: the key has to go. */
export const wantedBlocks = (path: string, blocks: Blocks, { parts, takes, making, more }: BlockWords): Wanted[] =>
  byKey(blocks).map(([key, block]) =>
    block === null
      ? unwanted(`${path}.${key}`, key, takes(key))
      : {
          path: `${path}.${key}`,
          key,
          value: wantedParts(block, parts),
          takes: takes(key),
          parts,
          making: making(key),
          ...more?.(block),
        },
  );

/** The same blocks read back, for the keys that belong to them; undefined where there are none. */
export function readBlocks(
  config: GuestConfig,
  mine: (key: string) => boolean,
  read: (value: Parts) => Record<string, unknown>,
): Record<string, Record<string, unknown>> | undefined {
  const found = Object.entries(config).filter(([key]) => mine(key));
  if (found.length === 0) return undefined;
  return Object.fromEntries(
    found
      .map(([key, value]) => [key, read(typeof value === "string" ? { volume: value } : value)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** Where a volume lies and how large it is, as manifests say it. */
export function readVolume(value: Parts): { storage?: string; size?: string } {
  const storage = storageOf(value["volume"]),
    size = parseSize(value["size"]);
  return { ...(storage === undefined ? {} : { storage }), ...(size === undefined ? {} : { size: printBytes(size) }) };
}

/** Start order, which is a block of its own. */
export const wantedStartup = ({ startup }: { startup?: Block | undefined }): Wanted[] =>
  startup === undefined
    ? []
    : [{ path: "startup", key: "startup", value: wantedParts(startup, startupParts), takes: "hot", parts: startupParts }];

export const readStartup = ({ startup }: GuestConfig): Record<string, unknown> =>
  typeof startup === "object" ? { startup: readParts(startup, startupParts) } : {};

/** Members that are undefined are left out, as a manifest leaves them out. */
export const mentioned = (values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
