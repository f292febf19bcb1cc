import { setImmediate as nextTurn } from "node:timers/promises";
import { canonicalJson } from "../../../schemas/canonical.ts";
import type { AuditEntry, AuditHead, AuditStore, AuditVerdict, NewAuditEntry } from "../audit.ts";
import { auditCheck, chained, genesis } from "../audit-chain.ts";
import type { Anchor } from "./anchor.ts";
import { page, parsed } from "./columns.ts";
import type { Database } from "./database.ts";

interface Row {
  n: number;
  at: number;
  who: string;
  what: string;
  about: string;
  detail: string | null;
  prev: string;
  hash: string;
}

/** How many entries a check looks at before it lets others work. */
const stride = 500;

const entryOf = (row: Row): AuditEntry => ({
  n: row.n,
  at: row.at,
  who: row.who,
  what: row.what,
  about: row.about,
  detail: parsed(row.detail),
  prev: row.prev,
  hash: row.hash,
});

/** The audit trail in SQLite. Its head is kept in a row of its own (in the same transaction) and in a file beside the database (soon after). */
export function sqliteAudit(db: Database, anchor: Anchor): AuditStore {
  const head = (): AuditHead | undefined => db.row<AuditHead>("SELECT n, hash FROM audit_head");

  const append = (entry: NewAuditEntry): AuditEntry => {
    const detail = entry.detail === undefined ? null : canonicalJson(entry.detail);
    const link = chained(head() ?? genesis, { ...entry, detail: parsed(detail) });
    db.run(
      "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      link.n,
      link.at,
      link.who,
      link.what,
      link.about,
      detail,
      link.prev,
      link.hash,
    );
    db.run(
      "INSERT INTO audit_head (id, n, hash) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET n = excluded.n, hash = excluded.hash",
      link.n,
      link.hash,
    );
    db.afterCommit(() => anchor.note({ n: link.n, hash: link.hash }));
    return link;
  };

  const writtenAs = (prev: string): number | undefined => {
    if (prev === genesis.hash) return 1;
    const before = db.row<{ n: number; prev: string }>("SELECT n, prev FROM audit WHERE hash = ?", prev);
    if (before === undefined) return undefined;
    // The entry before may sit in the wrong place itself: its own predecessor tells its number.
    const second = before.prev === genesis.hash ? { n: 0 } : db.row<{ n: number }>("SELECT n FROM audit WHERE hash = ?", before.prev);
    return second === undefined ? before.n + 1 : second.n + 2;
  };

  const verify = async (): Promise<AuditVerdict> => {
    const anchors = [...(await anchor.read()), ...(await db.read(() => [head() ?? genesis]))];
    const check = auditCheck(writtenAs, anchors);
    for (let after = 0; ; ) {
      const rows = await db.read(() => db.rows<Row>("SELECT * FROM audit WHERE n > ? ORDER BY n LIMIT ?", after, stride));
      for (const row of rows) check.see(entryOf(row));
      after = rows.at(-1)?.n ?? after;
      if (rows.length < stride) return check.verdict();
      await nextTurn();
    }
  };

  return {
    append: (entry) => db.write(() => append(entry)),
    list: (request) =>
      db.read(() => {
        const about = request?.about ?? null;
        const rows = (below: number, count: number): Row[] =>
          db.rows<Row>("SELECT * FROM audit WHERE n < ? AND (? IS NULL OR about = ?) ORDER BY n DESC LIMIT ?", below, about, about, count);
        return page(request, rows, (row) => row.n, entryOf);
      }),
    verify,
  };
}
