import Type, { type Static, type TSchema } from "typebox";
import { DnsLabel } from "../../../schemas/ids.ts";
import { common, Rollout, SecretRef, Size, Time } from "../../../schemas/manifest.ts";
import { oneOf } from "../../../schemas/one-of.ts";
import { GuestId, GuestName, NodeName, SnapshotName, StorageName, VolumeId } from "../../../schemas/verbs/proxmox/guest.ts";

const strict = { additionalProperties: false };
const text = (description: string, maxLength = 256) => Type.String({ minLength: 1, maxLength, description });
const flag = (description: string) => Type.Optional(Type.Boolean({ description }));
const whole = (description: string, minimum: number, maximum: number) => Type.Optional(Type.Integer({ minimum, maximum, description }));

/** A field that may be null: back to what the platform takes by itself. */
export const nullable = <T extends TSchema & { readonly description?: string }>(schema: T) =>
  Type.Optional(
    Type.Union(
      [schema, Type.Null()],
      schema.description === undefined ? {} : { description: `${schema.description}; null: the platform's own` },
    ),
  );

/** One of some words, with what it says. */
export const word = <const T extends readonly string[]>(values: T, description: string) =>
  Type.Unsafe<T[number]>({ ...oneOf(values), description });

/** Where a new guest is made, and where one that exists may be. */
export const Placement = Type.Object(
  {
    anyOf: Type.Optional(Type.Array(NodeName, { minItems: 1, maxItems: 64, description: "Nodes where it may be" })),
    prefer: Type.Optional(oneOf(["least-loaded"] as const)),
    apartFrom: Type.Optional(
      Type.Record(Type.String({ maxLength: 63 }), Type.String({ maxLength: 63 }), {
        description: "Labels: not on a node where another guest of the manifests with these labels is",
        maxProperties: 8,
      }),
    ),
  },
  { ...strict, description: "Where it is made; an existing guest is moved only where it may not be" },
);
export type Placement = Static<typeof Placement>;

export const Snapshots = Type.Record(
  Type.String({ pattern: "^[A-Za-z][A-Za-z0-9_-]{1,39}$" }),
  Type.Union([
    Type.Object({ description: Type.Optional(text("What it is for", 1024)), ram: flag("With the memory of a running VM") }, strict),
    Type.Null(),
  ]),
  { additionalProperties: false, maxProperties: 64, description: "Snapshots by name; null: it must not be there. Others are left alone" },
);

export const Ha = Type.Object(
  {
    state: Type.Optional(oneOf(["started", "stopped", "ignored", "disabled"] as const)),
    group: Type.Optional(text("HA group (8.x)", 100)),
    maxRestart: whole("Attempts to start it again on its node", 0, 100),
    maxRelocate: whole("Attempts to start it on another node", 0, 100),
    comment: Type.Optional(text("Remark", 4096)),
  },
  { ...strict, description: "Kept up by the cluster's HA manager; null: not under HA" },
);
export type Ha = Static<typeof Ha>;

/** Order among the guests of a node; times in seconds. */
const Startup = Type.Object(
  {
    order: nullable(Type.Integer({ minimum: 0, maximum: 100_000, description: "Lower ones start first" })),
    up: nullable(Type.Integer({ minimum: 0, maximum: 86_400, description: "Seconds to wait after its start" })),
    down: nullable(Type.Integer({ minimum: 0, maximum: 86_400, description: "Seconds to wait for its shutdown" })),
  },
  { ...strict, description: "Order of start and shutdown with its node" },
);

/** Proxmox VE takes 8192 characters, of which our marker needs some. */
export const longestDescription = 8000;

