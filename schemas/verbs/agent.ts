import Type, { type Static } from "typebox";
import { defineAction, defineProbe } from "../contract.ts";
import { Moment } from "../moment.ts";
import { AgentRelease, AgentVersion } from "../release.ts";

/** What an agent says of itself. Times are milliseconds since the epoch by the host's clock. */
export const AgentFact = Type.Object({
  version: Type.String({ description: "The version that runs" }),
  variant: Type.String({ description: "The release that it is: agent-linux-x64, agent-linux-arm64-musl, agent.cjs …" }),
  os: Type.String(),
  arch: Type.String(),
  libc: Type.String(),
  state: Type.Union([Type.Literal("steady"), Type.Literal("trial")], {
    description: "trial: a new version has been put beside the old one, and has not reported in yet",
  }),
  updatable: Type.Boolean({ description: "Whether it can be replaced by agent.update; else the install command has to be run once more" }),
  previous: Type.Optional(Type.String({ description: "The version before, still on the host" })),
  pending: Type.Optional(Type.String({ description: "The version on trial" })),
  failed: Type.Optional(
    Type.Object(
      { version: Type.String(), sha256: Type.String(), reason: Type.String(), at: Moment },
      { description: "The last version that was tried and taken back" },
    ),
  ),
  changing: Type.Optional(Type.Boolean({ description: "A version is on trial" })),
});
export type AgentFact = Static<typeof AgentFact>;

export const agentProbe = defineProbe({
  name: "agent",
  input: Type.Object({}, { additionalProperties: false }),
  output: AgentFact,
  watchable: true,
});

/** Fetches a release from the controller, checks it, and tries it; where it does not report in within so many seconds the one before comes back by itself. */
export const agentUpdate = defineAction({
  name: "agent.update",
  input: Type.Object(
    {
      ...AgentRelease.properties,
      version: AgentVersion,
      withinSeconds: Type.Integer({ minimum: 10, maximum: 3600 }),
    },
    { additionalProperties: false },
  ),
  undo: "possible",
  consequence: "restart",
  idempotent: true,
});
