import type { Difference } from "../../../schemas/plan.ts";
import type { GuestConfig } from "../../../schemas/verbs/proxmox/guest.ts";
import { missingParts, type Parts, type Takes, textOf, type Turn, type Wanted } from "./wanted.ts";

/** How a difference of the configuration is put right. */
export type Remedy =
  | { readonly by: "set"; readonly value: string | Parts }
  | { readonly by: "merge"; readonly parts: Parts }
  | { readonly by: "remove" }
  | { readonly by: "resize"; readonly size: number }
  | { readonly by: "move-disk"; readonly storage: string }
  /** The configuration is as wanted, and what runs is not: a start makes it so. */
  | { readonly by: "start" }
  | { readonly by: "nothing"; readonly reason: string; readonly hint: string };

/** One difference of a guest's configuration, with when its remedy takes effect in a guest that runs. */
export interface Delta {
  readonly wanted: Wanted;
  readonly difference: Difference;
  readonly remedy: Remedy;
  readonly turn: Turn;
  readonly takes: Takes;
}

/** The same before it is known when it takes effect. */
export type Gap = Omit<Delta, "takes">;

/** A new device. */
export const added = (wanted: Wanted, value: Parts): Gap => ({
  wanted,
  difference: { path: wanted.path, want: textOf(value) },
  remedy: { by: "set", value },
  turn: { how: "added", parts: Object.keys(value) },
});

/** Parts of a property string that are not as wanted: changed among the others, or instead of them. */
export function partsGap(wanted: Wanted, value: Parts, have: GuestConfig[string] | undefined): Gap[] {
  const parts = missingParts(value, have, wanted.parts);
  if (parts.length === 0) return [];
  return [
    {
      wanted,
      difference: { path: wanted.path, ...shownParts(wanted, parts, typeof have === "object" ? have : {}) },
      remedy: wanted.whole === true || have === undefined ? { by: "set", value } : { by: "merge", parts: Object.fromEntries(parts) },
      turn: { how: have === undefined ? "added" : "changed", parts: parts.map(([key]) => key) },
    },
  ];
}

/** Parts as the manifest writes them: `vlan=20`, or the value alone where the field is one part. */
function shownParts({ path, parts = [] }: Wanted, missing: readonly [string, string][], there: Parts): { want?: unknown; have?: unknown } {
  const of = (key: string) => parts.find(({ part }) => part === key),
    value = (key: string, text: string): unknown => of(key)?.as.parse(text) ?? text;
  const [[key, text] = ["", ""]] = missing;
  if (missing.length === 1 && of(key)?.path === path) {
    const have = there[key];
    return { want: value(key, text), ...(have === undefined ? {} : { have: value(key, have) }) };
  }
  const shown = (part: string, said: string | undefined): string => {
    const name = of(part)?.path ?? part;
    return said === undefined || said === "" ? `no ${name}` : `${name}=${String(value(part, said))}`;
  };
  const had = missing.filter(([part]) => there[part] !== undefined);
  return {
    want: missing.map(([part, said]) => shown(part, said)).join(","),
    ...(had.length === 0 ? {} : { have: missing.map(([part]) => shown(part, there[part])).join(",") }),
  };
}
