import Type from "typebox";
import { Moment } from "../moment.ts";
import { defineProbe } from "../contract.ts";
import { Unit } from "./service.ts";

/** Lines of the system log, newest last; at most 1,000 lines and 256 KiB. Secrets are masked by the agent. */
export const journalProbe = defineProbe({
  name: "journal",
  input: Type.Object(
    {
      unit: Type.Optional(Unit),
      lines: Type.Integer({ minimum: 1, maximum: 1000 }),
      priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 7, description: "Syslog priority and graver" })),
      since: Type.Optional(Type.Number({ description: "Milliseconds since the epoch by the host's clock" })),
      match: Type.Optional(Type.String({ maxLength: 200, description: "Lines that contain this text" })),
    },
    { additionalProperties: false },
  ),
  output: Type.Object({
    entries: Type.Array(
      Type.Object({ at: Moment, unit: Type.Optional(Type.String()), priority: Type.Optional(Type.Integer()), text: Type.String() }),
    ),
    truncated: Type.Boolean(),
  }),
  watchable: false,
});
