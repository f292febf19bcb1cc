import type { GuestFact } from "../../../schemas/verbs/proxmox/guest.ts";
import { isDiskKey, storageOf } from "../../../schemas/proxmox/properties.ts";
import type { ClusterView, KindContext } from "../../core/model.ts";
import type { Aspects } from "./aspects.ts";
import { newDisk } from "./disks.ts";
import type { Delta } from "./gaps.ts";
import type { GuestKindSpec } from "./kind.ts";
import { unfitNames } from "./names.ts";
import type { Wanted } from "./wanted.ts";

/** Why something cannot be done, and the way out. */
export interface Obstacle {
  readonly reason: string;
  readonly hint: string;
}

/** What is looked at to find obstacles. `aspects`: of a guest that exists; `brought`: what the origin of a clone will not have as wanted. */
export interface Attempt {
  readonly spec: GuestKindSpec;
  readonly wanted: readonly Wanted[];
  readonly fact: GuestFact;
  readonly aspects?: Aspects | undefined;
  readonly brought?: readonly Delta[] | undefined;
}

/** What stands in the way of a guest's change as its cluster is now; the first that is found. */
export function obstacleOf(attempt: Attempt, context: KindContext): Obstacle | undefined {
  const { spec, fact, aspects, brought } = attempt,
    { cluster } = context.host,
    known = <T>(check: (view: ClusterView) => T): T | undefined => (cluster === undefined ? undefined : check(cluster));
  return (
    identity(attempt) ??
    known(quorum) ??
    (spec.state === "absent"
      ? removal(spec, fact)
      : (known((view) => unfitNames(attempt, view)) ??
        unchangeable([...(aspects?.config ?? []), ...(brought ?? [])]) ??
        (fact.exists ? standing(attempt) : creation(attempt, context)) ??
        known((view) => rights(attempt, view))))
  );
}

/** Whether it is clear which guest is meant. */
function identity({ spec, fact }: Attempt): Obstacle | undefined {
  if (fact.sameName !== undefined && fact.sameName.length > 0)
    return {
      reason: `several guests are named ${spec.name}: ${fact.sameName.join(", ")}`,
      hint: "Say which one is meant: add its id, or give the others another name.",
    };
  const { taken } = fact;
  if (taken !== undefined) return takenBy(spec.id, taken.type, taken.name, taken.node);
  const strange = fact.exists && fact.owner !== spec.resource && fact.name !== spec.name;
  // A manifest that says what its guest is made from did not mean one that was there before under another name.
  if (strange && (spec.source !== undefined || fact.owner !== undefined)) return takenBy(fact.id, fact.type, fact.name, fact.node);
  return undefined;
}

const takenBy = (id: number | undefined, type: GuestFact["type"], name = "", node = ""): Obstacle => ({
  reason: `number ${id} belongs to ${type === "vm" ? "VM" : "container"} ${name} on ${node}`,
  hint: "Choose another id, or leave it out.",
});

const quorum = ({ fact }: ClusterView): Obstacle | undefined =>
  fact.quorate
    ? undefined
    : {
        reason: `cluster ${fact.name} has no quorum: it takes no changes`,
        hint: "More than half of its nodes have to see each other. Bring nodes or their network back.",
      };

/** A guest that somebody else made is removed only by its number. */
function removal(spec: GuestKindSpec, fact: GuestFact): Obstacle | undefined {
  if (!fact.exists) return undefined;
  if (fact.owner !== spec.resource && spec.id !== fact.id)
    return {
      reason: `guest ${fact.id} was not made by Backend AI${fact.owner === undefined ? "" : ` for ${spec.resource} but for ${fact.owner}`}`,
      hint: `To remove it all the same, name it: add id: ${fact.id} beside state: absent.`,
    };
  return isProtected(fact) ? shielded(fact) : undefined;
}

const isProtected = ({ config, next }: GuestFact): boolean => (config?.["protection"] ?? next?.["protection"]) === "1";
const shielded = ({ id }: GuestFact): Obstacle => ({
  reason: `guest ${id} is protected`,
  hint: "Set protection: false first, in a change of its own.",
});

