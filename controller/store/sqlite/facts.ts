import type { Fact } from "../../core/model.ts";
import type { FactStore, StoredFact } from "../facts.ts";
import { raiseAcked } from "./acked.ts";
import { jsonOrNull, parsed } from "./columns.ts";
import type { Database } from "./database.ts";
import type { EventRing } from "./events.ts";

interface Row {
  host: string;
  key: string;
  at: number;
  digest: string;
  value: string | null;
  problem: string | null;
  by: string | null;
  received_at: number;
}

const fact = (row: Row): StoredFact => ({
  host: row.host,
  key: row.key,
  at: row.at,
  digest: row.digest,
  value: parsed(row.value),
  problem: parsed(row.problem),
  by: parsed(row.by),
  receivedAt: row.received_at,
});

const putSql = `INSERT INTO facts (host, key, at, digest, value, problem, by, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (host, key) DO UPDATE SET at = excluded.at, digest = excluded.digest, value = excluded.value, problem = excluded.problem, by = excluded.by, received_at = excluded.received_at`;

/** Facts in SQLite. */
export function sqliteFacts(db: Database, events: EventRing): FactStore {
  const put = (facts: readonly Fact[], receivedAt: number): void => {
    const statement = db.sql(putSql);
    for (const { host, key, at, digest, value, problem, by } of facts) {
      statement.run(host, key, at, digest, jsonOrNull(value), jsonOrNull(problem), jsonOrNull(by), receivedAt);
    }
  };
  return {
    putReport: (report) =>
      db.write(() => {
        const { raised, acked } = raiseAcked(db, report.agent, report.seq);
        if (!raised) return { stored: false, acked };
        put(report.facts, report.receivedAt);
        events.append(report.events ?? []);
        return { stored: true, acked };
      }),
    put: (facts, receivedAt) => db.write(() => put(facts, receivedAt)),
    ofHost: (host) => db.read(() => db.rows<Row>("SELECT * FROM facts WHERE host = ? ORDER BY key", host).map(fact)),
    all: () => db.read(() => db.rows<Row>("SELECT * FROM facts ORDER BY host, key").map(fact)),
    keepOnly: (host, keys) =>
      db.write(() => {
        const gone = db.rows<{ key: string }>("SELECT key FROM facts WHERE host = ?", host).filter((row) => !keys.has(row.key));
        for (const { key } of gone) db.run("DELETE FROM facts WHERE host = ? AND key = ?", host, key);
        return gone.length;
      }),
  };
}
