import type { Role } from "../plans.ts";
import type { ApiToken, ApiTokenStore } from "../tokens.ts";
import { orUndefined } from "./columns.ts";
import type { Database } from "./database.ts";

interface Row {
  id: string;
  name: string;
  role: Role;
  secret_hash: string;
  created_at: number;
  created_by: string;
  expires_at: number | null;
  revoked_at: number | null;
}

const tokenOf = (row: Row): ApiToken => ({
  id: row.id,
  name: row.name,
  role: row.role,
  secretHash: row.secret_hash,
  createdAt: row.created_at,
  createdBy: row.created_by,
  expiresAt: orUndefined(row.expires_at),
  revokedAt: orUndefined(row.revoked_at),
});

/** Tokens of the API in SQLite. */
export function sqliteTokens(db: Database): ApiTokenStore {
  return {
    add: (token) =>
      db.write(() => {
        const { id, name, role, secretHash, createdAt, createdBy, expiresAt, revokedAt } = token;
        const taken = db.row<Row>(
          "SELECT * FROM api_tokens WHERE lower(name) = lower(?) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)",
          name,
          createdAt,
        );
        if (taken !== undefined) return false;
        db.run(
          "INSERT INTO api_tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
          id,
          name,
          role,
          secretHash,
          createdAt,
          createdBy,
          expiresAt ?? null,
          revokedAt ?? null,
        );
        return true;
      }),
    get: (id) =>
      db.read(() => {
        const row = db.row<Row>("SELECT * FROM api_tokens WHERE id = ?", id);
        return row === undefined ? undefined : tokenOf(row);
      }),
    list: () => db.read(() => db.rows<Row>("SELECT * FROM api_tokens ORDER BY created_at, id").map(tokenOf)),
    revoke: (id, at) => db.write(() => db.run("UPDATE api_tokens SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?", at, id) > 0),
  };
}
