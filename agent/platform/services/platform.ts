import type { HostEvent } from "../../../schemas/report.ts";
import type { ServiceFact } from "../../../schemas/verbs/service.ts";

/** A service as a listing shows it. */
export interface ListedService {
  readonly unit: string;
  readonly active: string;
  readonly sub: string;
  readonly enabled: string;
  readonly description: string;
}

/** A fact with what only the agent itself needs to know. */
export interface ServiceReading {
  readonly fact: ServiceFact;
  /** Name under which events about the unit come; another one where the unit was asked for by an alias. */
  readonly id: string;
  /** When the unit last began to read its configuration (start or reload), milliseconds since the epoch. */
  readonly loadedAt: number | undefined;
  /** When the unit last began to start, milliseconds since the epoch: what it was started with is older. */
  readonly startedAt: number | undefined;
}

/** What is narrow about an init system: everything that services need from one. Failures are `ProblemError`s. */
export interface ServicePlatform {
  readonly init: "systemd" | "openrc" | "other";
  read(unit: string, dropIns?: readonly string[]): Promise<ServiceReading>;
  start(unit: string, signal: AbortSignal): Promise<void>;
  stop(unit: string, signal: AbortSignal): Promise<void>;
  restart(unit: string, signal: AbortSignal): Promise<void>;
  /** Reloads, or restarts a unit that cannot reload. */
  reload(unit: string, signal: AbortSignal): Promise<void>;
  setEnabled(unit: string, enabled: boolean): Promise<void>;
  /** Writes or removes (null) drop-ins and makes the init system read them. */
  setDropIns(unit: string, dropIns: Readonly<Record<string, string | null>>): Promise<void>;
  /** Makes the init system read its own files again, where it keeps what it read. */
  reread(): Promise<void>;
  list(): Promise<ListedService[]>;
  /** Tells the id of a unit that may have changed, or undefined when any may have; until the returned function is called. */
  watch(changed: (id: string | undefined) => void): Promise<() => void>;
  /** Tells of failed jobs and the like, of any unit; until the returned function is called. */
  events?(emit: (event: HostEvent) => void): Promise<() => void>;
  close(): Promise<void>;
}
