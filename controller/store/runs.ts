import type { RunEvent, RunState } from "../../schemas/run.ts";
import type { Page, PageRequest } from "./store.ts";

/** A run as listings show it; `events`: how many its journal holds, and so the number that the next one has. */
export interface RunSummary {
  readonly id: string;
  readonly digest: string;
  readonly state: RunState;
  readonly by: string;
  readonly startedAt: string;
  readonly endedAt?: string | undefined;
  readonly events: number;
}

export type StartedEvent = Extract<RunEvent, { type: "started" }>;

/** Journals of runs. Events are numbered from 0. */
export interface RunStore {
  /** Begins a run with its first event (number 0) and, in the same transaction, sets its plan running; refused where that plan is stored and neither pending nor approved. */
  begin(id: string, digest: string, started: StartedEvent): Promise<void>;
  /**
   * Adds events from number `n` on. Where the journal is longer or shorter than that, another writer was there: `conflict/journal`,
   * nothing is written. With an `ended` event `state` is required; the run is over, its plan done.
   */
  append(run: string, n: number, events: readonly RunEvent[], state?: RunState): Promise<void>;
  /** Events of a journal in order, from number `after` on. */
  events(run: string, after?: number): Promise<readonly RunEvent[]>;
  /** Calls back after each commit that made the journal longer; answers with what ends that. */
  follow(run: string, listener: () => void): () => void;
  get(run: string): Promise<RunSummary | undefined>;
  list(request?: PageRequest & { readonly digest?: string | undefined }): Promise<Page<RunSummary>>;
  /** Runs that have no end yet, oldest first: to be resumed at start. */
  unfinished(): Promise<readonly RunSummary[]>;
}
