import { closeSync, fsyncSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { error, ProblemError } from "../../schemas/problem.ts";
import { sqliteAgents } from "./sqlite/agents.ts";
import { sqliteAlerts } from "./sqlite/alerts.ts";
import { fileAnchor, noAnchor } from "./sqlite/anchor.ts";
import { sqliteAudit } from "./sqlite/audit.ts";
import { backUp } from "./sqlite/backup.ts";
import { sqliteConversations } from "./sqlite/conversations.ts";
import { Database } from "./sqlite/database.ts";
import { sqliteDesired } from "./sqlite/desired.ts";
import { sqliteEvents } from "./sqlite/events.ts";
import { sqliteFacts } from "./sqlite/facts.ts";
import { sqlitePlans } from "./sqlite/plans.ts";
import { asProblem } from "./sqlite/problem.ts";
import { sqliteRuns } from "./sqlite/runs.ts";
import { migrate } from "./sqlite/schema.ts";
import { sqliteSpending } from "./sqlite/spending.ts";
import { sqliteTokens } from "./sqlite/tokens.ts";
import { trim } from "./sqlite/trim.ts";
import type { Store } from "./store.ts";

/** Databases up to this size (bytes) are checked for damage when they are opened: about a quarter of a second. */
const checkedSize = 64 * 1024 * 1024;

export interface StoreOptions {
  /** How many events are kept for followers; by default 10 000. */
  readonly events?: number | undefined;
}

/**
 * Opens the store in one SQLite file (made where it is missing, mode 0600), or in memory for `:memory:`. The file is held
 * exclusively, so that two controllers never work on one. Throws a ProblemError: `store/locked`, `store/corrupt`, `store/newer` …
 */
export function openStore(path: string, options: StoreOptions = {}): Store {
  const db = new Database(path, openConnection(path));
  const anchor = path === ":memory:" ? noAnchor : fileAnchor(`${path.replace(/\.db$/, "")}.audit-head.json`);
  const events = sqliteEvents(db, options.events ?? 10_000);
  let backups: Promise<void> = Promise.resolve();
  return {
    facts: sqliteFacts(db, events),
    agents: sqliteAgents(db),
    plans: sqlitePlans(db),
    runs: sqliteRuns(db),
    desired: sqliteDesired(db),
    alerts: sqliteAlerts(db),
    events: events.store,
    tokens: sqliteTokens(db),
    audit: sqliteAudit(db, anchor),
    conversations: sqliteConversations(db),
    spending: sqliteSpending(db),
    together: (start) => Promise.all(db.together(start)),
    backup(to) {
      const done = backups.then(() => backUp(db, to));
      backups = done.catch(() => {});
      return done;
    },
    trim: (keep) => trim(db, keep),
    async close() {
      await backups;
      db.close();
      await new Promise(setImmediate);
      await anchor.settled();
    },
  };
}

function openConnection(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    const inMemory = path === ":memory:";
    if (!inMemory) makeFile(path);
    db = new DatabaseSync(path, { timeout: inMemory ? 0 : 1000 });
    db.exec(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA recursive_triggers = ON; PRAGMA trusted_schema = OFF",
    );
    // The lock is taken by the first transaction, not by the setting.
    db.exec("BEGIN IMMEDIATE; COMMIT");
    if (!inMemory) refuseDamaged(db, path);
    migrate(db, path);
    return db;
  } catch (thrown) {
    db?.close();
    throw asProblem(thrown, path);
  }
}

/** Makes the file with its mode before SQLite would make it with the umask's; its journals take the same mode. */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, "a", 0o600));
    const folder = openSync(dirname(path), "r");
    fsyncSync(folder);
    closeSync(folder);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException,
      full = code === "ENOSPC" || code === "EDQUOT";
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: "its folder is missing",
      EACCES: "the controller's user may not write there",
      EROFS: "the file system is read-only",
      EISDIR: "it is a folder",
    };
    const reason = full ? "the disk is full" : (reasons[code ?? ""] ?? (thrown as Error).message);
    throw new ProblemError(
      error(
        full ? "store/disk-full" : code === "EROFS" || code === "EACCES" ? "store/read-only" : "store/unopenable",
        `Unable to open ${path}: ${reason}`,
      ),
      { cause: thrown },
    );
  }
}

function refuseDamaged(db: DatabaseSync, path: string): void {
  if (statSync(path).size > checkedSize) return;
  const row = db.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
  if (row.quick_check === "ok") return;
  throw new ProblemError(
    error("store/corrupt", `Unable to use ${path}: the database is damaged`, {
      detail: row.quick_check,
      hint: 'Stop the controller and put back a backup: docs/operating.md, section "Backup and restore"',
    }),
  );
}
