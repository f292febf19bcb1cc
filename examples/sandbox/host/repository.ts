import { basePackages } from "./base-packages.ts";
import type { PretendPackage } from "./parts.ts";
import { softwarePackages } from "./software.ts";
import { type SystemName, systemNames } from "./system.ts";

/** What the sources of one system offer. */
export type Repository = ReadonlyMap<string, PretendPackage>;

const offered = (system: SystemName): Repository =>
  new Map([...basePackages, ...softwarePackages].filter((pack) => pack.versions[system] !== undefined).map((pack) => [pack.name, pack]));

export const repositories: Readonly<Record<SystemName, Repository>> = Object.fromEntries(
  systemNames.map((name) => [name, offered(name)]),
) as Record<SystemName, Repository>;

/** The versions that a system's sources have of a package, oldest first. */
export const versionsOf = (pack: PretendPackage, system: SystemName): readonly string[] => pack.versions[system] ?? [];

export const newestOf = (pack: PretendPackage, system: SystemName): string | undefined => versionsOf(pack, system).at(-1);
