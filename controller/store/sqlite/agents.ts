import type { AgentRecord, AgentRegistry, EnrolOutcome, TokenRecord } from "../../hub/registry.ts";
import { raiseAcked } from "./acked.ts";
import type { Database } from "./database.ts";

interface AgentRow {
  record: string;
  seq: number | null;
}

interface TokenRow {
  record: string;
  uses: number;
  revoked_at: number | null;
}

const agentOf = (row: AgentRow): AgentRecord => ({ ...(JSON.parse(row.record) as AgentRecord), acked: row.seq ?? 0 });

const tokenOf = (row: TokenRow): TokenRecord => ({
  ...(JSON.parse(row.record) as TokenRecord),
  uses: row.uses,
  ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
});

/** Enrolled agents and join tokens in SQLite. The number of stored reports lives beside the facts, so that both move together. */
export function sqliteAgents(db: Database): AgentRegistry {
  const agent = (id: string): AgentRecord | undefined => {
    const row = db.row<AgentRow>("SELECT record, seq FROM agents LEFT JOIN acked ON agent = id WHERE id = ?", id);
    return row === undefined ? undefined : agentOf(row);
  };
  const put = (record: AgentRecord): void => {
    db.run(
      `INSERT INTO agents (id, host, public_key, revoked_at, record) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET host = excluded.host, public_key = excluded.public_key, revoked_at = excluded.revoked_at, record = excluded.record`,
      record.id,
      record.host,
      record.publicKey,
      record.revokedAt ?? null,
      JSON.stringify(record),
    );
  };
  const token = (id: string): TokenRecord | undefined => {
    const row = db.row<TokenRow>("SELECT record, uses, revoked_at FROM join_tokens WHERE id = ?", id);
    return row === undefined ? undefined : tokenOf(row);
  };
  const taken = (column: "host" | "public_key", value: string, replaces: readonly string[]): boolean =>
    db
      .rows<{ id: string }>(`SELECT id FROM agents WHERE ${column} = ? AND revoked_at IS NULL`, value)
      .some((row) => !replaces.includes(row.id));

  const enrol = (record: AgentRecord, replaces: readonly string[]): EnrolOutcome => {
    const used = token(record.token);
    if (used === undefined || used.revokedAt !== undefined) return "revoked";
    if (used.uses >= used.maxUses) return "used-up";
    if (taken("host", record.host, replaces)) return "name-taken";
    if (taken("public_key", record.publicKey, replaces)) return "key-taken";
    db.run("UPDATE join_tokens SET uses = uses + 1 WHERE id = ?", used.id);
    for (const id of replaces) {
      const old = agent(id);
      if (old !== undefined && old.revokedAt === undefined) put({ ...old, revokedAt: record.enrolledAt });
    }
    put(record);
    raiseAcked(db, record.id, record.acked);
    return "enrolled";
  };

  return {
    agents: () =>
      db.read(() => db.rows<AgentRow>("SELECT record, seq FROM agents LEFT JOIN acked ON agent = id ORDER BY agents.rowid").map(agentOf)),
    enrol: (record, replaces) => db.write(() => enrol(record, replaces)),
    update: (changes) =>
      db.write(() => {
        for (const change of changes) {
          const old = agent(change.id);
          if (old !== undefined) put({ ...old, ...change });
        }
      }),
    setAcked: (id, seq) => db.write(() => void raiseAcked(db, id, seq)),
    addToken: (record) =>
      db.write(
        () =>
          void db.run(
            "INSERT INTO join_tokens (id, uses, revoked_at, record) VALUES (?, ?, ?, ?)",
            record.id,
            record.uses,
            record.revokedAt ?? null,
            JSON.stringify(record),
          ),
      ),
    token: (id) => db.read(() => token(id)),
    tokens: () => db.read(() => db.rows<TokenRow>("SELECT record, uses, revoked_at FROM join_tokens ORDER BY rowid").map(tokenOf)),
    revokeToken: (id, at) => db.write(() => db.run("UPDATE join_tokens SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?", at, id) > 0),
  };
}
