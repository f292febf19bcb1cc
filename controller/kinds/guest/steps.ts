import { act, ask, type Ask } from "../../../schemas/contract.ts";
import type { Expectation } from "../../../schemas/plan.ts";
import { isDiskKey } from "../../../schemas/proxmox/properties.ts";
import * as verbs from "../../../schemas/verbs/proxmox/guest-actions.ts";
import { type GuestFact, guestProbe, type GuestRef } from "../../../schemas/verbs/proxmox/guest.ts";
import type { PlannedStep } from "../../core/model.ts";
import type { Delta } from "./gaps.ts";
import type { Parts } from "./wanted.ts";

/** An hour: disks are copied over networks. */
export const longMs = 3_600_000;
const shortMs = 300_000;

type Fields = Readonly<Record<string, unknown>>;

/** Builds the steps of one guest: each says what it expects to find, and what has to hold afterwards. */
export interface GuestSteps {
  readonly ask: Ask;
  readonly ref: GuestRef;
  step(
    action: { readonly action: string; readonly input: unknown },
    more: { expect?: Fields; goal?: Fields; changed?: readonly string[]; undo?: PlannedStep["undo"]; timeoutMs?: number },
  ): PlannedStep;
}

export function guestSteps(ref: GuestRef): GuestSteps {
  const about = ask(guestProbe, ref);
  const expectation = (fields: Fields | undefined, changed?: readonly string[]): Expectation | undefined =>
    fields === undefined && changed === undefined
      ? undefined
      : {
          ask: about,
          ...(fields === undefined ? {} : { fields: { ...fields } }),
          ...(changed === undefined ? {} : { changed: [...changed] }),
        };
  return {
    ask: about,
    ref,
    step(action, { expect, goal, changed, undo = null, timeoutMs = shortMs }) {
      const before = expectation(expect),
        after = expectation(goal, changed);
      return {
        ...action,
        ...(before === undefined ? {} : { expect: before }),
        ...(after === undefined ? {} : { goal: after }),
        undo,
        timeoutMs,
      };
    },
  };
}

type Values = Record<string, string | Parts | { secretRef: string }>;

/** What one `guest.set` is made of, gathered difference by difference. */
interface Setting {
  readonly set: Values;
  readonly merge: Record<string, Parts>;
  readonly remove: string[];
  readonly expect: Record<string, unknown>;
  readonly goal: Record<string, unknown>;
  /** Fields that have to become something else, since what they become is up to Proxmox VE: the volume of a new disk. */
  readonly changed: string[];
}

/** Steps that bring the configuration to what is wanted: values, then sizes, then places of disks. `fresh`: the guest was made by this plan, and is as its origin only by and large. */
export function configSteps(
  { ref, step }: GuestSteps,
  deltas: readonly Delta[],
  fact: GuestFact,
  { fresh = false, also = {} }: { fresh?: boolean; also?: { set?: Values; goal?: Fields } } = {},
): PlannedStep[] {
  const found: Setting = { set: { ...also.set }, merge: {}, remove: [], expect: { exists: true }, goal: { ...also.goal }, changed: [] };
  for (const delta of deltas) gather(delta, fact, found);
  const { set, merge, remove, expect, goal, changed } = found,
    input = { ...some("set", set), ...some("merge", merge), ...(remove.length === 0 ? {} : { remove }) };
  return [
    ...(empty(input)
      ? []
      : [
          step(act(verbs.guestSet, { guest: ref, ...input }), {
            expect: fresh ? { exists: true } : expect,
            goal: { exists: true, ...goal },
            ...(changed.length === 0 ? {} : { changed }),
            undo: fresh ? null : undoSet(ref, deltas, fact),
            timeoutMs: Object.values(set).some((value) => typeof value === "object" && "import-from" in value) ? longMs : shortMs,
          }),
        ]),
    ...deltas.flatMap((delta) => diskSteps(delta, { ref, step })),
  ];
}

