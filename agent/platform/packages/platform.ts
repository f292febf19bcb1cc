import type { HostEvent } from "../../../schemas/report.ts";
import type { PackageFact } from "../../../schemas/verbs/package.ts";

type ManagerName = PackageFact["manager"];

interface ListedPackage {
  readonly name: string;
  readonly version: string;
  readonly manual?: boolean;
}

/** What a package action needs of the step it works for. */
export interface PackageJob {
  readonly step: string;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
}

export interface WantedPackage {
  readonly name: string;
  readonly state: "present" | "absent";
  readonly version?: string | undefined;
  readonly purge?: boolean | undefined;
}

/** What is narrow about a package manager. Actions answer the last lines of the program; failures are `ProblemError`s. A busy lock is waited for. */
export interface PackagePlatform {
  readonly manager: ManagerName;
  read(name: string, signal: AbortSignal): Promise<Omit<PackageFact, "upgradedAt">>;
  set(wanted: WantedPackage, job: PackageJob): Promise<string>;
  upgrade(name: string, job: PackageJob): Promise<string>;
  list(): Promise<ListedPackage[]>;
  /** Files whose change means that packages, their candidates or the lock may have changed. */
  readonly watched: readonly string[];
  /** Tells of changes that somebody else makes, until the returned function is called. */
  events?(emit: (event: HostEvent) => void): Promise<() => void>;
}
