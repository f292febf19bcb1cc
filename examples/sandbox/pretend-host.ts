import { type Clock, hostClock } from "../../agent/runtime/clock.ts";
import type { By } from "../../agent/runtime/verbs.ts";
import type { Content } from "./host/content.ts";
import { type Image, imageOf } from "./host/image.ts";
import type { PretendFile } from "./host/parts.ts";
import { hash } from "./host/random.ts";
import { type Load, type RoleName, roles } from "./host/role.ts";
import type { SystemName } from "./host/system.ts";

/** Which system and which software a host begins with. */
export interface Profile {
  readonly system: SystemName;
  readonly role: RoleName;
}

export interface PretendHostOptions {
  readonly name: string;
  readonly profile: Profile;
  /** Everything about a host follows from its seed, its clock and what is done to it. */
  readonly seed: number;
  readonly clock?: Clock | undefined;
  /** How long things take, as a share of what they take on a real host; 0: no time at all. */
  readonly pace?: number | undefined;
  /** Milliseconds between looks at the figures of a watched host; 0: never by themselves. */
  readonly metricsEveryMs?: number | undefined;
  /** Other hosts by name, for checks that reach across. */
  readonly neighbour?: ((name: string) => PretendHost | undefined) | undefined;
}

/** How a unit differs from its state after boot. Times in milliseconds since the epoch. */
export interface UnitState {
  readonly active: "active" | "inactive" | "failed" | "activating" | "deactivating";
  readonly enabled: "enabled" | "disabled" | "static" | "masked";
  readonly since?: number | undefined;
  /** Starts since the host was made: another number, another invocation. */
  readonly starts: number;
  /** When it last read its configuration. */
  readonly loadedAt?: number | undefined;
  /** Reloads since the last start. */
  readonly reloads?: number | undefined;
  readonly result: string;
  readonly dropIns: Readonly<Record<string, string>>;
  /** What it answers to HTTP since it read its configuration; undefined: 200 and the usual page. */
  readonly serves?: { readonly status: number; readonly body?: string | undefined } | undefined;
}

export interface PackageState {
  readonly version: string;
  readonly held?: boolean | undefined;
  readonly broken?: boolean | undefined;
}

export interface JournalEntry {
  readonly at: number;
  readonly unit?: string | undefined;
  readonly priority: number;
  readonly text: string;
}

/** Something in the pretend world changed; `key` is a unit, path or package, and without it anything of that probe may have. */
export interface WorldChange {
  readonly probe: "service" | "file" | "package" | "host" | "metrics" | "owned";
  readonly key?: string | undefined;
  readonly by?: By | undefined;
}

/** What befalls the machine and its link, for whoever runs its agent. `down`: the machine is off, its agent is dead. */
export type PowerEvent = "down" | "up" | "agent-crash" | "link";

/** How the way to the controller is: `cut` closes connections and refuses new ones, `silent` lets everything vanish on it. */
export interface PretendLink {
  readonly is: "up" | "cut" | "silent";
  readonly delayMs: number;
}

/** An action that is going to fail. */
export interface PlannedFailure {
  readonly action: string;
  readonly text: string;
  times: number;
}

/** A host that exists in memory only. `null` in a map: the image has it, this host does not. */
export interface PretendHost {
  readonly name: string;
  readonly seed: number;
  readonly image: Image;
  readonly clock: Clock;
  readonly pace: number;
  readonly metricsEveryMs: number;
  readonly neighbour: (name: string) => PretendHost | undefined;
  readonly units: Map<string, UnitState>;
  readonly files: Map<string, PretendFile | null>;
  readonly packages: Map<string, PackageState | null>;
  /** Backups of files by the name that the agent's memory has for them. */
  readonly backups: Map<string, Content>;
  readonly journal: JournalEntry[];
  readonly failures: PlannedFailure[];
  readonly watchers: Set<(change: WorldChange) => void>;
  readonly power: Set<(event: PowerEvent) => void>;
  /** Load that was put on it in place of its role's. */
  load: Partial<Load>;
  /** Whether a package manager is at work. */
  packagesBusy: boolean;
  boots: number;
  bootedAt: number;
  running: boolean;
  shuttingDown: boolean;
  rebootRequired: boolean;
  link: PretendLink;
}

const day = 86_400_000;

/** Makes a host that runs, with everything as its profile has it. */
export function createPretendHost(options: PretendHostOptions): PretendHost {
  const clock = options.clock ?? hostClock;
  return {
    name: options.name,
    seed: hash(options.seed, options.name),
    image: imageOf(options.profile.system, roles[options.profile.role]),
    clock,
    pace: options.pace ?? 0,
    metricsEveryMs: options.metricsEveryMs ?? 10_000,
    neighbour: options.neighbour ?? (() => undefined),
    units: new Map(),
    files: new Map(),
    packages: new Map(),
    backups: new Map(),
    journal: [],
    failures: [],
    watchers: new Set(),
    power: new Set(),
    load: {},
    packagesBusy: false,
    boots: 0,
    bootedAt: clock.now() - day - (hash(options.seed, options.name, "boot") % (40 * day)),
    running: true,
    shuttingDown: false,
    rebootRequired: false,
    link: { is: "up", delayMs: 0 },
  };
}
