import Type, { type Static } from "typebox";
import { common, Health, Rollout, Time } from "../../../schemas/manifest.ts";

const UnitName = Type.String({
  pattern: "^[\\w@.\\\\:-]+$",
  maxLength: 255,
  description: "Unit as systemctl writes it; .service where it has no ending, and the resource's name where it is left out",
});

const DropInText = Type.Union([Type.String({ maxLength: 65_536 }), Type.Null()], {
  description: "Text of the drop-in; null: it must not be there",
});

export const ServiceSpec = Type.Object(
  {
    ...common,
    unit: Type.Optional(UnitName),
    state: Type.Optional(
      Type.Union([Type.Literal("running"), Type.Literal("stopped"), Type.Literal("absent")], {
        description: "running, stopped, or absent: stopped, not started at boot, and without the drop-ins named here",
      }),
    ),
    enabled: Type.Optional(Type.Boolean({ description: "Whether it starts at boot" })),
    restartedAt: Type.Optional(
      Type.Unsafe<string>({ ...Time, description: "Restart it once, if it runs and started before this moment (RFC 3339)" }),
    ),
    dropIns: Type.Optional(
      Type.Record(Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$" }), DropInText, {
        additionalProperties: false,
        maxProperties: 32,
        description: "Overrides of the unit, by name: UNIT.d/NAME.conf; a change restarts a running unit",
      }),
    ),
    health: Type.Optional(Health),
    rollout: Type.Optional(Rollout),
  },
  { additionalProperties: false },
);
export type ServiceSpec = Static<typeof ServiceSpec>;

/** The unit of a completed spec. */
export function unitOf(spec: ServiceSpec): string {
  if (spec.unit === undefined) throw new TypeError("Service: a spec that was not completed reached the planner");
  return spec.unit;
}

/** The unit's name with its ending. */
export const fullUnit = (name: string): string => (/\.(service|socket|timer|mount|path|target)$/.test(name) ? name : `${name}.service`);

/** What the spec asks for, with `state: absent` spelt out; undefined: left alone. */
export interface ServiceGoal {
  readonly active: boolean | undefined;
  readonly enabled: boolean | undefined;
  readonly dropIns: Readonly<Record<string, string | null>>;
}

export function goalOf(spec: ServiceSpec): ServiceGoal {
  if (spec.state === "absent")
    return { active: false, enabled: false, dropIns: Object.fromEntries(Object.keys(spec.dropIns ?? {}).map((name) => [name, null])) };
  return { active: spec.state === undefined ? undefined : spec.state === "running", enabled: spec.enabled, dropIns: spec.dropIns ?? {} };
}
