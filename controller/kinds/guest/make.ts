import { act } from "../../../schemas/contract.ts";
import * as verbs from "../../../schemas/verbs/proxmox/guest-actions.ts";
import type { GuestFact } from "../../../schemas/verbs/proxmox/guest.ts";
import type { KindContext, PlannedStep } from "../../core/model.ts";
import { byKey } from "./blocks.ts";
import { newDisk } from "./disks.ts";
import type { Delta } from "./gaps.ts";
import type { GuestKindSpec } from "./kind.ts";
import { configSteps, type GuestSteps, longMs } from "./steps.ts";
import { newParts, type Parts, type Wanted } from "./wanted.ts";

type Values = Record<string, string | Parts | { secretRef: string }>;

/**
 * Steps that make a guest which is not there: from a template, by cloning, from a backup, or empty; then what is different from its origin, then its start.
 * `brought`: what of the origin's configuration is not as wanted, where the origin is known.
 */
export function makeSteps(
  spec: GuestKindSpec,
  wanted: readonly Wanted[],
  brought: readonly Delta[] | undefined,
  steps: GuestSteps,
  context: KindContext,
): PlannedStep[] {
  const { ref, step } = steps,
    placed = context.place?.(spec.resource),
    node = spec.node ?? (placed !== undefined && "node" in placed ? placed.node : undefined) ?? "",
    pool = typeof spec.pool === "string" ? { pool: spec.pool } : {},
    { source } = spec;
  const first = (action: PlannedStep["action"], input: unknown): PlannedStep =>
    step({ action, input }, { expect: { exists: false }, goal: { exists: true, lock: null }, timeoutMs: longMs });
  if (source !== undefined && "clone" in source) {
    const { clone: from, full = source.storage === undefined ? undefined : true, snapshot, storage } = source;
    const input = { guest: ref, from: from as number, node, ...mentioned({ full, snapshot, storage }), ...pool };
    const { action } = act(verbs.guestClone, input);
    return [first(action, input), ...afterOrigin(spec, wanted, brought, steps), ...lastSteps(spec, steps)];
  }
  if (source !== undefined && "restore" in source) {
    const { restore: backup, storage, unique } = source;
    const { action, input } = act(verbs.guestRestore, { guest: ref, node, backup, ...mentioned({ storage, unique }), ...pool });
    return [first(action, input), ...afterOrigin(spec, wanted, brought, steps), ...lastSteps(spec, steps)];
  }
  const { action, input } = act(verbs.guestCreate, {
    guest: ref,
    node,
    config: { ...createValues(wanted), ...mentioned({ description: spec.description?.trim() }) },
    ...mentioned({ template: source?.template }),
    ...pool,
  });
  return [first(action, input), ...grown(wanted, ({ image }) => image !== undefined, steps), ...lastSteps(spec, steps)];
}

/** Members that are undefined are left out. */
const mentioned = <T extends object>(of: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: NonNullable<T[K]> };

/** Everything that is said, in the form in which a new guest takes it. */
function createValues(wanted: readonly Wanted[]): Values {
  const values: Values = {};
  for (const { key, value, disk, secret, making } of wanted) {
    if (secret !== undefined) values[key] = secret;
    else if (value === null || value === "") continue;
    else if (typeof value === "string") values[key] = value;
    else {
      const parts = { ...making, ...value },
        made = disk === undefined ? newParts(parts) : newDisk(disk, parts);
      if (made !== undefined && Object.keys(made).length > 0) values[key] = made;
    }
  }
  return values;
}

/** What a clone or a restored guest has otherwise than its origin. Where the origin's configuration is not known, its disks are left to the plan that follows. */
function afterOrigin(
  spec: GuestKindSpec,
  wanted: readonly Wanted[],
  brought: readonly Delta[] | undefined,
  steps: GuestSteps,
): PlannedStep[] {
  const set: Values = {},
    goal: Record<string, unknown> = {};
  for (const { key, secret } of wanted) if (secret !== undefined) set[key] = secret;
  if (spec.description !== undefined) {
    set["description"] = spec.description.trim();
    goal["description"] = spec.description.trim() || null;
  }
  const fact: GuestFact = { exists: true, type: steps.ref.type };
  if (brought !== undefined) return configSteps(steps, brought, fact, { fresh: true, also: { set, goal } });
  return [
    ...configSteps(steps, unseen(wanted), fact, { fresh: true, also: { set, goal } }),
    ...grown(wanted, ({ storage, image, volume }) => storage === undefined && image === undefined && volume === undefined, steps),
  ];
}

/** What is said of a configuration that nobody has seen yet: set or merged into whatever its origin brought. */
const unseen = (wanted: readonly Wanted[]): Delta[] =>
  wanted.flatMap((one): Delta[] => {
    const { value, disk, secret, fixed, path } = one;
    if (secret !== undefined || disk !== undefined || fixed === true || value === null || path === "name") return [];
    if (typeof value === "object" && Object.keys(value).length === 0) return [];
    const remedy: Delta["remedy"] = typeof value === "string" || one.whole === true ? { by: "set", value } : { by: "merge", parts: value };
    return [{ wanted: one, difference: { path }, remedy, turn: { how: "changed", parts: [] }, takes: "hot" }];
  });

/** Disks that their origin, or the image they are filled from, brings in another size. */
const grown = (
  wanted: readonly Wanted[],
  which: (disk: NonNullable<Wanted["disk"]>) => boolean,
  { ref, step }: GuestSteps,
): PlannedStep[] =>
  wanted.flatMap(({ key, disk }) =>
    disk?.size === undefined || !which(disk)
      ? []
      : [step(act(verbs.guestResize, { guest: ref, disk: key, size: disk.size }), { expect: { exists: true }, timeoutMs: longMs })],
  );

/** Once the guest is there and as it should be: snapshots, template, HA, start. */
function lastSteps(spec: GuestKindSpec, { ref, step }: GuestSteps): PlannedStep[] {
  const found: PlannedStep[] = [];
  for (const [name, snapshot] of byKey(spec.snapshots))
    if (snapshot !== null)
      found.push(step(act(verbs.guestSnapshot, { guest: ref, name, ...snapshot }), { expect: { exists: true }, timeoutMs: longMs }));
  if (spec.template === true)
    found.push(step(act(verbs.guestTemplate, { guest: ref }), { expect: { exists: true }, goal: { template: true } }));
  if (spec.ha !== undefined && spec.ha !== null)
    found.push(
      step(act(verbs.guestHa, { guest: ref, ha: spec.ha }), { expect: { exists: true }, goal: haGoal({ state: "started", ...spec.ha }) }),
    );
  if (spec.power === "running")
    found.push(step(act(verbs.guestPower, { guest: ref, to: "running" }), { expect: { exists: true }, goal: { status: "running" } }));
  return found;
}

/** What the HA manager has to hold of a guest. */
export const haGoal = (ha: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(ha).map(([key, value]) => [`ha.${key}`, value]));
