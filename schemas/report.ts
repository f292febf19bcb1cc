import Type, { type Static } from "typebox";
import { Moment } from "./moment.ts";
import { Problem } from "./problem.ts";

export const Ask = Type.Object({ probe: Type.String({ maxLength: 64 }), input: Type.Unknown() });

/** One answer of a probe: the value, or why there is none. `at`: milliseconds since the epoch by the host's clock. */
export const FactReport = Type.Object({
  ask: Ask,
  at: Moment,
  value: Type.Optional(Type.Unknown()),
  problem: Type.Optional(Problem),
  /** Who or what changed it, where the host can tell. */
  by: Type.Optional(Type.Object({ who: Type.String(), how: Type.String() })),
  /** The step of ours after which it was read, so that our own writes are not taken for drift. */
  step: Type.Optional(Type.String()),
});
export type FactReport = Static<typeof FactReport>;

/** Something that happened on a host and is not a fact: a job failed, a package was removed by somebody, the spool overflowed. */
export const HostEvent = Type.Object({
  at: Moment,
  type: Type.String({ maxLength: 64 }),
  subject: Type.String({ maxLength: 1024 }),
  text: Type.String({ maxLength: 4096 }),
});
export type HostEvent = Static<typeof HostEvent>;
