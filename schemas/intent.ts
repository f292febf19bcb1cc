import Type, { type Static } from "typebox";
import { oneOf } from "./one-of.ts";

/** The typed meaning of a sentence, made by Claude or by the offline grammar. Code does the rest: selector -> hosts, steps -> manifest edits, plan, risk, approval. */

export const intentKinds = ["change", "query", "clarify", "refuse"] as const;
export const questionNames = [
  "list",
  "filter",
  "count",
  "status",
  "logs",
  "config",
  "metrics",
  "compare",
  "diagnose",
  "explain",
  "advise",
  "history",
] as const;
export type QuestionName = (typeof questionNames)[number];

export const refusalReasons = [
  "unknown_resource",
  "unknown_service",
  "unknown_version",
  "name_conflict",
  "invalid_name",
  "unsupported",
  "infeasible",
  "out_of_scope",
  "arbitrary_command",
  "destructive",
  "weakens_security",
  "secrets",
  "cannot_approve",
  "no_data",
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

export const comparisons = ["<", "<=", "=", "!=", ">=", ">"] as const;
export type Comparison = (typeof comparisons)[number];

/** A condition that stays one: the controller evaluates it when it applies. `of`: the host or `Kind/name` it speaks of, the step's own hosts where it is left out. Percent for cpu, mem and disk. */
export const IntentCondition = Type.Object(
  {
    metric: oneOf(["cpu", "mem", "disk", "load", "status"] as const),
    op: oneOf(comparisons),
    value: Type.Union([Type.Number(), Type.String({ maxLength: 63 })]),
    of: Type.Optional(Type.String({ maxLength: 253 })),
  },
  { additionalProperties: false },
);
export type IntentCondition = Static<typeof IntentCondition>;

/** One wish: an action of the table in controller/intent/words, and where. `after`: numbers of the steps (from 0) that come first. */
export const IntentStep = Type.Object(
  {
    action: Type.String({ maxLength: 64 }),
    selector: Type.String({ minLength: 1, maxLength: 4096 }),
    expectedCount: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
      description: "How many hosts the selector is meant to pick; null: not said",
    }),
    params: Type.Record(Type.String(), Type.Unknown()),
    condition: Type.Optional(IntentCondition),
    after: Type.Array(Type.Integer({ minimum: 0 }), { maxItems: 16 }),
  },
  { additionalProperties: false },
);
export type IntentStep = Static<typeof IntentStep>;

/** A question about hosts: what is asked, of which hosts, with what (service, metric, op, value, lines, level, path …). */
export const IntentQuery = Type.Object(
  {
    ask: oneOf(questionNames),
    selector: Type.String({ minLength: 1, maxLength: 4096 }),
    params: Type.Record(Type.String(), Type.Unknown()),
  },
  { additionalProperties: false },
);
export type IntentQuery = Static<typeof IntentQuery>;

/** One answer that a person can pick; `means` is what the phrase is then taken for: a selector or a unit. */
export const Candidate = Type.Object(
  { label: Type.String({ maxLength: 512 }), means: Type.String({ maxLength: 4096 }) },
  { additionalProperties: false },
);
export type Candidate = Static<typeof Candidate>;

/** One precise question. `phrase`: the words of the sentence that the answer explains; absent where any reply will do. */
export const IntentQuestion = Type.Object(
  {
    text: Type.String({ maxLength: 2000 }),
    candidates: Type.Array(Candidate, { maxItems: 20 }),
    phrase: Type.Optional(Type.String({ maxLength: 512 })),
  },
  { additionalProperties: false },
);
export type IntentQuestion = Static<typeof IntentQuestion>;

export const IntentRefusal = Type.Object(
  { reason: oneOf(refusalReasons), text: Type.String({ maxLength: 2000 }) },
  { additionalProperties: false },
);
export type IntentRefusal = Static<typeof IntentRefusal>;

export const Intent = Type.Object(
  {
    kind: oneOf(intentKinds),
    steps: Type.Array(IntentStep, { maxItems: 16 }),
    query: Type.Optional(IntentQuery),
    question: Type.Optional(IntentQuestion),
    refusal: Type.Optional(IntentRefusal),
    scopeQuote: Type.String({ maxLength: 1000, description: "The words of the sentence that say where" }),
    taint: Type.Array(Type.String({ maxLength: 512 }), {
      maxItems: 100,
      description: "Untrusted sources that were read before it was made",
    }),
    source: oneOf(["claude", "offline"] as const),
  },
  { additionalProperties: false },
);
export type Intent = Static<typeof Intent>;
