import type { Difference } from "../../../schemas/plan.ts";
import type { GuestFact } from "../../../schemas/verbs/proxmox/guest.ts";
import { byKey } from "./blocks.ts";
import type { GuestSpec, Ha } from "./spec.ts";

type Settings = Readonly<Record<string, unknown>>;

/** What the HA manager takes where nothing is said. */
const byDefault: Settings = { state: "started", maxRestart: 1, maxRelocate: 1, comment: "", group: "" };

/** Earlier versions say enabled for started. */
const stateOf = (state: string): string => (state === "enabled" ? "started" : state);

/** Settings of a guest under HA, as a manifest says them; undefined where it is not under HA. */
export function haSettings({ ha }: GuestFact): Ha | undefined {
  if (ha === undefined) return undefined;
  const { now: _, state, ...rest } = ha;
  return { ...rest, state: stateOf(state) as NonNullable<Ha["state"]> };
}

/** What of HA is not as wanted. */
export function haDifference({ ha }: GuestSpec, fact: GuestFact): Difference | undefined {
  const have = haSettings(fact) as Settings | undefined;
  if (ha === undefined) return undefined;
  if (ha === null) return have === undefined ? undefined : { path: "ha", want: "none", have: shown(have) };
  if (have === undefined) return { path: "ha", want: shown(ha) };
  const other = Object.entries(ha).filter(([key, value]) => (have[key] ?? byDefault[key]) !== value);
  if (other.length === 0) return undefined;
  return {
    path: "ha",
    want: shown(Object.fromEntries(other)),
    have: shown(Object.fromEntries(other.map(([key]) => [key, have[key] ?? byDefault[key]]))),
  };
}

const shown = (ha: Settings): string =>
  byKey(ha)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(",") || "state=started";

/** Settings as they were, those that the manifest mentions and HA did not hold as HA takes them by itself; undefined where nothing says so. */
export function haBefore(now: Settings | null | undefined, was: Settings): Settings | undefined {
  const more = Object.keys(now ?? {}).filter((key) => was[key] === undefined);
  return more.includes("group") || more.includes("comment")
    ? undefined
    : { ...was, ...Object.fromEntries(more.map((key) => [key, byDefault[key]])) };
}
