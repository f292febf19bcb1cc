import type { ConversationRecord, ConversationStore } from "../conversations.ts";
import type { Database } from "./database.ts";

/** Conversations in SQLite; the row's number rises with each use, so that the lowest are the oldest. */
export function sqliteConversations(db: Database): ConversationStore {
  return {
    get: (id) =>
      db.read(() => db.row<ConversationRecord>("SELECT id, owner, used_at AS usedAt, state FROM conversations WHERE id = ?", id)),
    put: ({ id, owner, usedAt, state }, { all, perOwner, bytes, idleMs }) =>
      db.write(() => {
        db.run("DELETE FROM conversations WHERE id = ? OR used_at < ?", id, usedAt - idleMs);
        db.run("INSERT INTO conversations (id, owner, used_at, state) VALUES (?, ?, ?, ?)", id, owner, usedAt, state);
        db.run(
          "DELETE FROM conversations WHERE owner = ? AND n NOT IN (SELECT n FROM conversations WHERE owner = ? ORDER BY n DESC LIMIT ?)",
          owner,
          owner,
          perOwner,
        );
        db.run("DELETE FROM conversations WHERE n NOT IN (SELECT n FROM conversations ORDER BY n DESC LIMIT ?)", all);
        db.run(
          `DELETE FROM conversations WHERE n IN (
            SELECT n FROM (SELECT n, SUM(octet_length(state)) OVER (ORDER BY n DESC) AS upTo FROM conversations) WHERE upTo > ?)`,
          bytes,
        );
      }),
  };
}
