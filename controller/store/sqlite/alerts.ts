import type { Difference } from "../../../schemas/plan.ts";
import type { Alert, AlertStore, DriftMode, NewAlert } from "../alerts.ts";
import { jsonOrNull, orUndefined, page, parsed } from "./columns.ts";
import type { Database } from "./database.ts";

interface Row {
  id: number;
  instance: string;
  since: number;
  differences: string;
  by: string | null;
  mode: DriftMode;
  note: string | null;
  closed_at: number | null;
  corrected: number | null;
}

const alertOf = (row: Row): Alert => ({
  id: row.id,
  instance: row.instance,
  since: row.since,
  differences: JSON.parse(row.differences) as Difference[],
  by: parsed(row.by),
  mode: row.mode,
  note: orUndefined(row.note),
  closedAt: orUndefined(row.closed_at),
  corrected: row.corrected === null ? undefined : row.corrected === 1,
});

/** Drifts in SQLite. */
export function sqliteAlerts(db: Database): AlertStore {
  const openOf = (instance: string): Row | undefined =>
    db.row<Row>("SELECT * FROM alerts WHERE instance = ? AND closed_at IS NULL", instance);

  const open = (alert: NewAlert): { alert: Alert; isNew: boolean } => {
    const isNew = openOf(alert.instance) === undefined;
    db.run(
      `INSERT INTO alerts (instance, since, differences, by, mode, note) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (instance) WHERE closed_at IS NULL DO UPDATE SET differences = excluded.differences, by = coalesce(excluded.by, by), mode = excluded.mode, note = excluded.note`,
      alert.instance,
      alert.since,
      JSON.stringify(alert.differences),
      jsonOrNull(alert.by),
      alert.mode,
      alert.note ?? null,
    );
    return { alert: alertOf(openOf(alert.instance) as Row), isNew };
  };

  const close = (instance: string, at: number, corrected: boolean): Alert | undefined => {
    const row = openOf(instance);
    if (row === undefined) return undefined;
    db.run("UPDATE alerts SET closed_at = ?, corrected = ? WHERE id = ?", at, corrected ? 1 : 0, row.id);
    return alertOf({ ...row, closed_at: at, corrected: corrected ? 1 : 0 });
  };

  return {
    open: (alert) => db.write(() => open(alert)),
    close: (instance, at, corrected) => db.write(() => close(instance, at, corrected)),
    openAlerts: () => db.read(() => db.rows<Row>("SELECT * FROM alerts WHERE closed_at IS NULL ORDER BY id").map(alertOf)),
    list: (request) =>
      db.read(() => {
        const instance = request?.instance ?? null;
        const rows = (below: number, count: number): Row[] =>
          db.rows<Row>(
            "SELECT * FROM alerts WHERE id < ? AND (? IS NULL OR instance = ?) ORDER BY id DESC LIMIT ?",
            below,
            instance,
            instance,
            count,
          );
        return page(request, rows, (row) => row.id, alertOf);
      }),
  };
}
