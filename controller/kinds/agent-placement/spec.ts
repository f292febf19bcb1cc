import Type, { type Static } from "typebox";
import { common, Duration, Rollout, Time } from "../../../schemas/manifest.ts";

export const AgentPlacementSpec = Type.Object(
  {
    ...common,
    version: Type.Optional(
      Type.String({
        pattern: "^(latest|(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})(-[0-9A-Za-z.-]{1,32})?)$",
        description: 'A version such as "0.2.0", or latest: the newest that the controller has; any version where it is left out',
      }),
    ),
    state: Type.Optional(
      Type.Union([Type.Literal("present"), Type.Literal("absent")], { description: "present where it is left out; absent: no agent" }),
    ),
    way: Type.Optional(
      Type.Union(
        [Type.Literal("auto"), Type.Literal("pct"), Type.Literal("guest-agent"), Type.Literal("ssh"), Type.Literal("cloud-init")],
        { description: "How an agent comes to where there is none; where there is one it updates itself" },
      ),
    ),
    relay: Type.Optional(
      Type.String({
        pattern: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description: "The host through which agents that cannot reach the controller are brought there",
      }),
    ),
    within: Type.Optional(
      Type.Unsafe<string>({
        ...Duration,
        description: "How long a new version may take to report in before the one before comes back, 10s to 1h; 2m where it is left out",
      }),
    ),
    retriedAt: Type.Optional(
      Type.Unsafe<string>({ ...Time, description: "Try a version again that was taken back before this moment (RFC 3339)" }),
    ),
    rollout: Type.Optional(Rollout),
  },
  { additionalProperties: false },
);
export type AgentPlacementSpec = Static<typeof AgentPlacementSpec>;
