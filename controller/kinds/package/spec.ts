import Type, { type Static } from "typebox";
import { common, Rollout, Time } from "../../../schemas/manifest.ts";
import { PackageManager, PackageName } from "../../../schemas/verbs/package.ts";

export const PackageSpec = Type.Object(
  {
    ...common,
    name: Type.Optional(
      Type.Unsafe<string>({ ...PackageName, description: "As the package manager writes it; the resource's name where it is left out" }),
    ),
    manager: Type.Optional(
      Type.Unsafe<Static<typeof PackageManager>>({ ...PackageManager, description: "Only where a host has several; else the host's own" }),
    ),
    state: Type.Optional(
      Type.Union([Type.Literal("present"), Type.Literal("absent")], {
        description: "present where it is left out: a declared package is there",
      }),
    ),
    version: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9*][A-Za-z0-9.+~^:_*-]*$",
        maxLength: 255,
        description: 'Exact version or a glob, in quotes, such as "1.24.*"; any version where it is left out',
      }),
    ),
    upgradedAt: Type.Optional(
      Type.Unsafe<string>({
        ...Time,
        description: "Bring it to its newest version once, if that was last done before this moment (RFC 3339)",
      }),
    ),
    purge: Type.Optional(Type.Boolean({ description: "With state: absent, its configuration files and data go too" })),
    rollout: Type.Optional(Rollout),
  },
  { additionalProperties: false },
);
export type PackageSpec = Static<typeof PackageSpec>;

/** The package of a completed spec. */
export function nameOf(spec: PackageSpec): string {
  if (spec.name === undefined) throw new TypeError("Package: a spec that was not completed reached the planner");
  return spec.name;
}