const unchangeable = (deltas: readonly Delta[]): Obstacle | undefined => {
  for (const { remedy } of deltas) if (remedy.by === "nothing") return { reason: remedy.reason, hint: remedy.hint };
  return undefined;
};

/** What an existing guest itself does not allow. */
function standing({ spec, fact, aspects }: Attempt): Obstacle | undefined {
  if (spec.template === false && fact.template === true)
    return { reason: `guest ${fact.id} is a template, which cannot be made a guest again`, hint: "Clone it, and remove it then." };
  if (isProtected(fact) && aspects?.config.some(({ remedy, wanted }) => remedy.by === "remove" && isDiskKey(wanted.key)) === true)
    return shielded(fact);
  const to = spec.rollback?.to;
  if (aspects?.rollback !== undefined && fact.snapshots?.some(({ name }) => name === to) !== true)
    return {
      reason: `guest ${fact.id} has no snapshot ${to}`,
      hint: `It has ${fact.snapshots?.map(({ name }) => name).join(", ") || "none"}.`,
    };
  return undefined;
}

/** What a guest that is to be made needs: an origin that is there, disks that can be made, and a node. */
function creation({ spec, fact, wanted }: Attempt, context: KindContext): Obstacle | undefined {
  for (const [volume, found] of Object.entries(fact.volumes ?? {}))
    if (found === null)
      return {
        reason: `${volume} does not exist`,
        hint: `Check the name, or load it into storage ${storageOf(volume)}.`,
      };
  if (spec.needsSource === true)
    return {
      reason: `${spec.resource} does not exist, and its manifest does not say what it is made from`,
      hint: "Add source: (a template, a clone or a backup), or check id and name.",
    };
  const { source } = spec;
  if (source !== undefined && "clone" in source) {
    const from = typeof source.clone === "object" ? source.clone.name : source.clone;
    if (fact.origin === null) return { reason: `guest ${from}, which is to be cloned, does not exist`, hint: "Check its number or name." };
    if (fact.origin !== undefined && fact.origin.type !== fact.type)
      return {
        reason: `guest ${from} is a ${fact.origin.type}: it cannot be cloned to a ${fact.type}`,
        hint: "Clone a guest of the same kind.",
      };
    if (source.full === false && fact.origin !== undefined && fact.origin.template !== true)
      return {
        reason: `guest ${from} is no template: it can only be cloned in full`,
        hint: "Say full: true, or make it a template first.",
      };
  } else if (source === undefined || "template" in source) {
    const bare = wanted.find(
      ({ disk, value, making }) => disk !== undefined && newDisk(disk, { ...making, ...(value as object) }) === undefined,
    );
    if (bare !== undefined)
      return {
        reason: `${bare.path}: a new disk needs a storage and a size`,
        hint: "Give it storage and size, or the image or volume that it is made of.",
      };
  }
  const placed = context.place?.(spec.resource);
  return placed !== undefined && "reason" in placed ? placed : undefined;
}

/** Fields that root@pam itself has to set, where the agent has a token. */
function rights({ wanted, fact, aspects, brought }: Attempt, { fact: cluster }: ClusterView): Obstacle | undefined {
  if (cluster.root) return undefined;
  const deltas = fact.exists ? aspects?.config : brought;
  const turns = deltas?.filter(({ remedy }) => remedy.by !== "start").map(({ wanted: one, turn }) => ({ one, turn }));
  const all = wanted.map((one) => ({
    one,
    turn: { how: "added" as const, parts: typeof one.value === "object" && one.value !== null ? Object.keys(one.value) : [] },
  }));
  const field = (turns ?? all).find(({ one: { rootOnly }, turn }) => (typeof rootOnly === "function" ? rootOnly(turn) : rootOnly === true));
  return field === undefined
    ? undefined
    : {
        reason: `${field.one.path}: Proxmox VE lets only root@pam set it, and the agent of cluster ${cluster.name} has a token`,
        hint: "Leave the field out, set it by hand, or let the agent log in as root@pam with a password.",
      };
}