/** Only what was read is expected: of a property string the parts that change. */
function gather(
  { wanted: { key, disk }, remedy }: Delta,
  { next }: GuestFact,
  { set, merge, remove, expect, goal, changed }: Setting,
): void {
  const before = next?.[key],
    parts = typeof before === "object" ? before : {};
  if (remedy.by === "set") {
    expect[`next.${key}`] = before ?? null;
    set[key] = remedy.value;
    Object.assign(goal, goalsOf(key, remedy.value));
    if (disk !== undefined) changed.push(`next.${key}`);
  } else if (remedy.by === "merge") {
    merge[key] = remedy.parts;
    for (const [part, value] of Object.entries(remedy.parts)) {
      expect[`next.${key}.${part}`] = parts[part] ?? null;
      goal[`next.${key}.${part}`] = value === "" ? null : value;
    }
  } else if (remedy.by === "remove") {
    expect[`next.${key}`] = before ?? null;
    remove.push(key);
    goal[`next.${key}`] = null;
  }
}

function diskSteps({ wanted: { key: disk, disk: about }, remedy }: Delta, { ref, step }: Pick<GuestSteps, "ref" | "step">): PlannedStep[] {
  const resize = (size: number): PlannedStep =>
    step(act(verbs.guestResize, { guest: ref, disk, size }), { expect: { exists: true }, timeoutMs: longMs });
  if (remedy.by === "resize") return [resize(remedy.size)];
  // An image brings its own size.
  if (remedy.by === "set" && about?.image !== undefined && about.size !== undefined) return [resize(about.size)];
  if (remedy.by !== "move-disk") return [];
  const { storage } = remedy,
    format = about?.format === undefined ? {} : { format: about.format };
  return [
    step(act(verbs.guestMoveDisk, { guest: ref, disk, storage, ...format }), {
      expect: { exists: true },
      timeoutMs: longMs,
    }),
  ];
}

const empty = (of: object): boolean => Object.keys(of).length === 0;
const some = <K extends string, T extends object>(key: K, of: T): { [key in K]?: T } =>
  (empty(of) ? {} : { [key]: of }) as { [key in K]?: T };

/** A new disk is given its volume's name by Proxmox VE; of everything else each part has to be there. */
function goalsOf(key: string, value: string | Parts): Record<string, unknown> {
  if (typeof value === "string") return { [`next.${key}`]: value === "" ? null : value };
  const parts = Object.entries(value).filter(
    ([part, text]) => (part !== "volume" || !/^[^/:]+:([\d.]+$|cloudinit$)/.test(text)) && !made.has(part),
  );
  return Object.fromEntries(parts.map(([part, text]) => [`next.${key}.${part}`, text]));
}

/** Parts that say how a volume is made, and are not there afterwards. */
const made: ReadonlySet<string> = new Set(["import-from", "format"]);

/** What puts the earlier values back; none where a disk came or went. */
function undoSet(ref: GuestRef, deltas: readonly Delta[], fact: GuestFact): PlannedStep["undo"] {
  const set: Record<string, string | Parts> = {},
    merge: Record<string, Parts> = {},
    remove: string[] = [];
  for (const { wanted, remedy } of deltas) {
    const { key } = wanted,
      before = fact.next?.[key];
    if (remedy.by === "merge") {
      const parts = typeof before === "object" ? before : {};
      merge[key] = Object.fromEntries(Object.keys(remedy.parts).map((part) => [part, parts[part] ?? ""]));
    } else if (remedy.by === "set" || remedy.by === "remove") {
      if (isDiskKey(key) && (before === undefined || remedy.by === "remove")) return null;
      if (before === undefined) remove.push(key);
      else set[key] = before;
    }
  }
  const input = { ...some("set", set), ...some("merge", merge), ...(remove.length === 0 ? {} : { remove }) };
  return empty(input) ? null : act(verbs.guestSet, { guest: ref, ...input });
}
