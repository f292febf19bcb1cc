import type { Fact } from "../core/model.ts";
import type { NewEvent } from "./events.ts";

/** A fact with the moment at which the controller got it, by the controller's clock. */
export interface StoredFact extends Fact {
  readonly receivedAt: number;
}

/** A numbered report of an agent as it is stored: facts, events and the number in one transaction. */
export interface StoredReport {
  readonly agent: string;
  readonly host: string;
  readonly seq: number;
  readonly receivedAt: number;
  readonly facts: readonly Fact[];
  readonly events?: readonly NewEvent[] | undefined;
}

/** What agents answered, newest answer for each (host, ask key). */
export interface FactStore {
  /** Stores a report once: `stored` is false for a number at or below the stored one. `acked`: the highest number stored now. */
  putReport(report: StoredReport): Promise<{ readonly stored: boolean; readonly acked: number }>;
  /** Stores facts that came another way, such as with the result of a step. */
  put(facts: readonly Fact[], receivedAt: number): Promise<void>;
  ofHost(host: string): Promise<readonly StoredFact[]>;
  /** Every fact; for the start. */
  all(): Promise<readonly StoredFact[]>;
  /** Deletes the host's facts whose ask key is not among `keys`; resolves to how many went. */
  keepOnly(host: string, keys: ReadonlySet<string>): Promise<number>;
}
