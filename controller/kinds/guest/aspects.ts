import type { Difference } from "../../../schemas/plan.ts";
import type { GuestFact } from "../../../schemas/verbs/proxmox/guest.ts";
import type { KindContext } from "../../core/model.ts";
import { roomOf } from "../../core/placement.ts";
import { byKey } from "./blocks.ts";
import { compareConfig } from "./compare.ts";
import type { Delta } from "./gaps.ts";
import { haDifference } from "./ha.ts";
import type { GuestSpec } from "./spec.ts";
import type { Wanted } from "./wanted.ts";

/** What a guest that exists is not like, in the terms of its steps: everything that a change of it is made from. */
export interface Aspects {
  readonly config: readonly Delta[];
  readonly description?: Difference | undefined;
  readonly node?: { readonly difference: Difference; readonly to: string } | undefined;
  readonly pool?: Difference | undefined;
  readonly ha?: Difference | undefined;
  readonly snapshots: readonly { readonly difference: Difference; readonly name: string; readonly make: boolean }[];
  readonly rollback?: Difference | undefined;
  readonly power?: Difference | undefined;
  readonly restartedAt?: Difference | undefined;
  readonly template?: Difference | undefined;
}

/** A container's volumes are moved while it is stopped, a VM's at any time. */
export const movesStopped = (fact: GuestFact, config: readonly Delta[]): boolean =>
  fact.type === "container" && fact.status === "running" && config.some(({ remedy }) => remedy.by === "move-disk");

/** Whether the guest is, or will be, at a start that makes values take effect. */
export const restarts = (spec: GuestSpec, fact: GuestFact, config: readonly Delta[]): boolean =>
  fact.status === "running" &&
  spec.power !== "stopped" &&
  spec.applyPending !== "next-start" &&
  (config.some(({ takes }) => takes === "start") || movesStopped(fact, config));

/** What of the configuration is to be changed now: what waits for a start, or cannot be done while it runs, may be for later. */
export function configDeltas(spec: GuestSpec, wanted: readonly Wanted[], fact: GuestFact): Delta[] {
  const later = spec.applyPending === "next-start";
  return compareConfig(wanted, fact).filter(({ remedy }) => {
    if (remedy.by === "start") return !later && spec.power !== "stopped";
    return !(later && remedy.by === "move-disk" && fact.type === "container" && fact.status === "running" && spec.power !== "stopped");
  });
}

/** Compares a guest that exists with its manifest. */
export function aspectsOf(spec: GuestSpec, wanted: readonly Wanted[], fact: GuestFact, context: KindContext): Aspects {
  const rollback = rollbackOf(spec, fact, context),
    snapshots = snapshotsOf(spec, fact);
  // A rollback brings another configuration: what is left to do is seen once it is there.
  if (rollback !== undefined) return { rollback, config: [], snapshots: snapshots.filter(({ make }) => make) };
  return {
    config: configDeltas(spec, wanted, fact),
    description: field("description", spec.description?.trim(), fact.description ?? ""),
    node: nodeOf(spec, fact, context),
    pool: poolOf(spec, fact),
    ha: haDifference(spec, fact),
    snapshots,
    power: powerOf(spec, fact),
    restartedAt: restartedOf(spec, fact, context),
    template:
      spec.template === undefined || spec.template === (fact.template ?? false)
        ? undefined
        : { path: "template", want: spec.template, have: !spec.template },
  };
}

/** All of them, as a plan shows them. */
export const differencesOf = (aspects: Aspects): Difference[] => [
  ...[aspects.rollback, aspects.template, aspects.node?.difference].filter((one) => one !== undefined),
  ...aspects.config.map(({ difference }) => difference),
  ...[aspects.description, aspects.pool, aspects.ha].filter((one) => one !== undefined),
  ...aspects.snapshots.map(({ difference }) => difference),
  ...[aspects.power, aspects.restartedAt].filter((one) => one !== undefined),
];

const field = (path: string, want: string | undefined, have: string): Difference | undefined =>
  want === undefined || want === have ? undefined : { path, want, ...(have === "" ? {} : { have }) };

const poolOf = (spec: GuestSpec, fact: GuestFact): Difference | undefined => {
  if (spec.pool !== null) return field("pool", spec.pool, fact.pool ?? "");
  return fact.pool === undefined ? undefined : { path: "pool", want: "none", have: fact.pool };
};

/**
 * A guest elsewhere is moved where its manifest names a node, or does not allow the one it is on. What HA holds is where HA wants it, and while an allowed node is
 * emptied or away the guest is left where somebody brought it.
 */
function nodeOf(spec: GuestSpec, fact: GuestFact, context: KindContext): Aspects["node"] {
  const allowed = spec.node === undefined ? spec.placement?.anyOf : [spec.node];
  if (allowed === undefined || fact.node === undefined || allowed.includes(fact.node)) return undefined;
  const { cluster } = context.host,
    mine = cluster?.fact.nodes.filter((node) => allowed.includes(node.name)) ?? [],
    online = mine.filter((node) => node.online);
  const held = fact.ha !== undefined && fact.ha.state !== "ignored";
  if (held || mine.some((node) => node.maintenance === true) || (mine.length > 0 && online.length === 0)) return undefined;
  const room = (name: string): number => (cluster === undefined ? 0 : roomOf(name, cluster));
  const names = online.length === 0 ? [...allowed] : online.map(({ name }) => name);
  const to = spec.node ?? names.sort((a, b) => room(b) - room(a) || (a < b ? -1 : 1))[0]!;
  return { difference: { path: spec.node === undefined ? "placement.anyOf" : "node", want: to, have: fact.node }, to };
}

const snapshotsOf = (spec: GuestSpec, fact: GuestFact): Aspects["snapshots"] =>
  byKey(spec.snapshots).flatMap(([name, wanted]) => {
    const there = fact.snapshots?.some((snapshot) => snapshot.name === name) === true,
      make = wanted !== null;
    if (there === make) return [];
    const [want, have] = make ? ["present", "absent"] : ["absent", "present"];
    return [{ difference: { path: `snapshots.${name}`, want, have }, name, make }];
  });

/** A rollback is done once for its moment: the agent remembers when it last did one. */
function rollbackOf({ rollback }: GuestSpec, fact: GuestFact, context: KindContext): Difference | undefined {
  if (rollback === undefined) return undefined;
  const wanted = Date.parse(rollback.at),
    done = fact.rolledBackAt === undefined ? undefined : fact.rolledBackAt + context.host.clockOffset;
  if ((done !== undefined && done >= wanted) || (context.now !== undefined && wanted > context.now)) return undefined;
  return { path: "rollback", want: rollback.to, note: "what was written since the snapshot is lost" };
}

/** A guest that is paused neither runs nor is stopped; one of which nobody can tell is left alone. */
function powerOf({ power }: GuestSpec, { template, status }: GuestFact): Difference | undefined {
  if (power === undefined || template === true || status === undefined || status === "unknown" || status === power) return undefined;
  return { path: "power", want: power, have: status };
}

function restartedOf(spec: GuestSpec, fact: GuestFact, context: KindContext): Difference | undefined {
  if (spec.restartedAt === undefined || fact.status !== "running" || fact.startedAt === undefined || spec.power === "stopped")
    return undefined;
  const wanted = Date.parse(spec.restartedAt),
    started = fact.startedAt + context.host.clockOffset;
  if (started >= wanted || (context.now !== undefined && wanted > context.now)) return undefined;
  return { path: "restartedAt", want: spec.restartedAt, have: new Date(started).toISOString() };
}
