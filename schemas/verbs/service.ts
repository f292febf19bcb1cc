import Type, { type Static } from "typebox";
import { defineAction, defineProbe } from "../contract.ts";
import { Moment } from "../moment.ts";

/** A unit name with its suffix, as systemd.unit(5) allows it; on OpenRC the suffix `.service` is dropped. */
export const Unit = Type.String({ pattern: "^[\\w@.\\\\:-]+\\.(service|socket|timer|mount|path|target)$", maxLength: 255 });

/** Name of a drop-in file below `UNIT.d/`, without the ending `.conf`. */
const DropInName = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$";

const ServiceInput = Type.Object(
  { unit: Unit, dropIns: Type.Optional(Type.Array(Type.String({ pattern: DropInName }), { maxItems: 32 })) },
  { additionalProperties: false },
);

/** A unit as the init system sees it now; times are milliseconds since the epoch by the host's clock. */
export const ServiceFact = Type.Object({
  unit: Type.String(),
  id: Type.Optional(Type.String({ description: "The unit's own name, where it was asked for by an alias" })),
  near: Type.Optional(Type.String({ description: "The unit with the nearest name that there is, where this one is not found" })),
  load: Type.String({ description: "loaded, not-found, masked, error …" }),
  active: Type.String({ description: "active, inactive, failed, activating, deactivating, reloading" }),
  sub: Type.Optional(Type.String()),
  enabled: Type.String({ description: "enabled, disabled, static, masked, indirect, generated …; empty where the unit is not found" }),
  since: Type.Optional(Type.Unsafe<number>({ ...Moment, description: "When it last became active" })),
  invocation: Type.Optional(Type.String({ description: "Changes with every start" })),
  mainPid: Type.Optional(Type.Number()),
  result: Type.Optional(Type.String({ description: "success, exit-code, signal, oom-kill, start-limit-hit …" })),
  changing: Type.Optional(Type.Boolean({ description: "A job is queued or the unit is between states" })),
  loads: Type.Optional(
    Type.String({ description: "Another text after each start, stop and reload; absent where the init system keeps no trace of reloads" }),
  ),
  reload: Type.Optional(Type.String({ description: "How the last reload since the start ended: success, exit-code …" })),
  due: Type.Optional(Type.Array(Type.String(), { description: "Drop-ins that we changed since the unit began to start" })),
  dropIns: Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()]), {
      description: "Texts of the drop-ins that were asked for; null: not there",
    }),
  ),
});
export type ServiceFact = Static<typeof ServiceFact>;

export const serviceProbe = defineProbe({ name: "service", input: ServiceInput, output: ServiceFact, watchable: true });

/** Sets what is given and leaves the rest: running or stopped, enabled or disabled, drop-ins (null removes). */
export const serviceSet = defineAction({
  name: "service.set",
  input: Type.Object(
    {
      unit: Unit,
      active: Type.Optional(Type.Boolean()),
      enabled: Type.Optional(Type.Boolean()),
      dropIns: Type.Optional(
        Type.Record(Type.String({ pattern: DropInName }), Type.Union([Type.String({ maxLength: 65536 }), Type.Null()]), {
          additionalProperties: false,
          maxProperties: 32,
        }),
      ),
    },
    { additionalProperties: false },
  ),
  undo: "trivial",
  consequence: "restart",
  idempotent: true,
});

export const serviceRestart = defineAction({
  name: "service.restart",
  input: Type.Object({ unit: Unit }, { additionalProperties: false }),
  undo: "impossible",
  consequence: "restart",
  idempotent: false,
});

/** Reloads a running unit; a unit that cannot reload is restarted; one that does not run is left alone. */
export const serviceReload = defineAction({
  name: "service.reload",
  input: Type.Object({ unit: Unit }, { additionalProperties: false }),
  undo: "trivial",
  consequence: "reload",
  idempotent: true,
});

/** Every unit of the host whose name matches a glob, for import and questions. */
export const servicesProbe = defineProbe({
  name: "services",
  input: Type.Object({ pattern: Type.Optional(Type.String({ maxLength: 255 })) }, { additionalProperties: false }),
  output: Type.Object({
    units: Type.Array(
      Type.Object({ unit: Type.String(), active: Type.String(), sub: Type.String(), enabled: Type.String(), description: Type.String() }),
    ),
    truncated: Type.Boolean(),
  }),
  watchable: false,
});
