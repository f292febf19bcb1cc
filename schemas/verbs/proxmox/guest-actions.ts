import Type, { type Static } from "typebox";
import { defineAction } from "../../contract.ts";
import { SecretRef } from "../../manifest.ts";
import { GuestId, GuestName, GuestRef, NodeName, SnapshotName, StorageName, VolumeId } from "./guest.ts";

/** Which guest; every action resolves it anew, for guests move. */
const guest = { guest: GuestRef };
const strict = { additionalProperties: false };

/** A key of a guest's configuration, such as memory, net0, rootfs. */
export const ConfigKey = Type.String({ pattern: "^[a-z][a-z0-9_-]{0,39}$" });
const Properties = Type.Record(Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$" }), Type.String({ maxLength: 4096 }), {
  additionalProperties: false,
  maxProperties: 64,
});
const byKey = { additionalProperties: false, maxProperties: 128 };
/** Values by key: a text, the parts of a property string, or a secret, which is a reference until the hub sends the step. */
export const ConfigValues = Type.Record(
  Type.String({ pattern: "^[a-z][a-z0-9_-]{0,39}$" }),
  Type.Union([Type.String({ maxLength: 65_536 }), Properties, SecretRef]),
  byKey,
);
export type ConfigValues = Static<typeof ConfigValues>;
/** Parts to change within property strings, by key; the other parts stay. */
export const ConfigParts = Type.Record(Type.String({ pattern: "^[a-z][a-z0-9_-]{0,39}$" }), Properties, byKey);
export type ConfigParts = Static<typeof ConfigParts>;

/** Makes a guest from a container template, an image, an ISO or nothing; marked as ours before anything else is done with it. */
export const guestCreate = defineAction({
  name: "guest.create",
  input: Type.Object(
    {
      ...guest,
      node: NodeName,
      config: ConfigValues,
      pool: Type.Optional(Type.String({ maxLength: 200 })),
      /** Container template, `storage:vztmpl/…`. */
      template: Type.Optional(VolumeId),
    },
    strict,
  ),
  undo: "possible",
  consequence: "none",
  idempotent: false,
});

/** Clones a template or guest, and moves the clone where its storage does not let it be made on the wanted node. */
export const guestClone = defineAction({
  name: "guest.clone",
  input: Type.Object(
    {
      ...guest,
      from: Type.Union([GuestId, GuestRef]),
      node: NodeName,
      full: Type.Optional(Type.Boolean({ description: "Its own copy of the disks; absent: linked where the source is a template" })),
      snapshot: Type.Optional(SnapshotName),
      storage: Type.Optional(StorageName),
      pool: Type.Optional(Type.String({ maxLength: 200 })),
    },
    strict,
  ),
  undo: "possible",
  consequence: "none",
  idempotent: false,
});

/** Makes a guest from a backup. */
export const guestRestore = defineAction({
  name: "guest.restore",
  input: Type.Object(
    {
      ...guest,
      node: NodeName,
      backup: VolumeId,
      storage: Type.Optional(StorageName),
      unique: Type.Optional(Type.Boolean()),
      pool: Type.Optional(Type.String({ maxLength: 200 })),
      config: Type.Optional(ConfigValues),
    },
    strict,
  ),
  undo: "possible",
  consequence: "none",
  idempotent: false,
});

/** Sets, changes parts of, and removes values of the configuration under the digest that was read; what cannot be changed at run time becomes pending. `description` leaves our marker where it is. */
export const guestSet = defineAction({
  name: "guest.set",
  input: Type.Object(
    {
      ...guest,
      set: Type.Optional(ConfigValues),
      merge: Type.Optional(ConfigParts),
      remove: Type.Optional(Type.Array(ConfigKey, { maxItems: 64 })),
    },
    strict,
  ),
  undo: "trivial",
  consequence: "none",
  idempotent: true,
});

/** Grows a disk to a size in bytes. */
export const guestResize = defineAction({
  name: "guest.resize",
  input: Type.Object({ ...guest, disk: ConfigKey, size: Type.Integer({ minimum: 1 }) }, strict),
  undo: "impossible",
  consequence: "none",
  idempotent: true,
});

/** Moves a disk to another storage; `keep`: the old one stays as an unused disk. */
export const guestMoveDisk = defineAction({
  name: "guest.move-disk",
  input: Type.Object(
    {
      ...guest,
      disk: ConfigKey,
      storage: StorageName,
      keep: Type.Optional(Type.Boolean()),
      format: Type.Optional(Type.String({ pattern: "^(raw|qcow2|vmdk)$" })),
    },
    strict,
  ),
  undo: "possible",
  consequence: "none",
  idempotent: true,
});

