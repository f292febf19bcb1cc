import Type, { type Static } from "typebox";
import { defineAction, defineProbe } from "../contract.ts";
import { Moment } from "../moment.ts";

/** A package's name as apt, dnf and apk write it; never starts with a hyphen. */
export const PackageName = Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9+._-]*(:[a-z0-9-]+)?$", maxLength: 255 });
export const PackageVersion = Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9.+~^:_-]*$", maxLength: 255 });
export const PackageManager = Type.Union([Type.Literal("apt"), Type.Literal("dnf"), Type.Literal("apk")]);

/** A package as the host's package manager knows it; times are milliseconds since the epoch by the host's clock. */
export const PackageFact = Type.Object({
  name: Type.String(),
  manager: PackageManager,
  installed: Type.Boolean(),
  version: Type.Optional(Type.String()),
  candidate: Type.Optional(
    Type.String({ description: "The version that an upgrade would bring; absent: not known to the host's sources" }),
  ),
  held: Type.Optional(Type.Boolean()),
  broken: Type.Optional(Type.Boolean({ description: "Half installed or half configured" })),
  upgradedAt: Type.Optional(Type.Unsafe<number>({ ...Moment, description: "When we last brought it to its newest version" })),
  changing: Type.Optional(Type.Boolean({ description: "A package manager is at work" })),
});
export type PackageFact = Static<typeof PackageFact>;

export const packageProbe = defineProbe({
  name: "package",
  input: Type.Object({ name: PackageName, manager: Type.Optional(PackageManager) }, { additionalProperties: false }),
  output: PackageFact,
  watchable: true,
});

export const packageSet = defineAction({
  name: "package.set",
  input: Type.Object(
    {
      name: PackageName,
      manager: Type.Optional(PackageManager),
      state: Type.Union([Type.Literal("present"), Type.Literal("absent")]),
      version: Type.Optional(PackageVersion),
      purge: Type.Optional(Type.Boolean({ description: "Remove its configuration files too" })),
    },
    { additionalProperties: false },
  ),
  undo: "possible",
  consequence: "restart",
  idempotent: true,
});

/** Refreshes the package lists and brings the package to its newest version. */
export const packageUpgrade = defineAction({
  name: "package.upgrade",
  input: Type.Object({ name: PackageName, manager: Type.Optional(PackageManager) }, { additionalProperties: false }),
  undo: "possible",
  consequence: "restart",
  idempotent: true,
});

/** Installed packages whose name matches a glob, for import and questions. */
export const packagesProbe = defineProbe({
  name: "packages",
  input: Type.Object({ pattern: Type.Optional(Type.String({ maxLength: 255 })) }, { additionalProperties: false }),
  output: Type.Object({
    packages: Type.Array(Type.Object({ name: Type.String(), version: Type.String(), manual: Type.Optional(Type.Boolean()) })),
    truncated: Type.Boolean(),
  }),
  watchable: false,
});
