import { createHash } from "node:crypto";
import { parse } from "yaml";
import type { HostView, KindContext, PlannedStep, Text } from "../core/model.ts";
import type { InstanceKind, Outcome } from "./define.ts";

/** A case of a kind, as its `cases/*.yaml` have it: what is wanted, what the agent found, what has to follow. */
export interface KindCase {
  readonly case: string;
  /** The resource's name; `web` where it is not given. */
  readonly name?: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly fact: Readonly<Record<string, unknown>>;
  readonly host?: Partial<HostView>;
  readonly now?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly expected: Readonly<Record<string, unknown>>;
}

export const readCases = (text: string): KindCase[] => parse(text) as KindCase[];

/** The context that a case describes; secrets are sealed by a plain digest. */
export function contextOf({ host, now, files = {}, secrets = {} }: KindCase): KindContext {
  const seal = (text: Text): string | undefined => {
    const pieces =
      typeof text === "string" ? [text] : text.join.map((piece) => (typeof piece === "string" ? piece : secrets[piece.secretRef]));
    if (pieces.includes(undefined)) return undefined;
    return `seal-${createHash("sha256").update(pieces.join("")).digest("hex").slice(0, 8)}`;
  };
  const view: HostView = { name: "web-01", online: true, aliases: [], tags: [], labels: {}, clockOffset: 0, ...host };
  return { host: view, file: (path) => files[path], seal, unitOf: (unit) => unit, ...(now === undefined ? {} : { now: Date.parse(now) }) };
}

/** The spec as the loader completes it. Throws where the schema does not allow it. */
export function specOf(kind: InstanceKind, { spec, name = "web" }: KindCase): Record<string, unknown> {
  const whole = { on: "tag=web", ...spec };
  if (!kind.validate(whole)) throw new Error(JSON.stringify(kind.validate.errors));
  return kind.complete(whole, name);
}

/** What a kind makes of a case, in the form that the YAML has: only what says something. */
export function outcomeOf(kind: InstanceKind, of: KindCase): Record<string, unknown> {
  const context = contextOf(of),
    spec = specOf(kind, of),
    outcome = kind.evaluate(spec, of.fact, context);
  const health = kind.health(spec);
  return plain({
    ask: kind.observe(spec, context).input,
    ...told(outcome),
    ...(outcome.is === "differs" ? { revert: kind.revert(spec, of.fact, outcome.evaluation.differences) ?? "impossible" } : {}),
    health: health.length === 0 ? undefined : health,
  });
}

function told(outcome: Outcome): Record<string, unknown> {
  if (outcome.is === "in-sync") return { is: outcome.is };
  if (outcome.is !== "differs")
    return { is: outcome.is, reason: outcome.reason, hint: outcome.is === "blocked" ? outcome.hint : undefined };
  const { summary, act, consequence, undo, differences, steps, triggers } = outcome.evaluation;
  return {
    is: outcome.is,
    summary,
    act,
    consequence,
    undo,
    differences,
    steps: steps.map(stepOf),
    triggers: triggers.length === 0 ? undefined : triggers,
  };
}

const stepOf = ({ action, input, expect, goal, undo }: PlannedStep): Record<string, unknown> => ({
  action,
  input,
  expect: expect?.fields,
  goal: goal?.fields,
  changed: goal?.changed,
  undo,
});

/** Without members that are undefined, at any depth. */
const plain = (value: unknown): Record<string, unknown> => JSON.parse(JSON.stringify(value)) as Record<string, unknown>;

/** What fields become that only have to be another than before. */
const moved: Readonly<Record<string, unknown>> = { invocation: "after", active: "failed", broken: false };

/** The fact as it is once every step reached its goal; a new start and an upgrade happen after every wanted moment. */
export function factAfter(fact: KindCase["fact"], steps: readonly PlannedStep[]): Record<string, unknown> {
  const after: Record<string, unknown> = { ...fact };
  delete after["due"];
  for (const { goal } of steps) {
    Object.assign(after, goal?.fields);
    if (goal?.fields?.["sha256"] !== undefined) delete after["text"];
    for (const field of goal?.changed ?? []) after[field] = moved[field] ?? 2e14;
    if (goal?.changed?.includes("invocation") === true) after["since"] = 1e14;
  }
  return after;
}