/** Starts, or shuts down; `force`: stops it hard where it does not follow within `withinMs`. Guests under HA are started and stopped through HA. */
export const guestPower = defineAction({
  name: "guest.power",
  input: Type.Object(
    {
      ...guest,
      to: Type.Union([Type.Literal("running"), Type.Literal("stopped")]),
      force: Type.Optional(Type.Boolean()),
      withinMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: 3_600_000 })),
    },
    strict,
  ),
  undo: "trivial",
  consequence: "restart",
  idempotent: true,
});

/** Shuts the guest down and starts it again, so that pending values take effect. */
export const guestRestart = defineAction({
  name: "guest.restart",
  input: Type.Object(
    { ...guest, force: Type.Optional(Type.Boolean()), withinMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: 3_600_000 })) },
    strict,
  ),
  undo: "impossible",
  consequence: "restart",
  idempotent: false,
});

/** Moves a guest to another node: live where it runs and can, with a restart for containers, through HA where HA holds it. */
export const guestMigrate = defineAction({
  name: "guest.migrate",
  input: Type.Object(
    {
      ...guest,
      node: NodeName,
      online: Type.Optional(Type.Boolean()),
      localDisks: Type.Optional(Type.Boolean()),
      storage: Type.Optional(StorageName),
    },
    strict,
  ),
  undo: "possible",
  consequence: "restart",
  idempotent: true,
});

export const guestSnapshot = defineAction({
  name: "guest.snapshot",
  input: Type.Object(
    { ...guest, name: SnapshotName, description: Type.Optional(Type.String({ maxLength: 1024 })), ram: Type.Optional(Type.Boolean()) },
    strict,
  ),
  undo: "trivial",
  consequence: "none",
  idempotent: true,
});

export const guestSnapshotRemove = defineAction({
  name: "guest.snapshot-remove",
  input: Type.Object({ ...guest, name: SnapshotName }, strict),
  undo: "impossible",
  consequence: "data-loss",
  idempotent: true,
});

/** Takes a guest back to a snapshot: what was written since is lost. */
export const guestRollback = defineAction({
  name: "guest.rollback",
  input: Type.Object({ ...guest, name: SnapshotName, start: Type.Optional(Type.Boolean()) }, strict),
  undo: "impossible",
  consequence: "data-loss",
  idempotent: true,
});

/** Turns a stopped guest into a template; that cannot be taken back. */
export const guestTemplate = defineAction({
  name: "guest.template",
  input: Type.Object(guest, strict),
  undo: "impossible",
  consequence: "restart",
  idempotent: true,
});

/** Places a guest under HA, or takes it out (`ha: null`). */
export const guestHa = defineAction({
  name: "guest.ha",
  input: Type.Object(
    {
      ...guest,
      ha: Type.Union([
        Type.Object(
          {
            state: Type.Optional(
              Type.Union([Type.Literal("started"), Type.Literal("stopped"), Type.Literal("ignored"), Type.Literal("disabled")]),
            ),
            group: Type.Optional(Type.String({ maxLength: 100 })),
            maxRestart: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
            maxRelocate: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
            comment: Type.Optional(Type.String({ maxLength: 4096 })),
          },
          strict,
        ),
        Type.Null(),
      ]),
    },
    strict,
  ),
  undo: "trivial",
  consequence: "none",
  idempotent: true,
});

/** Puts a guest into a pool, or takes it out (`pool: null`). */
export const guestPool = defineAction({
  name: "guest.pool",
  input: Type.Object({ ...guest, pool: Type.Union([Type.String({ maxLength: 200 }), Type.Null()]) }, strict),
  undo: "trivial",
  consequence: "none",
  idempotent: true,
});

/** Removes a guest with its disks, after a shutdown; `id` and `name` have to be the guest's, so that no other is taken for it. */
export const guestDelete = defineAction({
  name: "guest.delete",
  input: Type.Object(
    {
      ...guest,
      id: GuestId,
      name: GuestName,
      purge: Type.Optional(Type.Boolean({ description: "Also from backup jobs, HA and replication" })),
    },
    strict,
  ),
  undo: "impossible",
  consequence: "data-loss",
  idempotent: true,
});

/** Makes a backup of a guest now. The same step sent again finds its task again: it makes no second one. */
export const guestBackup = defineAction({
  name: "guest.backup",
  input: Type.Object(
    {
      ...guest,
      storage: StorageName,
      mode: Type.Optional(Type.Union([Type.Literal("snapshot"), Type.Literal("suspend"), Type.Literal("stop")])),
      compress: Type.Optional(Type.Union([Type.Literal("zstd"), Type.Literal("gzip"), Type.Literal("lzo"), Type.Literal("none")])),
      protected: Type.Optional(Type.Boolean()),
      notes: Type.Optional(Type.String({ maxLength: 1024 })),
    },
    strict,
  ),
  undo: "possible",
  consequence: "none",
  idempotent: true,
});
