import type { RunEvent, RunState } from "../../../schemas/run.ts";
import { error, ProblemError } from "../../../schemas/problem.ts";
import type { RunStore, RunSummary, StartedEvent } from "../runs.ts";
import { orUndefined, page } from "./columns.ts";
import type { Database } from "./database.ts";

interface Row {
  n: number;
  id: string;
  digest: string;
  state: RunState;
  by: string;
  started_at: string;
  ended_at: string | null;
  events: number;
}

const summary = (row: Row): RunSummary => ({
  id: row.id,
  digest: row.digest,
  state: row.state,
  by: row.by,
  startedAt: row.started_at,
  endedAt: orUndefined(row.ended_at),
  events: row.events,
});

/** Journals of runs in SQLite. */
export function sqliteRuns(db: Database): RunStore {
  const find = (id: string): Row | undefined => db.row<Row>("SELECT * FROM runs WHERE id = ?", id);
  const followers = new Map<string, Set<() => void>>();
  const grown = (run: string): void => {
    if (followers.has(run)) db.afterCommit(() => followers.get(run)?.forEach((listener) => listener()));
  };
  const insertEvent = (run: string, n: number, event: RunEvent): void =>
    void db.run("INSERT INTO run_events (run, n, event) VALUES (?, ?, ?)", run, n, JSON.stringify(event));

  const begin = (id: string, digest: string, started: StartedEvent): void => {
    const plan = db.row<{ state: string }>("SELECT state FROM plans WHERE digest = ?", digest);
    if (plan !== undefined && plan.state !== "pending" && plan.state !== "approved")
      throw new ProblemError(notRunnable(digest, plan.state));
    if (find(id) !== undefined) throw new ProblemError(error("conflict/journal", `Unable to begin run ${id}: it has begun already`));
    db.run("UPDATE plans SET state = 'running' WHERE digest = ?", digest);
    db.run(
      "INSERT INTO runs (id, digest, state, by, started_at, events) VALUES (?, ?, 'running', ?, ?, 1)",
      id,
      digest,
      started.by,
      started.at,
    );
    insertEvent(id, 0, started);
    grown(id);
  };

  const append = (run: string, n: number, events: readonly RunEvent[], state: RunState | undefined): void => {
    if (db.run("UPDATE runs SET events = ? WHERE id = ? AND events = ? AND ended_at IS NULL", n + events.length, run, n) === 0)
      throw new ProblemError(conflict(run, n, find(run)));
    events.forEach((event, i) => insertEvent(run, n + i, event));
    grown(run);
    if (state !== undefined) db.run("UPDATE runs SET state = ? WHERE id = ?", state, run);
    const ended = events.find((event) => event.type === "ended");
    if (ended === undefined) return;
    if (state === undefined || state === "running") throw new TypeError("an ended event needs the state in which the run ended");
    db.run("UPDATE runs SET ended_at = ? WHERE id = ?", ended.at, run);
    db.run("UPDATE plans SET state = 'done' WHERE state = 'running' AND digest = (SELECT digest FROM runs WHERE id = ?)", run);
  };

  return {
    begin: (id, digest, started) => db.write(() => begin(id, digest, started)),
    append: (run, n, events, state) => db.write(() => append(run, n, events, state)),
    follow(run, listener) {
      const those = followers.get(run) ?? new Set();
      followers.set(run, those.add(listener));
      return () => {
        those.delete(listener);
        if (those.size === 0 && followers.get(run) === those) followers.delete(run);
      };
    },
    events: (run, after = 0) =>
      db.read(() =>
        db
          .rows<{ event: string }>("SELECT event FROM run_events WHERE run = ? AND n >= ? ORDER BY n", run, after)
          .map((row) => JSON.parse(row.event) as RunEvent),
      ),
    get: (run) =>
      db.read(() => {
        const row = find(run);
        return row === undefined ? undefined : summary(row);
      }),
    list: (request) =>
      db.read(() => {
        const digest = request?.digest ?? null;
        const rows = (below: number, count: number): Row[] =>
          db.rows<Row>(
            "SELECT * FROM runs WHERE n < ? AND (? IS NULL OR digest = ?) ORDER BY n DESC LIMIT ?",
            below,
            digest,
            digest,
            count,
          );
        return page(request, rows, (row) => row.n, summary);
      }),
    unfinished: () => db.read(() => db.rows<Row>("SELECT * FROM runs WHERE ended_at IS NULL ORDER BY n").map(summary)),
  };
}

function conflict(run: string, n: number, row: Row | undefined) {
  if (row === undefined) return error("not-found/run", `Unable to write the journal of run ${run}: there is no such run`);
  const state = row.ended_at === null ? `its journal holds ${row.events} events, not ${n}: somebody else wrote to it` : "it has ended";
  return error("conflict/journal", `Unable to write the journal of run ${run}: ${state}`);
}

const notRunnable = (digest: string, state: string) => error("conflict/plan-not-runnable", `Unable to run plan ${digest}: it is ${state}`);
