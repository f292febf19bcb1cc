import { canonicalJson } from "../../../schemas/canonical.ts";
import type { Difference } from "../../../schemas/plan.ts";
import type { GuestFact } from "../../../schemas/verbs/proxmox/guest.ts";
import { dropsPending, waitsForStart } from "./compare.ts";
import { haBefore, haSettings } from "./ha.ts";
import { longestDescription } from "./spec.ts";
import type { Wanted } from "./wanted.ts";

type Values = Readonly<Record<string, unknown>>;

/** What two descriptions have in common: where running and pending differ, a field is not mentioned. */
export const common = (a: Values, b: Values): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(a).flatMap(([key, value]): [string, unknown][] => {
      const other = b[key];
      if (isMap(value) && isMap(other)) return [[key, common(value, other)]];
      return canonicalJson(value) === canonicalJson(other ?? null) ? [[key, value]] : [];
    }),
  );

/** A spec that describes the guest as it is, such that the next plan is empty. `config`: what its configuration says. */
export function describeGuest(fact: GuestFact, config: Values): Record<string, unknown> {
  const { id, name, node, status, template, description, pool } = fact,
    ha = haSettings(fact);
  return {
    ...(id === undefined ? {} : { id }),
    ...config,
    name,
    // What HA or people move is moved back only where somebody wrote its node down.
    ...(ha === undefined ? { node } : {}),
    ...(template === true ? { template } : status === "running" || status === "stopped" ? { power: status } : {}),
    ...(description === undefined || description === "" || description.length > longestDescription ? {} : { description }),
    ...(pool === undefined ? {} : { pool }),
    ...(ha === undefined ? {} : { ha }),
  };
}

/** Fields of the manifest as they were before, those of blocks one by one; undefined where a manifest has no words for what was. */
export function reverted(
  spec: Values,
  wanted: readonly Wanted[],
  before: Values,
  differences: readonly Difference[],
): Record<string, unknown> | undefined {
  let back: Values = {};
  for (const { path, note } of differences) {
    // A restart is no state, and a value that waits for one is what it was before.
    if (path === "restartedAt" || note === waitsForStart) continue;
    if (note === dropsPending) return undefined;
    const about = wanted.find((one) => path === one.path || path.startsWith(`${one.path}.`)),
      at = (path === "placement.anyOf" ? "node" : (about?.path ?? path)).split("."),
      was = valueBefore(spec, before, at, about);
    if (was === undefined) return undefined;
    back = withValue(back, spec, at, was);
  }
  return Object.keys(back).length === 0 ? undefined : { ...back };
}

const isMap = (value: unknown): value is Values => typeof value === "object" && value !== null && !Array.isArray(value);
const at = (values: unknown, [key = "", ...below]: readonly string[]): unknown => {
  const found = isMap(values) ? values[key] : undefined;
  return below.length === 0 ? found : at(found, below);
};

/** A field with another value: of a map of blocks the other entries stay as the manifest has them. */
function withValue(back: Values, spec: Values, [key = "", ...below]: readonly string[], value: unknown): Values {
  if (below.length === 0) return { ...back, [key]: value };
  const inner = isMap(spec[key]) ? spec[key] : {};
  return { ...back, [key]: withValue(isMap(back[key]) ? back[key] : inner, inner, below, value) };
}

/** Entries of these maps are removed by null. */
const maps: readonly string[] = ["disks", "mounts", "networks", "pci", "serial", "usb"];

function valueBefore(spec: Values, before: Values, path: readonly string[], about: Wanted | undefined): unknown {
  const was = at(before, path),
    now = at(spec, path);
  if (path[0] === "snapshots") return now === null ? {} : null;
  if (path[0] === "ha") return isMap(was) ? haBefore(isMap(now) ? now : undefined, was) : undefined;
  if (isMap(was)) return about === undefined ? was : withDefaults(now, was, about);
  if (was !== undefined) return was;
  if (maps.includes(path[0] ?? "")) return null;
  if (path[0] === "description") return "";
  if (about?.as !== undefined && about.byDefault !== undefined) return about.as.parse(about.byDefault);
  const [part] = about?.parts ?? [];
  if (isMap(now) && about !== undefined) return withDefaults(now, {}, about);
  return part?.byDefault === undefined ? undefined : part.as.parse(part.byDefault);
}

/** What the manifest mentions and was not there before is the platform's own again. */
function withDefaults(now: unknown, was: Values, { parts = [] }: Wanted): Values {
  const more = Object.keys(isMap(now) ? now : {}).flatMap((path) => {
    const part = parts.find((one) => one.path === path);
    if (part === undefined || was[path] !== undefined) return [];
    return [[path, part.byDefault === undefined ? null : part.as.parse(part.byDefault)] as const];
  });
  return { ...was, ...Object.fromEntries(more) };
}
