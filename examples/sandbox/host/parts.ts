import { type Content, contentOf } from "./content.ts";
import type { SystemName } from "./system.ts";

/** A path of a pretend host; never changed, always replaced. `target`: it is a link. */
export interface PretendFile {
  readonly content: Content;
  readonly owner: string;
  readonly group: string;
  readonly mode: string;
  readonly target?: string | undefined;
}

/** Whose configuration rules hold for a unit; see configuration.ts. */
export type Dialect = "nginx" | "apache" | "php-fpm" | "sshd" | "haproxy";

/** A port that a running unit listens on. */
export interface Port {
  readonly port: number;
  readonly address: string;
  readonly program: string;
  readonly http?: boolean | undefined;
}

/** A unit as its package brings it. */
export interface UnitDefinition {
  readonly unit: string;
  readonly description: string;
  readonly aliases: readonly string[];
  /** `static`: cannot be enabled or disabled. */
  readonly enabled: "enabled" | "disabled" | "static";
  readonly reloads: boolean;
  readonly ports: readonly Port[];
  readonly dialect?: Dialect | undefined;
  readonly log: readonly LogLine[];
}

/** A line that a unit writes now and then: syslog priority, share of minutes in which it comes, text with # for changing digits. */
export type LogLine = readonly [priority: number, share: number, text: string];

/** A package of the pretend repository: versions by system, oldest first; a system without an entry does not have it. */
export interface PretendPackage {
  readonly name: string;
  readonly versions: Readonly<Partial<Record<SystemName, readonly string[]>>>;
  readonly depends: readonly string[];
  readonly units: readonly UnitDefinition[];
  readonly files: ReadonlyMap<string, PretendFile>;
  readonly users: readonly string[];
  /** A new version runs only after a reboot. */
  readonly reboot: boolean;
}

type UnitSeed = Partial<Omit<UnitDefinition, "unit">>;

export const unit = (name: string, description: string, more: UnitSeed = {}): UnitDefinition => ({
  aliases: [],
  enabled: "enabled",
  reloads: false,
  ports: [],
  log: [],
  ...more,
  unit: name,
  description,
});

export const file = (text: string, more: Partial<Omit<PretendFile, "content">> = {}): PretendFile => ({
  content: contentOf(text),
  owner: "root",
  group: "root",
  mode: "0644",
  ...more,
});

export const linkTo = (target: string): PretendFile => file("", { target, mode: "0777" });

interface PackageSeed {
  readonly versions: PretendPackage["versions"];
  readonly depends?: readonly string[];
  readonly units?: readonly UnitDefinition[];
  readonly files?: Readonly<Record<string, PretendFile>>;
  readonly users?: readonly string[];
  readonly reboot?: boolean;
}

export const pack = (name: string, seed: PackageSeed): PretendPackage => ({
  name,
  versions: seed.versions,
  depends: seed.depends ?? [],
  units: seed.units ?? [],
  files: new Map(Object.entries(seed.files ?? {})),
  users: seed.users ?? [],
  reboot: seed.reboot ?? false,
});
