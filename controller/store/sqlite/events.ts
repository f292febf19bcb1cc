import type { EventPiece, EventStore, NewEvent, StoredEvent } from "../events.ts";
import { clampLimit, jsonOrNull, orUndefined, parsed } from "./columns.ts";
import type { Database } from "./database.ts";

interface Row {
  n: number;
  at: number;
  type: string;
  host: string | null;
  about: string | null;
  text: string;
  data: string | null;
}

const event = (row: Row): StoredEvent => ({
  n: row.n,
  at: row.at,
  type: row.type,
  host: orUndefined(row.host),
  about: orUndefined(row.about),
  text: row.text,
  data: parsed(row.data),
});

/** The ring as other writes use it: `append` belongs inside a write. */
export interface EventRing {
  append(events: readonly NewEvent[]): readonly StoredEvent[];
  readonly store: EventStore;
}

/** Events in SQLite; the newest `capacity` of them, give or take a hundred. */
export function sqliteEvents(db: Database, capacity: number): EventRing {
  const listeners = new Set<(events: readonly StoredEvent[]) => void>();
  let sinceTrim = 0;

  const append = (events: readonly NewEvent[]): readonly StoredEvent[] => {
    if (events.length === 0) return [];
    const insert = db.sql("INSERT INTO events (at, type, host, about, text, data) VALUES (?, ?, ?, ?, ?, ?)");
    const stored = events.map((one) => {
      const { lastInsertRowid } = insert.run(one.at, one.type, one.host ?? null, one.about ?? null, one.text, jsonOrNull(one.data));
      return { ...one, n: Number(lastInsertRowid) };
    });
    sinceTrim += stored.length;
    if (sinceTrim >= 100) {
      sinceTrim = 0;
      db.run("DELETE FROM events WHERE n <= ?", (stored.at(-1) as StoredEvent).n - capacity);
    }
    if (listeners.size > 0) db.afterCommit(() => listeners.forEach((listener) => listener(stored)));
    return stored;
  };

  const edge = (which: "min" | "max"): number => db.row<{ n: number | null }>(`SELECT ${which}(n) AS n FROM events`)?.n ?? 0;
  const piece = (rows: Row[], cursor: number): EventPiece => ({
    events: rows.map(event),
    // A cursor beyond the newest number comes from before a restored backup.
    gap: cursor > 0 && (edge("min") > cursor + 1 || cursor > edge("max")),
    last: rows.at(-1)?.n ?? edge("max"),
  });

  return {
    append,
    store: {
      append: (events) => db.write(() => append(events)),
      after: (cursor, limit) =>
        db.read(() => piece(db.rows<Row>("SELECT * FROM events WHERE n > ? ORDER BY n LIMIT ?", cursor, clampLimit(limit)), cursor)),
      latest: (count) => db.read(() => piece(db.rows<Row>("SELECT * FROM events ORDER BY n DESC LIMIT ?", clampLimit(count)).reverse(), 0)),
      follow(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
  };
}