/** Fields that containers and virtual machines share. What is not mentioned is left alone. */
export const guestFields = {
  needs: common.needs,
  onlyIf: common.onlyIf,
  rollout: Type.Optional(Rollout),
  cluster: Type.Optional(
    Type.Unsafe<string>({ ...DnsLabel, description: "Name of the cluster's agent; not needed where there is one cluster" }),
  ),
  id: Type.Optional(Type.Unsafe<number>({ ...GuestId, description: "Number; the next free one where it is left out" })),
  name: Type.Optional(Type.Unsafe<string>({ ...GuestName, description: "The resource's name where it is left out" })),
  node: Type.Optional(Type.Unsafe<string>({ ...NodeName, description: "The node where it is; a guest elsewhere is moved there" })),
  placement: Type.Optional(Placement),
  power: Type.Optional(word(["running", "stopped"], "Whether it runs")),
  state: Type.Optional(Type.Union([Type.Literal("present"), Type.Literal("absent")], { description: "absent: removed with its disks" })),
  restartedAt: Type.Optional(
    Type.Unsafe<string>({ ...Time, description: "Restart it once, if it runs and started before this moment (RFC 3339)" }),
  ),
  applyPending: Type.Optional(
    word(["restart", "next-start"], "Whether values that take effect by a start alone restart it, or wait; restart where it is left out"),
  ),
  cores: whole("CPU cores, of each socket for a VM", 1, 8192),
  cpuLimit: Type.Optional(Type.Number({ minimum: 0, maximum: 8192, description: "CPUs that it may use at most; 0: no limit" })),
  cpuUnits: nullable(Type.Integer({ minimum: 0, maximum: 500_000, description: "Weight among guests when CPUs are short" })),
  memory: Type.Optional(Type.Unsafe<string>({ ...Size, description: "Memory, such as 2GiB" })),
  onBoot: flag("Whether it starts with its node"),
  startup: Type.Optional(Startup),
  tags: Type.Optional(
    Type.Array(Type.String({ pattern: "^[A-Za-z0-9_][A-Za-z0-9_+.-]*$", maxLength: 124 }), {
      maxItems: 64,
      description: "All of its tags",
    }),
  ),
  description: Type.Optional(Type.String({ maxLength: longestDescription, description: "Notes" })),
  protection: flag("Proxmox VE refuses to remove it or its disks"),
  pool: Type.Optional(Type.Union([text("Pool", 200), Type.Null()], { description: "Pool that it is in; null: none" })),
  ha: Type.Optional(Type.Union([Ha, Type.Null()], { description: "Kept up by the cluster's HA manager; null: not under HA" })),
  nameservers: Type.Optional(
    Type.Array(Type.String({ maxLength: 64 }), { maxItems: 8, description: "DNS servers; of a VM by cloud-init" }),
  ),
  searchDomain: nullable(text("Search domain")),
  snapshots: Type.Optional(Snapshots),
  rollback: Type.Optional(
    Type.Object(
      { to: SnapshotName, at: Type.Unsafe<string>({ ...Time, description: "Roll it back once, if that was not done since this moment" }) },
      { ...strict, description: "Takes it back to a snapshot: what was written since is lost" },
    ),
  ),
  template: flag("A template that others are cloned from; cannot be taken back"),
};

/** A clone's origin: a guest by number, or a resource of the manifests. */
export const CloneSource = {
  clone: Type.Union([GuestId, Type.String({ pattern: "^(VirtualMachine|Container)/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" })], {
    description: "Number of a guest, or Kind/name of a resource, that it is cloned from",
  }),
  full: flag("With its own copy of the disks; linked where it is left out and the source is a template"),
  snapshot: Type.Optional(SnapshotName),
  storage: Type.Optional(StorageName),
};

export const RestoreSource = {
  restore: Type.Unsafe<string>({ ...VolumeId, description: "Backup that it is restored from, storage:backup/…" }),
  storage: Type.Optional(StorageName),
  unique: flag("With new MAC addresses"),
};

/** VLANs of a trunk, or ranges of them. */
export const Trunks = Type.Array(
  Type.Union([Type.Integer({ minimum: 1, maximum: 4094 }), Type.String({ pattern: "^[0-9]{1,4}-[0-9]{1,4}$", maxLength: 9 })]),
  { maxItems: 256, description: "VLANs that pass tagged: numbers, or ranges such as 20-30" },
);

/** A text, or a secret that is kept encrypted. */
export const Secret = Type.Union([Type.String({ maxLength: 4096 }), SecretRef]);

/** The fields of `guestFields` as a type: what the shared functions look at. */
const GuestSpec = Type.Object(guestFields);
export type GuestSpec = Static<typeof GuestSpec>;
