import type { GuestConfig } from "../../../schemas/verbs/proxmox/guest.ts";
import type { SecretRef } from "../../../schemas/manifest.ts";
import { type Codec, normal } from "./codecs.ts";

/** The parts of a property string by key; an empty text: the part has to go. */
export type Parts = Readonly<Record<string, string>>;

/** One part of a property string: the manifest's name, Proxmox VE's name, how its value is written, and what an absent one means. */
export interface Part {
  readonly path: string;
  readonly part: string;
  readonly as: Codec;
  readonly byDefault?: string;
}

/** When a value takes effect in a guest that runs: at once, or at its next start. */
export type Takes = "hot" | "start";

/** What becomes of a key: it is not there yet, it goes, or these parts of it change (none where it is one text). */
export interface Turn {
  readonly how: "added" | "removed" | "changed";
  readonly parts: readonly string[];
}

/** One key of the configuration that a manifest says something about. */
export interface Wanted {
  /** Below `spec`, as differences name it. */
  readonly path: string;
  /** As Proxmox VE names it. */
  readonly key: string;
  /** A text; the parts of a property string that are asked for (the others stay); null: the key has to go. */
  readonly value: string | Parts | null;
  readonly takes: Takes | ((turn: Turn) => Takes);
  /** How its text is written, or its parts: what may be written in several ways is compared in one. */
  readonly as?: Codec | undefined;
  readonly parts?: readonly Part[] | undefined;
  /** The parts that are asked for are all that there shall be. */
  readonly whole?: true | undefined;
  /** What a new device has beside what is asked for: it makes a new one where the key is absent. */
  readonly making?: Parts | undefined;
  /** Only at creation: afterwards it (or some parts of it) cannot be changed, or must not be. */
  readonly fixed?: true | readonly string[] | undefined;
  /** Cannot be read back, and is set at creation alone. */
  readonly secret?: SecretRef | string | undefined;
  /** What the platform takes where nothing is said: an absent key means the same. */
  readonly byDefault?: string | undefined;
  /** Right that a token does not have, whatever it is given: root@pam itself has to do it. */
  readonly rootOnly?: true | ((turn: Turn) => boolean) | undefined;
  /** A disk or mount: how it is made, and what about it is done by verbs of its own. */
  readonly disk?: WantedDisk | undefined;
}

/** A disk, a drive or a mount as a manifest asks for it. Sizes in bytes. */
export interface WantedDisk {
  readonly storage?: string | undefined;
  readonly size?: number | undefined;
  /** Volume that is there already: an ISO, a folder of the node. */
  readonly volume?: string | undefined;
  readonly image?: string | undefined;
  readonly cloudInit?: true | undefined;
  /** A new one needs no size: the platform knows it. */
  readonly small?: true | undefined;
  readonly format?: string | undefined;
}

/** A configuration's value as text: the parts of a property string in the order of their keys. */
export const textOf = (value: GuestConfig[string] | undefined): string | undefined =>
  value === undefined || typeof value === "string"
    ? value
    : Object.keys(value)
        .sort()
        .map((key) => `${key}=${value[key]}`)
        .join(",");

/** The wanted parts that a property string does not have: an absent one has its default, and how it is written does not matter. */
export function missingParts(wanted: Parts, have: GuestConfig[string] | undefined, parts: readonly Part[] = []): [string, string][] {
  const there = typeof have === "object" ? have : {};
  return Object.entries(wanted).filter(([key, value]) => {
    const { as, byDefault } = parts.find(({ part }) => part === key) ?? {},
      is = there[key];
    if (value === "") return is !== undefined;
    if (is === undefined) return byDefault !== value;
    return (as === undefined ? is : normal(as, is)) !== value;
  });
}

/** Parts as a new value has them: those that shall go are not there. */
export const newParts = (parts: Parts): Parts => Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== ""));
