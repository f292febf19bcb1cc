import type { DatabaseSync } from "node:sqlite";
import { error, ProblemError } from "../../../schemas/problem.ts";

/** Each entry brings a database from the version of its index to the next (PRAGMA user_version); entries are never changed, only added. */
const migrations: readonly string[] = [
  `
  CREATE TABLE facts (
    host TEXT NOT NULL, key TEXT NOT NULL, at REAL NOT NULL, digest TEXT NOT NULL, value TEXT, problem TEXT, by TEXT, received_at REAL NOT NULL,
    PRIMARY KEY (host, key)
  ) STRICT;

  CREATE TABLE agents (
    id TEXT PRIMARY KEY, host TEXT NOT NULL, public_key TEXT NOT NULL, revoked_at REAL, record TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX agents_live_host ON agents (host) WHERE revoked_at IS NULL;
  CREATE UNIQUE INDEX agents_live_key ON agents (public_key) WHERE revoked_at IS NULL;
  CREATE TABLE acked (agent TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE join_tokens (id TEXT PRIMARY KEY, uses INTEGER NOT NULL, revoked_at REAL, record TEXT NOT NULL) STRICT;

  CREATE TABLE plans (
    n INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, round INTEGER NOT NULL, state TEXT NOT NULL, commit_id TEXT NOT NULL,
    made_at TEXT NOT NULL, risk TEXT, changes INTEGER NOT NULL, plan TEXT NOT NULL
  ) STRICT;
  CREATE INDEX plans_state ON plans (state, n);
  CREATE TABLE decisions (
    digest TEXT NOT NULL, round INTEGER NOT NULL, decision TEXT NOT NULL, by TEXT NOT NULL, role TEXT NOT NULL, at REAL NOT NULL, reason TEXT,
    PRIMARY KEY (digest, round)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE runs (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, state TEXT NOT NULL, by TEXT NOT NULL,
    started_at TEXT NOT NULL, ended_at TEXT, events INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX runs_digest ON runs (digest, n);
  CREATE INDEX runs_open ON runs (n) WHERE ended_at IS NULL;
  CREATE TABLE run_events (run TEXT NOT NULL, n INTEGER NOT NULL, event TEXT NOT NULL, PRIMARY KEY (run, n)) STRICT, WITHOUT ROWID;

  CREATE TABLE good_commits (branch TEXT PRIMARY KEY, commit_id TEXT NOT NULL, at REAL NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE synced (instance TEXT PRIMARY KEY, digest TEXT NOT NULL, at REAL NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE held (instance TEXT PRIMARY KEY, digest TEXT NOT NULL, reason TEXT NOT NULL, at REAL NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE corrections (instance TEXT NOT NULL, at REAL NOT NULL) STRICT;
  CREATE INDEX corrections_at ON corrections (at);
  CREATE INDEX corrections_instance ON corrections (instance);

  CREATE TABLE alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, instance TEXT NOT NULL, since REAL NOT NULL, differences TEXT NOT NULL, by TEXT, mode TEXT NOT NULL,
    note TEXT, closed_at REAL, corrected INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX alerts_open ON alerts (instance) WHERE closed_at IS NULL;
  CREATE INDEX alerts_instance ON alerts (instance, id);

  CREATE TABLE events (n INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, type TEXT NOT NULL, host TEXT, about TEXT, text TEXT NOT NULL, data TEXT) STRICT;

  CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, secret_hash TEXT NOT NULL, created_at REAL NOT NULL, created_by TEXT NOT NULL,
    expires_at REAL, revoked_at REAL
  ) STRICT;

  CREATE TABLE audit (
    n INTEGER PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, about TEXT NOT NULL, detail TEXT, prev TEXT NOT NULL, hash TEXT NOT NULL
  ) STRICT;
  CREATE INDEX audit_hash ON audit (hash);
  CREATE INDEX audit_about ON audit (about, n);
  CREATE TABLE audit_head (id INTEGER PRIMARY KEY CHECK (id = 1), n INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
  CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
  CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
  `,
  `
  CREATE TABLE tainted (id TEXT PRIMARY KEY, digests TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE conversations (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, used_at REAL NOT NULL, state TEXT NOT NULL
  ) STRICT;
  CREATE INDEX conversations_owner ON conversations (owner, n);
  CREATE INDEX conversations_used ON conversations (used_at);
  CREATE TABLE spending (
    day TEXT NOT NULL, who TEXT NOT NULL, dollars REAL NOT NULL, tokens INTEGER NOT NULL, PRIMARY KEY (day, who)
  ) STRICT, WITHOUT ROWID;
  `,
];

/** Brings a database to the newest version, each step in a transaction; refuses one that a newer controller wrote. */
export function migrate(db: DatabaseSync, path: string): void {
  const row = db.prepare("PRAGMA user_version").get() as { user_version: number };
  if (row.user_version > migrations.length) throw new ProblemError(newer(path, row.user_version));
  for (let version = row.user_version; version < migrations.length; version += 1) {
    db.exec("BEGIN IMMEDIATE");
    try {
      db.exec(migrations[version] as string);
      db.exec(`PRAGMA user_version = ${version + 1}`);
      db.exec("COMMIT");
    } catch (thrown) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw thrown;
    }
  }
}

const newer = (path: string, version: number) =>
  error("store/newer", `Unable to use ${path}: a newer controller wrote it (version ${version}, this one knows ${migrations.length})`, {
    hint: "Run the newer controller again, or put back the backup from before the upgrade: docs/operating.md",
  });
