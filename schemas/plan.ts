import Type, { type Static } from "typebox";
import { consequences } from "./contract.ts";
import { oneOf } from "./one-of.ts";
import { Problem } from "./problem.ts";
import { Ask } from "./report.ts";
import { HealthCheck } from "./verbs/health.ts";

export const Consequence = oneOf(consequences);
export const risks = ["low", "medium", "high", "critical"] as const;
export const Risk = oneOf(risks);
export type Risk = (typeof risks)[number];

/** One field: wanted, observed. `note` says why, where the two do not. */
export const Difference = Type.Object({
  path: Type.String(),
  want: Type.Optional(Type.Unknown()),
  have: Type.Optional(Type.Unknown()),
  /** A unified diff of texts, in place of want and have. */
  diff: Type.Optional(Type.String()),
  note: Type.Optional(Type.String()),
});
export type Difference = Static<typeof Difference>;

/** Fields of a fact, by name, or by a path such as `config.net0`. `fields` have to be equal; `changed` have to differ from what was read before the step. */
export const Expectation = Type.Object({
  ask: Ask,
  fields: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  changed: Type.Optional(Type.Array(Type.String())),
});
export type Expectation = Static<typeof Expectation>;

export const UndoStep = Type.Object({ action: Type.String(), input: Type.Unknown() });

/** One action on one host: input, what it expects to find, what has to hold afterwards, its inverse. */
export const Step = Type.Object({
  id: Type.String({ description: "Kind/name@host#n, unique in the plan" }),
  host: Type.String(),
  action: Type.String(),
  input: Type.Unknown({ description: "May hold { secretRef } in place of a text; the hub puts the value in when it sends the step" }),
  expect: Type.Optional(Expectation),
  goal: Type.Optional(Expectation),
  undo: Type.Union([UndoStep, Type.Null()]),
  timeoutMs: Type.Integer(),
  validator: Type.Optional(
    Type.String({
      description: "Named check that the file has to pass, with all other files of the run laid over, before the step is sent",
    }),
  ),
});
export type Step = Static<typeof Step>;

export const acts = ["create", "update", "delete", "start", "stop", "restart", "reload", "upgrade"] as const;
export type ChangeAct = (typeof acts)[number];
export const ChangeAct = oneOf(acts);

/** All differences of one instance, with steps, consequence and risk. */
export const Change = Type.Object({
  id: Type.String({ description: "Kind/name@host" }),
  resource: Type.String(),
  host: Type.String(),
  act: ChangeAct,
  summary: Type.String(),
  cause: Type.Union([Type.Literal("manifest"), Type.Literal("drift"), Type.Literal("orphan")]),
  differences: Type.Array(Difference),
  consequence: Consequence,
  risk: Risk,
  reasons: Type.Array(Type.String()),
  tainted: Type.Optional(
    Type.Literal(true, {
      description: "Asked for in a conversation that had read logs or files of hosts: at least high, and a person has to say yes",
    }),
  ),
  undo: Type.Object({
    how: Type.Union([Type.Literal("trivial"), Type.Literal("possible"), Type.Literal("impossible")]),
    note: Type.String(),
  }),
  needs: Type.Array(Type.String(), { description: "Ids of changes that have to be done, and healthy, before" }),
  after: Type.Array(Type.String(), { description: "Ids of changes that go first, whatever becomes of them" }),
  steps: Type.Array(Step),
  /** Checks that have to pass after the steps; a failure halts or rolls back. */
  health: Type.Array(HealthCheck),
  onFailure: Type.Union([Type.Literal("halt"), Type.Literal("rollback")]),
  /** Changes that are taken back together when one fails: a file, and the reload of the service that reads it. */
  group: Type.String(),
  rollout: Type.Optional(
    Type.Object({ resource: Type.String(), batch: Type.Integer(), maxUnavailable: Type.Integer(), pauseMs: Type.Integer() }),
  ),
});
export type Change = Static<typeof Change>;

/** An instance for which no plan can be made, and why. */
export const Remark = Type.Object({ id: Type.String(), reason: Type.String(), hint: Type.Optional(Type.String()) });
export type Remark = Static<typeof Remark>;

export const Approval = Type.Object({
  needed: Type.Boolean(),
  by: Type.Optional(Type.String({ description: "The role or person a policy asks for" })),
  notRequester: Type.Optional(Type.Boolean()),
  reasons: Type.Array(Type.String()),
});

/** Changes in order with their basis: complete, inert data. */
export const Plan = Type.Object({
  digest: Type.String(),
  commit: Type.String({ description: "Empty for a preview of uncommitted text" }),
  tree: Type.String({ description: "Git tree that the manifests were read from" }),
  madeAt: Type.String(),
  basis: Type.Object({
    facts: Type.Record(Type.String(), Type.String(), { description: "host ask-key -> digest of the fact that was read" }),
  }),
  changes: Type.Array(Change, { description: "In an order that respects needs" }),
  later: Type.Array(Change),
  unknown: Type.Array(Remark),
  orphaned: Type.Array(Remark),
  blocked: Type.Array(Remark),
  problems: Type.Array(Problem),
  risk: Type.Union([Risk, Type.Null()], { description: "null: nothing to do" }),
  approval: Approval,
  inSync: Type.Integer({ description: "Instances that need nothing" }),
});
export type Plan = Static<typeof Plan>;
