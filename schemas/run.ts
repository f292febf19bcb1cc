import Type, { type Static } from "typebox";
import { Problem } from "./problem.ts";

/** What an agent did with a step. `refused`: what it found was not what the step expects; nothing was changed. */
export const StepOutcome = Type.Union([Type.Literal("done"), Type.Literal("failed"), Type.Literal("refused")]);
export type StepOutcome = Static<typeof StepOutcome>;

export const StepResult = Type.Object({
  outcome: StepOutcome,
  problem: Type.Optional(Problem),
  ms: Type.Number(),
  /** Whether the answer comes from the agent's memory: the step was not done again. */
  remembered: Type.Optional(Type.Boolean()),
  output: Type.Optional(Type.String({ description: "Last lines of the program, secrets masked, at most 8 KiB" })),
});
export type StepResult = Static<typeof StepResult>;

/** What happened in a run, in the order of the journal: a run is the fold of its events. Times are RFC 3339. */
export const RunEvent = Type.Union([
  /** `before`: the facts that the plan was made on, by instance, so that the run can be undone. */
  Type.Object({
    type: Type.Literal("started"),
    at: Type.String(),
    by: Type.String(),
    before: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  }),
  Type.Object({ type: Type.Literal("step-sent"), at: Type.String(), step: Type.String() }),
  Type.Object({ type: Type.Literal("step-result"), at: Type.String(), step: Type.String(), result: StepResult }),
  Type.Object({
    type: Type.Literal("validated"),
    at: Type.String(),
    host: Type.String(),
    steps: Type.Array(Type.String()),
    ok: Type.Boolean(),
    output: Type.String(),
  }),
  Type.Object({ type: Type.Literal("health"), at: Type.String(), change: Type.String(), ok: Type.Boolean(), detail: Type.String() }),
  Type.Object({ type: Type.Literal("undo-sent"), at: Type.String(), step: Type.String() }),
  Type.Object({ type: Type.Literal("undo-result"), at: Type.String(), step: Type.String(), result: StepResult }),
  /** A freeze began or a window closed: these changes, and what needs them, are left for another run. */
  Type.Object({ type: Type.Literal("held"), at: Type.String(), changes: Type.Array(Type.String()), reason: Type.String() }),
  Type.Object({ type: Type.Literal("cancelled"), at: Type.String(), by: Type.String() }),
  Type.Object({ type: Type.Literal("ended"), at: Type.String() }),
]);
export type RunEvent = Static<typeof RunEvent>;

export type StepState = "waiting" | "sent" | "done" | "failed" | "refused" | "skipped" | "undoing" | "undone" | "undo-failed";

/** waiting -> running -> checking (health) -> done | failed | rolled-back | skipped */
export type ChangeState = "waiting" | "running" | "checking" | "done" | "failed" | "rolling-back" | "rolled-back" | "skipped";

export type RunState = "running" | "succeeded" | "failed" | "rolled-back" | "partial" | "cancelled";

/** A run as the API shows it. */
export const RunView = Type.Object({
  id: Type.String(),
  digest: Type.String(),
  state: Type.String({ description: "running, succeeded, failed, rolled-back, partial (some steps refused or skipped), cancelled" }),
  startedAt: Type.String(),
  endedAt: Type.Optional(Type.String()),
  by: Type.String(),
  changes: Type.Array(
    Type.Object({
      id: Type.String(),
      summary: Type.String(),
      state: Type.String(),
      steps: Type.Array(
        Type.Object({
          id: Type.String(),
          action: Type.String(),
          host: Type.String(),
          state: Type.String(),
          ms: Type.Optional(Type.Number()),
          problem: Type.Optional(Problem),
        }),
      ),
      health: Type.Optional(Type.String()),
      held: Type.Optional(Type.String({ description: "Why it was left for another run: a freeze, or a window that closed" })),
    }),
  ),
});
export type RunView = Static<typeof RunView>;
