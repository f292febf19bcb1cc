import Type, { type Static } from "typebox";
import { defineProbe } from "../../contract.ts";
import { ResourceId } from "../../ids.ts";
import { Moment } from "../../moment.ts";
import { oneOf } from "../../one-of.ts";

export const guestTypes = ["vm", "container"] as const;
export const GuestType = oneOf(guestTypes);
export type GuestType = (typeof guestTypes)[number];

/** A guest's number in its cluster; Proxmox VE allows 100 to 999 999 999. */
export const GuestId = Type.Integer({ minimum: 100, maximum: 999_999_999 });
/** A node, as pve-node has it. */
export const NodeName = Type.String({ pattern: "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$", maxLength: 63 });
/** A storage, as pve-storage-id has it. */
export const StorageName = Type.String({ pattern: "^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]$", maxLength: 100 });
/** A volume: `storage:path`, as Proxmox VE names templates, images, disks and backups. */
export const VolumeId = Type.String({ pattern: "^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]:[^\\s,]+$", maxLength: 512 });
/** A guest's name, as dns-name has it. */
export const GuestName = Type.String({
  pattern: "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$",
  maxLength: 253,
});
export const SnapshotName = Type.String({ pattern: "^[A-Za-z][A-Za-z0-9_-]{1,39}$" });

/** How a resource names its guest. It is looked for by `id`, then by what the agent remembers, then by our marker in the description, then by type and name. */
export const GuestRef = Type.Object(
  { resource: ResourceId, type: GuestType, id: Type.Optional(GuestId), name: GuestName },
  { additionalProperties: false },
);
export type GuestRef = Static<typeof GuestRef>;

export const guestStates = ["running", "stopped", "paused", "suspended", "unknown"] as const;

/** A value of a guest's configuration: a text, or the parts of a property string by key (`net0: { model: virtio, macaddr: BC:…, bridge: vmbr0 }`). */
export const ConfigValue = Type.Union([Type.String(), Type.Record(Type.String(), Type.String())]);
/** A configuration by Proxmox's own keys: no digest, no description (see `description`), tags sorted, truth as 1 and 0. */
export const GuestConfig = Type.Record(Type.String(), ConfigValue);
export type GuestConfig = Static<typeof GuestConfig>;

/** A snapshot of a guest; `ram`: the memory of a running VM is part of it. */
export const Snapshot = Type.Object({
  name: Type.String(),
  at: Type.Optional(Moment),
  parent: Type.Optional(Type.String()),
  description: Type.Optional(Type.String()),
  ram: Type.Optional(Type.Boolean()),
});
export type Snapshot = Static<typeof Snapshot>;

/** A guest as its cluster knows it now. Where `exists` is false the rest tells what a creation has to know. */
export const GuestFact = Type.Object({
  exists: Type.Boolean(),
  type: GuestType,
  id: Type.Optional(Type.Integer()),
  name: Type.Optional(Type.String()),
  node: Type.Optional(Type.String()),
  status: Type.Optional(oneOf(guestStates)),
  template: Type.Optional(Type.Boolean()),
  lock: Type.Optional(Type.String({ description: "backup, clone, create, migrate, rollback, snapshot …" })),
  startedAt: Type.Optional(Type.Unsafe<number>({ ...Moment, description: "When it last started, to within some seconds" })),
  /** What is in force, by Proxmox's own keys, normalised. Secrets read as the API masks them. */
  config: Type.Optional(GuestConfig),
  /** The same as the next start will have it: with what is pending. */
  next: Type.Optional(GuestConfig),
  snapshots: Type.Optional(Type.Array(Snapshot)),
  rolledBackAt: Type.Optional(Type.Unsafe<number>({ ...Moment, description: "When we last took it back to a snapshot" })),
  pool: Type.Optional(Type.String()),
  ha: Type.Optional(
    Type.Object({
      state: Type.String({ description: "As asked for: started, stopped, ignored, disabled" }),
      now: Type.Optional(Type.String({ description: "What the HA manager is at: started, migrate, fence, error …" })),
      group: Type.Optional(Type.String()),
      maxRestart: Type.Optional(Type.Integer()),
      maxRelocate: Type.Optional(Type.Integer()),
      comment: Type.Optional(Type.String()),
    }),
  ),
  description: Type.Optional(Type.String({ description: "Without our marker" })),
  /** The resource that our marker in the description names: we made the guest for it. */
  owner: Type.Optional(Type.String()),
  guestAgent: Type.Optional(oneOf(["off", "silent", "running"] as const)),
  addresses: Type.Optional(
    Type.Array(Type.String(), { description: "As the guest agent or the container says, sorted, without loopback and link-local" }),
  ),
  /** Other guests of this type and name; then it is not clear which one is meant. */
  sameName: Type.Optional(Type.Array(Type.Integer())),
  /** Who has the wanted id: a guest of another type or name. */
  taken: Type.Optional(Type.Object({ type: GuestType, name: Type.String(), node: Type.String() })),
  /** Volumes that the ask named, whether they are there. */
  volumes: Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.Object({ size: Type.Integer(), format: Type.Optional(Type.String()) }), Type.Null()])),
  ),
  /** The guest that a clone is to be made of, where the ask named one: its configuration as its next start has it; null: there is none. */
  origin: Type.Optional(
    Type.Union([
      Type.Object({
        id: Type.Integer(),
        type: GuestType,
        name: Type.String(),
        node: Type.String(),
        template: Type.Optional(Type.Boolean()),
        config: GuestConfig,
      }),
      Type.Null(),
    ]),
  ),
  /** Why it is between two states: a lock or a running task, with who and what. */
  changing: Type.Optional(Type.Boolean()),
  task: Type.Optional(Type.Object({ type: Type.String(), user: Type.String(), upid: Type.String() })),
});
export type GuestFact = Static<typeof GuestFact>;

/** One guest; `volumes`: templates, images and backups to look for as well, `origin`: the guest that it is to be cloned from, both where it is not there yet. */
export const guestProbe = defineProbe({
  name: "guest",
  input: Type.Object(
    {
      ...GuestRef.properties,
      volumes: Type.Optional(Type.Array(VolumeId, { maxItems: 16 })),
      origin: Type.Optional(Type.Union([GuestId, GuestRef])),
    },
    { additionalProperties: false },
  ),
  output: GuestFact,
  watchable: true,
});

/** A guest in the inventory: what changes seldom. */
export const GuestRow = Type.Object({
  id: Type.Integer(),
  type: GuestType,
  name: Type.String(),
  status: oneOf(guestStates),
  template: Type.Optional(Type.Boolean()),
  tags: Type.Array(Type.String()),
  pool: Type.Optional(Type.String()),
  lock: Type.Optional(Type.String()),
  cpus: Type.Number(),
  memory: Type.Integer({ description: "Bytes it may use at most" }),
  disk: Type.Integer({ description: "Bytes of its root or boot disk" }),
  ha: Type.Optional(Type.String()),
});
export type GuestRow = Static<typeof GuestRow>;

/** All guests of one node, by id: a change costs one node's rows, not the cluster's. */
export const guestsProbe = defineProbe({
  name: "guests",
  input: Type.Object({ node: NodeName }, { additionalProperties: false }),
  output: Type.Object({ node: Type.String(), guests: Type.Array(GuestRow) }),
  watchable: true,
});
