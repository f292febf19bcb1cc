import Type, { type Static } from "typebox";
import { common, Duration, Time } from "../../../schemas/manifest.ts";

const described = <T>(schema: object, description: string) => Type.Unsafe<T>({ ...schema, description });
const words = <const W extends readonly string[]>(of: W, description: string) =>
  Type.Union(
    of.map((word) => Type.Literal(word as W[number])),
    { description },
  );
const Count = (description: string) => Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000, description }));

const Approval = Type.Object(
  {
    from: words(["low", "medium", "high", "critical", "never"], "Changes of this risk and above wait for a person; never: none does"),
    by: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: "The role or person who has to approve" })),
    notRequester: Type.Optional(Type.Boolean({ description: "Who asked for the change may not approve it" })),
  },
  { additionalProperties: false, description: "Which changes wait for approval, and whose" },
);

const Window = Type.Object(
  {
    cron: Type.String({
      minLength: 1,
      maxLength: 128,
      description: "When the window opens: minute hour day month weekday, such as 0 2 * * 6",
    }),
    duration: described<string>(Duration, "How long it stays open, such as 4h"),
    timezone: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: "Time zone such as Europe/Vienna; UTC where it is left out" }),
    ),
  },
  { additionalProperties: false },
);

const Freeze = Type.Object(
  {
    from: Type.Optional(described<string>(Time, "First moment; at once where it is left out")),
    until: Type.Optional(described<string>(Time, "Last moment; until the policy changes where it is left out")),
    reason: Type.Optional(Type.String({ maxLength: 512, description: "Shown with every change that waits" })),
  },
  { additionalProperties: false, description: "Nothing is changed in this time" },
);

const Limits = Type.Object(
  {
    maxDeletions: Count("How many things may be removed"),
    maxHosts: Count("How many hosts may be changed"),
    maxPercent: Type.Optional(
      Type.Number({ minimum: 0, maximum: 100, description: "How many of the policy's hosts may be changed, in per cent" }),
    ),
    within: Type.Optional(described<string>(Duration, "Over which time plans are added up; 24h where it is left out")),
  },
  { additionalProperties: false, description: "Blast radius: what plans may do together" },
);

const Drift = Type.Object(
  {
    mode: words(["alert", "correct", "ignore"], "alert says it, correct puts it back, ignore is silent"),
    until: Type.Optional(described<string>(Time, "The mode ends at this moment; afterwards drift is alerted")),
  },
  { additionalProperties: false, description: "What follows when a host moves away from the manifests" },
);

export const PolicySpec = Type.Object(
  {
    on: described<string>(common.on, "Selector: the hosts that the policy speaks about"),
    kinds: Type.Optional(
      Type.Array(Type.String({ pattern: "^[A-Z][A-Za-z]*$" }), {
        minItems: 1,
        maxItems: 32,
        uniqueItems: true,
        description: "Only resources of these kinds; all where it is left out",
      }),
    ),
    approval: Type.Optional(Approval),
    windows: Type.Optional(
      Type.Array(Window, { minItems: 1, maxItems: 32, description: "Maintenance windows: changes run only in one of them" }),
    ),
    freeze: Type.Optional(Freeze),
    limits: Type.Optional(Limits),
    protected: Type.Optional(Type.Boolean({ description: "Every change is critical" })),
    prune: Type.Optional(Type.Boolean({ description: "What we made and no manifest names any more is removed" })),
    drift: Type.Optional(Drift),
  },
  { additionalProperties: false },
);
export type PolicySpec = Static<typeof PolicySpec>;
