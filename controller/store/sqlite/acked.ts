import type { Database } from "./database.ts";

/** Raises the highest stored report number of an agent, never lowers it; called inside a write. */
export function raiseAcked(db: Database, agent: string, seq: number): { readonly raised: boolean; readonly acked: number } {
  const raised =
    db.run(
      "INSERT INTO acked (agent, seq) VALUES (?, ?) ON CONFLICT (agent) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > seq",
      agent,
      seq,
    ) > 0;
  if (raised) return { raised, acked: seq };
  return { raised, acked: db.row<{ seq: number }>("SELECT seq FROM acked WHERE agent = ?", agent)?.seq ?? 0 };
}
