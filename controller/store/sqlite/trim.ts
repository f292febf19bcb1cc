import type { Retention } from "../store.ts";
import type { Database } from "./database.ts";

/** Drops the oldest of what is over: runs with their journals, then plans that no run refers to with their decisions, closed alerts. */
export function trim(db: Database, keep: Retention): Promise<void> {
  return db.write(() => {
    db.run("DELETE FROM runs WHERE ended_at IS NOT NULL AND n NOT IN (SELECT n FROM runs ORDER BY n DESC LIMIT ?)", keep.runs);
    db.run("DELETE FROM run_events WHERE run NOT IN (SELECT id FROM runs)");
    db.run(
      `DELETE FROM plans WHERE state IN ('done', 'superseded', 'rejected') AND digest NOT IN (SELECT digest FROM runs)
       AND n NOT IN (SELECT n FROM plans ORDER BY n DESC LIMIT ?)`,
      keep.plans,
    );
    db.run("DELETE FROM decisions WHERE digest NOT IN (SELECT digest FROM plans)");
    db.run("DELETE FROM alerts WHERE closed_at IS NOT NULL AND id NOT IN (SELECT id FROM alerts ORDER BY id DESC LIMIT ?)", keep.alerts);
  });
}
