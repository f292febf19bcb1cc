/** Something that happened, for people who watch. `about`: an instance, resource, plan, run or agent. `at` by the controller's clock. */
export interface NewEvent {
  readonly at: number;
  readonly type: string;
  readonly host?: string | undefined;
  readonly about?: string | undefined;
  readonly text: string;
  readonly data?: unknown;
}

/** An event with its number; numbers grow, and may have holes. */
export interface StoredEvent extends NewEvent {
  readonly n: number;
}

/** Events after a cursor, oldest first. `gap`: some after the cursor are no longer kept. `last`: the number to continue from. */
export interface EventPiece {
  readonly events: readonly StoredEvent[];
  readonly gap: boolean;
  readonly last: number;
}

/** A bounded ring of events: the oldest fall out. */
export interface EventStore {
  append(events: readonly NewEvent[]): Promise<readonly StoredEvent[]>;
  /** At most `limit` (1 to 1 000, by default 100) events with a number above `cursor`. */
  after(cursor: number, limit?: number): Promise<EventPiece>;
  /** The newest `count` events, oldest first. */
  latest(count: number): Promise<EventPiece>;
  /** Calls back with events once they are stored, those of reports too; the answer ends it. */
  follow(listener: (events: readonly StoredEvent[]) => void): () => void;
}
