import { type Consequence, graver, type Undo } from "../../../schemas/contract.ts";
import type { ChangeAct, Difference } from "../../../schemas/plan.ts";
import type { GuestFact } from "../../../schemas/verbs/proxmox/guest.ts";
import type { KindContext } from "../../core/model.ts";
import { configDeltas, restarts } from "./aspects.ts";
import type { GuestKindSpec } from "./kind.ts";
import type { Wanted } from "./wanted.ts";

const has = (differences: readonly Difference[], path: string): boolean => differences.some((difference) => difference.path === path);
const losesSnapshot = (differences: readonly Difference[]): boolean =>
  differences.some(({ path, want }) => path.startsWith("snapshots.") && want === "absent");

export function actOf(spec: GuestKindSpec, fact: GuestFact, differences: readonly Difference[]): ChangeAct {
  if (spec.state === "absent") return "delete";
  if (!fact.exists) return "create";
  if (differences.every(({ path }) => path === "power")) return spec.power === "running" ? "start" : "stop";
  return differences.every(({ path }) => path === "restartedAt") ? "restart" : "update";
}

/** What happens to what runs in the guest: nothing, a start or stop that the manifest asks for, or one that its values need. */
export function consequenceOf(
  spec: GuestKindSpec,
  wanted: readonly Wanted[],
  fact: GuestFact,
  differences: readonly Difference[],
): Consequence {
  if (spec.state === "absent" || has(differences, "rollback") || losesSnapshot(differences)) return "data-loss";
  if (!fact.exists || fact.status === "stopped") return "none";
  let worst: Consequence = "none";
  if (["power", "restartedAt", "template"].some((path) => has(differences, path))) worst = "restart";
  const moves = has(differences, "node") || has(differences, "placement.anyOf");
  if (fact.status === "running" && fact.type === "container" && moves) worst = graver(worst, "restart");
  return restarts(spec, fact, configDeltas(spec, wanted, fact)) ? graver(worst, "reboot") : worst;
}

/** Whether a change can be taken back. */
export function undoOf(
  spec: GuestKindSpec,
  fact: GuestFact,
  differences: readonly Difference[],
): { readonly how: Undo; readonly note: string } {
  if (spec.state === "absent") return { how: "impossible", note: "the guest and its disks are gone; a backup can be restored" };
  if (!fact.exists) return { how: "possible", note: "removes the guest again" };
  if (has(differences, "rollback")) return { how: "impossible", note: "what was written since the snapshot is gone" };
  if (has(differences, "template")) return { how: "impossible", note: "a template cannot be made a guest again" };
  if (differences.some(({ path }) => /^(rootDisk|(mounts|disks)\.\w+)\.size$/.test(path)))
    return { how: "impossible", note: "a disk that has grown cannot shrink" };
  if (differences.some(({ path, want }) => /^(mounts|disks)\.\w+$/.test(path) && want === undefined))
    return { how: "impossible", note: "a detached disk is attached again by hand: its volume is kept as an unused disk" };
  if (losesSnapshot(differences)) return { how: "impossible", note: "a removed snapshot is gone" };
  if (differences.every(({ path }) => path === "restartedAt")) return { how: "impossible", note: "a restart cannot be taken back" };
  return { how: "possible", note: "puts the earlier values back" };
}

/** Such as `create container web-1 from … on pve1`, `change VM db (105): memory`. */
export function summaryOf(spec: GuestKindSpec, fact: GuestFact, differences: readonly Difference[]): string {
  const what = `${fact.type === "vm" ? "VM" : "container"} ${fact.name ?? spec.name}`,
    which = fact.id === undefined ? what : `${what} (${fact.id})`;
  if (spec.state === "absent") return `remove ${which} with its disks`;
  if (!fact.exists) return `create ${what}${differences[0]?.note === undefined ? "" : ` ${differences[0].note}`}`;
  const deeds = differences.map(({ path, want }) => deedOf(path, want) ?? path),
    [only] = deeds;
  return only !== undefined && deeds.length === 1 && deedOf(differences[0]!.path, differences[0]!.want) !== undefined
    ? only.replace(/^\S+( back)?/, (verb) => `${verb} ${which}`)
    : `change ${which}: ${deeds.join(", ")}`;
}

/** What is done about a difference that is no value; undefined for values. */
function deedOf(path: string, want: unknown): string | undefined {
  if (path === "power") return want === "running" ? "start" : "stop";
  if (path === "node" || path === "placement.anyOf") return `move to ${String(want)}`;
  if (path === "restartedAt") return "restart";
  if (path === "rollback") return `roll back to ${String(want)}`;
  return undefined;
}

/** What a new guest is made from and where, with why it goes there. */
export function makingNote(spec: GuestKindSpec, context: KindContext): { note?: string } {
  const placed = spec.node === undefined ? context.place?.(spec.resource) : undefined,
    where =
      spec.node !== undefined ? `on ${spec.node}` : placed !== undefined && "node" in placed ? `on ${placed.node} (${placed.why})` : "",
    note = [originOf(spec), where].filter((part) => part !== "").join(" ");
  return note === "" ? {} : { note };
}

function originOf({ source }: GuestKindSpec): string {
  if (source === undefined) return "";
  if ("template" in source) return `from ${source.template}`;
  if ("restore" in source) return `from ${source.restore}`;
  return `as a clone of ${typeof source.clone === "object" ? source.clone.name : source.clone}`;
}
