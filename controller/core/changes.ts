import { durationMs } from "../../schemas/manifest.ts";
import { instanceId, splitInstance } from "../../schemas/ids.ts";
import type { Change, Step } from "../../schemas/plan.ts";
import type { Evaluation, InstanceKind, KindTable } from "../kinds/define.ts";
import type { Instance, PlannedStep, Trigger } from "./model.ts";
import type { Desired } from "./select.ts";

/** A change before its risk and its place are known. */
export type Draft = Omit<Change, "risk" | "reasons">;

/** Gives a kind's steps their ids; `$step` in an inverse stands for the id of its step. */
export function placeSteps(id: string, host: string, planned: readonly PlannedStep[], from = 0): Step[] {
  return planned.map((step, index) => {
    const stepId = `${id}#${from + index + 1}`;
    return {
      id: stepId,
      host,
      action: step.action,
      input: step.input,
      ...(step.expect === undefined ? {} : { expect: step.expect }),
      ...(step.goal === undefined ? {} : { goal: step.goal }),
      undo: step.undo === null ? null : { action: step.undo.action, input: named(step.undo.input, stepId) },
      timeoutMs: step.timeoutMs,
      ...(step.validator === undefined ? {} : { validator: step.validator }),
    };
  });
}

function named(input: unknown, step: string): unknown {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return input;
  return Object.fromEntries(Object.entries(input).map(([key, value]) => [key, value === "$step" ? step : value]));
}

/** The change of one instance that differs, without what follows from others. */
export function draft(instance: Instance, evaluation: Evaluation, kind: InstanceKind, cause: Change["cause"]): Draft {
  const spec = instance.resource.resource.spec;
  const rollout = kind.rollout(spec);
  return {
    id: instance.id,
    resource: instance.resource.id,
    host: instance.host,
    act: evaluation.act,
    summary: evaluation.summary,
    cause,
    differences: evaluation.differences,
    consequence: evaluation.consequence,
    undo: evaluation.undo,
    needs: [],
    after: [],
    steps: placeSteps(instance.id, instance.host, checked(evaluation.steps, kind.validator(spec))),
    health: evaluation.consequence === "none" && evaluation.act !== "start" ? [] : kind.health(spec),
    onFailure: rollout?.onFailure ?? "halt",
    group: instance.id,
  };
}

/** Steps that put new content in place carry the name of the check it has to pass. */
const checked = (steps: readonly PlannedStep[], validator: string | undefined): readonly PlannedStep[] =>
  validator === undefined ? steps : steps.map((step) => ({ ...step, validator }));

const triggerTimeoutMs = 120_000;

/** What a trigger needs to know of the service behind its unit. */
interface Target {
  readonly id: string;
  readonly instance?: Instance | undefined;
  readonly kind?: InstanceKind | undefined;
}

function targetOf(unit: string, host: string, desired: Desired, kinds: KindTable): Target {
  for (const instance of desired.byHost.get(host) ?? []) {
    const kind = kinds.get(instance.resource.kind);
    if (kind?.scope !== "hosts" || !kind.claims(instance.resource.resource.spec).includes(`unit:${unit}`)) continue;
    return { id: instance.id, instance, kind };
  }
  const name = unit
    .replace(/\.[a-z]+$/, "")
    .replace(/[^a-z0-9-]+/gi, "-")
    .toLowerCase();
  return { id: instanceId(`Unit/${name}`, host) };
}

/**
 * Joins what has to be loaded again: however many files of a host changed, each unit is reloaded or restarted once, after all of them,
 * by the change of its own service where there is one. The files and that change form one group: they succeed or go back together.
 */
export function joinTriggers(
  drafts: Map<string, Draft>,
  triggers: readonly { readonly from: string; readonly host: string; readonly trigger: Trigger }[],
  desired: Desired,
  kinds: KindTable,
): void {
  const wanted = new Map<string, { host: string; unit: string; how: Trigger["how"]; from: string[] }>();
  for (const { from, host, trigger } of triggers) {
    const key = `${host} ${trigger.unit}`;
    const entry = wanted.get(key) ?? { host, unit: trigger.unit, how: "reload", from: [] };
    if (trigger.how === "restart") entry.how = "restart";
    entry.from.push(from);
    wanted.set(key, entry);
  }
  for (const key of [...wanted.keys()].sort()) {
    const want = wanted.get(key);
    if (want !== undefined) joinOne(drafts, want, desired, kinds);
  }
}

function joinOne(
  drafts: Map<string, Draft>,
  want: { host: string; unit: string; how: Trigger["how"]; from: string[] },
  desired: Desired,
  kinds: KindTable,
): void {
  const target = targetOf(want.unit, want.host, desired, kinds);
  const files = want.from.filter((id) => drafts.has(id)).sort();
  const existing = drafts.get(target.id);
  const spec = target.instance?.resource.resource.spec;
  if (spec?.["state"] === "stopped" || spec?.["state"] === "absent" || existing?.act === "stop") return;
  const health = target.kind !== undefined && spec !== undefined ? target.kind.health(spec) : [];
  const restarts = existing !== undefined && (existing.act === "start" || existing.act === "restart");
  const action = `service.${want.how}`;
  const added: PlannedStep[] = restarts
    ? []
    : [{ action, input: { unit: want.unit }, undo: { action, input: { unit: want.unit } }, timeoutMs: triggerTimeoutMs }];
  const base: Draft = existing ?? {
    id: target.id,
    resource: splitInstance(target.id).resource,
    host: want.host,
    act: want.how,
    summary: `${want.how} ${want.unit}`,
    cause: "manifest",
    differences: [],
    consequence: want.how,
    undo: { how: "trivial", note: `${want.how} again` },
    needs: [],
    after: [],
    steps: [],
    health,
    onFailure: "rollback",
    group: target.id,
  };
  const causes = files.map((id) => drafts.get(id)?.cause);
  drafts.set(target.id, {
    ...base,
    cause: existing?.cause ?? (causes.length > 0 && causes.every((cause) => cause === "drift") ? "drift" : "manifest"),
    needs: [...new Set([...base.needs, ...files])],
    steps: [...base.steps, ...placeSteps(target.id, want.host, added, base.steps.length)],
    health: base.health.length > 0 ? base.health : health,
    onFailure: "rollback",
  });
  for (const id of files) {
    const file = drafts.get(id);
    if (file !== undefined) drafts.set(id, { ...file, group: target.id, onFailure: "rollback" });
  }
}

/** A rollout's pause in milliseconds; 0 where none is asked for. */
export const pauseMs = (pause: string | undefined): number => (pause === undefined ? 0 : durationMs(pause));
