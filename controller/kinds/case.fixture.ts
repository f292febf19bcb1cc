import { createHash } from "node:crypto";
import { parse } from "yaml";
import type { HostView, KindContext, Placed, PlannedStep, Text } from "../core/model.ts";
import type { GuestFact } from "../../schemas/verbs/proxmox/guest.ts";
import type { InstanceKind, Outcome } from "./define.ts";
import { guestAfter } from "./guest/after.fixture.ts";
import { type ClusterCase, clusterOf } from "./guest/cluster.fixture.ts";

/** A case of a kind, as its `cases/*.yaml` have it: what is wanted, what the agent found, what has to follow. */
export interface KindCase {
  readonly case: string;
  /** The resource's name; `web` where it is not given. */
  readonly name?: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly fact: Readonly<Record<string, unknown>>;
  readonly host?: Partial<HostView>;
  /** What is otherwise than in the cluster of guest/cluster.fixture.ts; only for kinds that stand on clusters. */
  readonly cluster?: ClusterCase;
  /** Where a guest that is not there yet would be made. */
  readonly place?: Placed;
  /** Specs of other resources of the same kind that this one names. */
  readonly others?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Fields in which something is left to do once the steps are done; none where it is not given. */
  readonly then?: readonly string[];
  readonly now?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly expected: Readonly<Record<string, unknown>>;
}

export const readCases = (text: string): KindCase[] => parse(text) as KindCase[];

/** The context that a case describes; secrets are sealed by a plain digest. */
export function contextOf(kind: InstanceKind, { host, now, files = {}, secrets = {}, cluster, place }: KindCase): KindContext {
  const seal = (text: Text): string | undefined => {
    const pieces =
      typeof text === "string" ? [text] : text.join.map((piece) => (typeof piece === "string" ? piece : secrets[piece.secretRef]));
    if (pieces.includes(undefined)) return undefined;
    return `seal-${createHash("sha256").update(pieces.join("")).digest("hex").slice(0, 8)}`;
  };
  const view: HostView = {
    name: "web-01",
    online: true,
    aliases: [],
    tags: [],
    labels: {},
    clockOffset: 0,
    ...(kind.stands === "clusters" ? { cluster: clusterOf(cluster) } : {}),
    ...host,
  };
  return {
    host: view,
    file: (path) => files[path],
    seal,
    unitOf: (unit) => unit,
    place: () => place,
    ...(now === undefined ? {} : { now: Date.parse(now) }),
  };
}

/** The spec as the loader completes and links it. Throws where the schema does not allow it. */
export function specOf(
  kind: InstanceKind,
  { spec, name = "web", others = {} }: Omit<KindCase, "case" | "fact" | "expected">,
): Record<string, unknown> {
  const whole = kind.stands === "hosts" ? { on: "tag=web", ...spec } : spec;
  if (!kind.validate(whole)) throw new Error(JSON.stringify(kind.validate.errors));
  return kind.link(kind.complete(whole, name), (id) =>
    others[id] === undefined ? undefined : kind.complete(others[id], id.replace(/^.*\//, "")),
  );
}

/** What a kind makes of a case, in the form that the YAML has: only what says something. */
export function outcomeOf(kind: InstanceKind, of: KindCase): Record<string, unknown> {
  const context = contextOf(kind, of),
    spec = specOf(kind, of),
    outcome = kind.evaluate(spec, of.fact, context),
    ask = kind.observe(spec, context).input,
    health = kind.health(spec);
  return plain({
    ask: kind.stands === "hosts" ? ask : guestAsk(ask),
    ...told(outcome),
    ...(outcome.is === "differs" ? { revert: kind.revert(spec, of.fact, outcome.evaluation.differences) ?? "impossible" } : {}),
    health: health.length === 0 ? undefined : health,
  });
}

/** What is asked beside which guest it is, which the case says itself. */
function guestAsk(ask: unknown): Record<string, unknown> | undefined {
  const { resource: _, type: __, id: ___, name: ____, ...more } = ask as Record<string, unknown>;
  return Object.keys(more).length === 0 ? undefined : more;
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
  input: shownInput(input),
  expect: expect?.fields,
  goal: goal?.fields,
  changed: goal?.changed,
  undo: undo === null ? null : { action: undo.action, input: shownInput(undo.input) },
});

/** Steps of a guest name it as their ask does: that is not repeated. */
function shownInput(input: unknown): unknown {
  const { guest, ...more } = input as Record<string, unknown>;
  return guest === undefined ? input : more;
}

/** Without members that are undefined, at any depth. */
const plain = (value: unknown): Record<string, unknown> => JSON.parse(JSON.stringify(value)) as Record<string, unknown>;

/** What fields become that only have to be another than before. */
const moved: Readonly<Record<string, unknown>> = { invocation: "after", active: "failed", broken: false };

/** The fact as it is once every step reached its goal; a new start and an upgrade happen after every wanted moment. */
export function factAfter(fact: KindCase["fact"], steps: readonly PlannedStep[]): Readonly<Record<string, unknown>> {
  if (steps.some(({ action }) => action.startsWith("guest."))) return { ...guestAfter(fact as unknown as GuestFact, steps) };
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
