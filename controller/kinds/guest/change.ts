import { act } from "../../../schemas/contract.ts";
import * as verbs from "../../../schemas/verbs/proxmox/guest-actions.ts";
import type { GuestFact } from "../../../schemas/verbs/proxmox/guest.ts";
import type { PlannedStep } from "../../core/model.ts";
import { type Aspects, movesStopped, restarts } from "./aspects.ts";
import { haSettings } from "./ha.ts";
import type { GuestKindSpec } from "./kind.ts";
import { haGoal } from "./make.ts";
import { configSteps, type GuestSteps, longMs } from "./steps.ts";

/** Steps of a guest that exists, in the order in which they are safe: snapshots before what they are to protect from, values before the start that makes them take effect. */
export function changeSteps(spec: GuestKindSpec, fact: GuestFact, aspects: Aspects, steps: GuestSteps): PlannedStep[] {
  const { ref, step } = steps,
    there = { exists: true, id: fact.id };
  const makes = aspects.snapshots
    .filter(({ make }) => make)
    .map(({ name }) => {
      const { description, ram } = spec.snapshots?.[name] ?? {};
      const input = { guest: ref, name, ...(description === undefined ? {} : { description }), ...(ram === undefined ? {} : { ram }) };
      const undo = act(verbs.guestSnapshotRemove, { guest: ref, name });
      return step(act(verbs.guestSnapshot, input), { expect: there, undo, timeoutMs: longMs });
    });
  const removes = aspects.snapshots
    .filter(({ make }) => !make)
    .map(({ name }) => step(act(verbs.guestSnapshotRemove, { guest: ref, name }), { expect: there, timeoutMs: longMs }));
  const [before, after] = powerSteps(spec, fact, aspects, steps);
  return [
    ...makes,
    ...rollbackSteps(spec, fact, aspects, steps),
    ...moveSteps(fact, aspects, steps),
    ...before,
    ...configSteps(steps, aspects.config, fact),
    ...besideSteps(spec, fact, aspects, steps),
    ...after,
    ...(aspects.template === undefined
      ? []
      : [step(act(verbs.guestTemplate, { guest: ref }), { expect: there, goal: { template: true }, timeoutMs: longMs })]),
    ...removes,
  ];
}

function rollbackSteps({ rollback }: GuestKindSpec, fact: GuestFact, aspects: Aspects, { ref, step }: GuestSteps): PlannedStep[] {
  if (aspects.rollback === undefined || rollback === undefined) return [];
  return [
    step(act(verbs.guestRollback, { guest: ref, name: rollback.to, start: fact.status === "running" }), {
      expect: { exists: true, id: fact.id },
      changed: ["rolledBackAt"],
      timeoutMs: longMs,
    }),
  ];
}

function moveSteps(fact: GuestFact, { node }: Aspects, { ref, step }: GuestSteps): PlannedStep[] {
  if (node === undefined) return [];
  const move = (to: string) =>
    act(verbs.guestMigrate, { guest: ref, node: to, ...(fact.status === "running" ? { online: true } : {}), localDisks: true });
  return [
    step(move(node.to), {
      expect: { exists: true, id: fact.id, node: fact.node },
      goal: { node: node.to, lock: null },
      undo: fact.node === undefined ? null : move(fact.node),
      timeoutMs: longMs * 4,
    }),
  ];
}

/** What belongs to a guest and does not stand in its configuration: description, pool, HA. */
function besideSteps(spec: GuestKindSpec, fact: GuestFact, aspects: Aspects, { ref, step }: GuestSteps): PlannedStep[] {
  const there = { exists: true, id: fact.id },
    found: PlannedStep[] = [];
  if (aspects.description !== undefined) {
    const text = spec.description?.trim() ?? "";
    found.push(
      step(act(verbs.guestSet, { guest: ref, set: { description: text } }), {
        expect: { ...there, description: fact.description ?? null },
        goal: { description: text === "" ? null : text },
        undo: act(verbs.guestSet, { guest: ref, set: { description: fact.description ?? "" } }),
      }),
    );
  }
  if (aspects.pool !== undefined)
    found.push(
      step(act(verbs.guestPool, { guest: ref, pool: spec.pool ?? null }), {
        expect: { ...there, pool: fact.pool ?? null },
        goal: { pool: spec.pool ?? null },
        undo: act(verbs.guestPool, { guest: ref, pool: fact.pool ?? null }),
      }),
    );
  if (aspects.ha !== undefined) {
    const ha = spec.ha ?? null;
    found.push(
      step(act(verbs.guestHa, { guest: ref, ha }), {
        expect: { ...there, "ha.state": fact.ha?.state ?? null },
        goal: ha === null ? { ha: null } : haGoal(fact.ha === undefined ? { state: "started", ...ha } : ha),
        undo: act(verbs.guestHa, { guest: ref, ha: haSettings(fact) ?? null }),
      }),
    );
  }
  return found;
}

/** Start, shutdown or restart, one of them at most: what comes before the configuration is changed, and what comes after. */
function powerSteps(
  spec: GuestKindSpec,
  fact: GuestFact,
  aspects: Aspects,
  { ref, step }: GuestSteps,
): readonly [PlannedStep[], PlannedStep[]] {
  const to = (power: "running" | "stopped", from: string | undefined): PlannedStep =>
    step(act(verbs.guestPower, { guest: ref, to: power }), {
      expect: { exists: true, ...(from === undefined ? {} : { status: from }) },
      goal: { status: power },
      undo: act(verbs.guestPower, { guest: ref, to: power === "running" ? "stopped" : "running" }),
    });
  const stopped = movesStopped(fact, aspects.config);
  if (aspects.power !== undefined && spec.power !== undefined) {
    const turn = [to(spec.power, fact.status)];
    return stopped && spec.power === "stopped" ? [turn, []] : [[], turn];
  }
  if (stopped) return [[to("stopped", fact.status)], [to("running", "stopped")]];
  if (aspects.restartedAt === undefined && !restarts(spec, fact, aspects.config)) return [[], []];
  const restart = step(act(verbs.guestRestart, { guest: ref }), {
    expect: { exists: true, status: "running" },
    goal: { status: "running" },
    changed: ["startedAt"],
  });
  return [[], [restart]];
}

/** Removes a guest with its disks. */
export const removeSteps = (fact: GuestFact, { ref, step }: GuestSteps): PlannedStep[] => [
  step(act(verbs.guestDelete, { guest: ref, id: fact.id ?? 0, name: fact.name ?? ref.name, purge: true }), {
    expect: { exists: true, id: fact.id, name: fact.name },
    goal: { exists: false },
    timeoutMs: longMs,
  }),
];
