import type { SpendingStore, Spent } from "../spending.ts";
import type { Database } from "./database.ts";

const keptMs = 31 * 86_400_000;

/** Spending on the model in SQLite. */
export function sqliteSpending(db: Database): SpendingStore {
  return {
    add: (day, { who, dollars, tokens }) =>
      db.write(() => {
        db.run("DELETE FROM spending WHERE day < ?", new Date(Date.parse(day) - keptMs).toISOString().slice(0, 10));
        db.run(
          `INSERT INTO spending (day, who, dollars, tokens) VALUES (?, ?, ?, ?)
           ON CONFLICT (day, who) DO UPDATE SET dollars = dollars + excluded.dollars, tokens = tokens + excluded.tokens`,
          day,
          who,
          dollars,
          tokens,
        );
      }),
    of: (day) => db.read(() => db.rows<Spent>("SELECT who, dollars, tokens FROM spending WHERE day = ? ORDER BY who", day)),
  };
}
