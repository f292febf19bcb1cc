import Type, { type Static } from "typebox";
import { defineProbe } from "../contract.ts";
import { Unit } from "./service.ts";

/** A check made from the host itself: an HTTP answer, an open TCP port, or a unit that stays up. */
export const HealthCheck = Type.Object(
  {
    http: Type.Optional(Type.String({ pattern: "^https?://", maxLength: 2048 })),
    expect: Type.Optional(Type.Integer({ minimum: 100, maximum: 599, description: "HTTP status; any 2xx where not given" })),
    contains: Type.Optional(Type.String({ maxLength: 1024, description: "Text that the HTTP body has to contain" })),
    tcp: Type.Optional(Type.String({ pattern: "^[^\\s:]*(:[^\\s]+)?:[0-9]{1,5}$", description: "HOST:PORT" })),
    unit: Type.Optional(Unit),
    withinMs: Type.Integer({ minimum: 100, maximum: 3_600_000 }),
  },
  { additionalProperties: false },
);
export type HealthCheck = Static<typeof HealthCheck>;

/** Repeats the check until it passes, and goes on passing for a second, or the time for its first pass is over; `unit` has to be active without a restart for 2 s. */
export const healthProbe = defineProbe({
  name: "health",
  input: HealthCheck,
  output: Type.Object({ ok: Type.Boolean(), detail: Type.String(), ms: Type.Number() }),
  watchable: false,
});
