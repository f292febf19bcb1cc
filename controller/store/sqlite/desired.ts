import type { DesiredStore, GoodCommit, Held, Synced } from "../desired.ts";
import type { Database } from "./database.ts";

const hour = 3_600_000;

/** The loop's memory in SQLite. */
export function sqliteDesired(db: Database): DesiredStore {
  return {
    goodCommit: (branch) =>
      db.read(() => db.row<GoodCommit>("SELECT branch, commit_id AS 'commit', at FROM good_commits WHERE branch = ?", branch)),
    setGoodCommit: ({ branch, commit, at }) =>
      db.write(() => void db.run("INSERT OR REPLACE INTO good_commits (branch, commit_id, at) VALUES (?, ?, ?)", branch, commit, at)),

    synced: () => db.read(() => db.rows<Synced>("SELECT instance, digest, at FROM synced ORDER BY instance")),
    setSynced: (synced) =>
      db.write(() => {
        for (const { instance, digest, at } of synced)
          db.run("INSERT OR REPLACE INTO synced (instance, digest, at) VALUES (?, ?, ?)", instance, digest, at);
      }),
    held: () => db.read(() => db.rows<Held>("SELECT instance, digest, reason, at FROM held ORDER BY instance")),
    hold: ({ instance, digest, reason, at }) =>
      db.write(
        () => void db.run("INSERT OR REPLACE INTO held (instance, digest, reason, at) VALUES (?, ?, ?, ?)", instance, digest, reason, at),
      ),
    release: (instances) =>
      db.write(() => {
        for (const instance of instances) db.run("DELETE FROM held WHERE instance = ?", instance);
      }),
    forget: (instances) =>
      db.write(() => {
        for (const table of ["synced", "held", "corrections"])
          for (const instance of instances) db.run(`DELETE FROM ${table} WHERE instance = ?`, instance);
      }),

    tainted: () =>
      db.read(() =>
        db
          .rows<{ id: string; digests: string }>("SELECT id, digests FROM tainted ORDER BY id")
          .map(({ id, digests }) => ({ id, digests: JSON.parse(digests) as string[] })),
      ),
    setTainted: (resources) =>
      db.write(() => {
        for (const { id, digests } of resources) {
          if (digests.length === 0) db.run("DELETE FROM tainted WHERE id = ?", id);
          else db.run("INSERT OR REPLACE INTO tainted (id, digests) VALUES (?, ?)", id, JSON.stringify(digests));
        }
      }),

    noteCorrection: (instance, at) =>
      db.write(() => {
        db.run("DELETE FROM corrections WHERE at <= ?", at - hour);
        db.run("INSERT INTO corrections (instance, at) VALUES (?, ?)", instance, at);
      }),
    corrections: (since) =>
      db.read(() => {
        const times = new Map<string, number[]>();
        for (const { instance, at } of db.rows<{ instance: string; at: number }>(
          "SELECT instance, at FROM corrections WHERE at > ? ORDER BY at",
          since,
        )) {
          times.set(instance, [...(times.get(instance) ?? []), at]);
        }
        return times;
      }),
  };
}
