import type { Expectation } from "../../schemas/plan.ts";
import type { FactReport, HostEvent } from "../../schemas/report.ts";
import type { StepResult } from "../../schemas/run.ts";
import type { Owned } from "../../schemas/verbs/host.ts";

/** A step as the agent remembers it: started with the fact before, and its result once it is done. */
export interface RememberedStep {
  readonly step: string;
  readonly orderDigest: string;
  readonly startedAt: number;
  /** Until when it was ordered to be begun, by the controller's clock. */
  readonly deadline?: number | undefined;
  readonly before?: unknown;
  /** What the step has to bring about, so that a restarted agent can tell whether it did; without secrets, as facts are. */
  readonly goal?: Expectation | undefined;
  readonly result?: StepResult;
  /** The controller has acknowledged the result; the record is kept for a week so that a repeat is answered from it. */
  readonly acked?: boolean;
}

/** A unit that has not loaded a file since we changed it; a path without a slash in front is a drop-in of the unit, which only a start loads. */
export interface Mark {
  readonly path: string;
  readonly unit: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A saved earlier version of a path: where its bytes are, or that it was not there. */
export interface Backup {
  readonly path: string;
  readonly step: string;
  readonly at: number;
  /** File below the agent's backup folder; absent: the path did not exist. */
  readonly file?: string;
  readonly owner?: string;
  readonly group?: string;
  readonly mode?: string;
}

/**
 * What an agent must not forget: everything here is on disk (file and folder fsynced) before the promise resolves.
 * The state is small; the spool of reports lives in files of its own.
 */
export interface Memory {
  step(id: string): RememberedStep | undefined;
  startStep(step: RememberedStep): Promise<void>;
  finishStep(id: string, result: StepResult): Promise<void>;
  ackStep(id: string): Promise<void>;
  /** Steps with a result that the controller has not acknowledged. */
  unackedSteps(): readonly RememberedStep[];
  /** Steps that were started and have no result. */
  unfinishedSteps(): readonly RememberedStep[];
  /** The latest deadline of the steps that were forgotten: an order that is not later may be one of them, sent again. */
  horizon(): number;

  owned(): readonly Owned[];
  own(owned: Owned): Promise<void>;
  disown(claim: string): Promise<void>;

  marks(): readonly Mark[];
  mark(path: string, units: readonly string[]): Promise<void>;
  /** The unit loaded its files at this moment, and was started at that one (0: only reloaded): forgets marks made before. Returns the paths that were marked. */
  unmark(unit: string, loaded: number, started?: number): Promise<readonly string[]>;
  /** Forgets these very marks, whatever the clock says; those that were made anew since stay. Returns the paths that were marked. */
  forgetMarks(marks: readonly Mark[]): Promise<readonly string[]>;

  /** Newest last. */
  backups(path: string): readonly Backup[];
  /** Keeps at most `keep` backups of the path; answers those that were dropped, whose files the caller removes. */
  addBackup(backup: Backup, keep: number): Promise<readonly Backup[]>;

  /** Time of our last upgrade of a package, milliseconds since the epoch. */
  upgradedAt(packageName: string): number | undefined;
  rememberUpgrade(packageName: string, at: number): Promise<void>;

  /** Resolves once everything said so far is on disk. */
  flush(): Promise<void>;
}

/** What is to be reported: numbered when it is put in, kept until acknowledged. */
export interface SpoolEntry {
  readonly seq: number;
  readonly facts: readonly FactReport[];
  readonly events: readonly HostEvent[];
  readonly gap?: number;
}
