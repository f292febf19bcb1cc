import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { chained, genesis } from "./audit-chain.ts";
import { openStore } from "./open.ts";
import { temporaryFolder } from "./testing.ts";

const entry = (k: number) => ({ at: k, who: "alice", what: "plan.approve", about: `plan ${k}`, detail: { z: k, a: ["ü", undefined] } });

/** Writes ten entries, lets somebody at the closed file, and says what a check finds afterwards. */
async function tampered(how: (db: DatabaseSync) => void): Promise<string[]> {
  const path = join(await temporaryFolder(), "controller.db"),
    store = openStore(path);
  for (let k = 1; k <= 10; k += 1) await store.audit.append(entry(k));
  await store.close();
  const db = new DatabaseSync(path);
  how(db);
  db.close();
  const again = openStore(path),
    verdict = await again.audit.verify();
  await again.close();
  expect(verdict.ok).toBe(verdict.findings.length === 0);
  return verdict.findings.map((finding) => `${finding.fault} ${finding.n}`);
}

const unlocked = (db: DatabaseSync) => db.exec("DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete");

test("is sound when nobody touched it, across a restart", async () => {
  expect(await tampered(() => {})).toEqual([]);
});

test("the database itself refuses changes", async () => {
  await tampered((db) => {
    expect(() => db.exec("UPDATE audit SET who = 'bob' WHERE n = 3")).toThrow("the audit trail is append-only");
    expect(() => db.exec("DELETE FROM audit WHERE n = 3")).toThrow("the audit trail is append-only");
  });
});

test("finds a changed entry", async () => {
  expect(
    await tampered((db) => {
      unlocked(db);
      db.exec('UPDATE audit SET detail = \'{"a":["ü",null],"z":99}\' WHERE n = 4');
    }),
  ).toEqual(["changed 4"]);
});

test("finds an entry that was changed with its hash, by the link of the next", async () => {
  expect(
    await tampered((db) => {
      unlocked(db);
      const { hash } = chained(
        { n: 3, hash: (db.prepare("SELECT hash FROM audit WHERE n = 3").get() as { hash: string }).hash },
        { ...entry(4), who: "mallory" },
      );
      db.prepare("UPDATE audit SET who = 'mallory', hash = ? WHERE n = 4").run(hash);
    }),
  ).toEqual(["changed 4"]);
});

test("finds missing entries", async () => {
  expect(
    await tampered((db) => {
      unlocked(db);
      db.exec("DELETE FROM audit WHERE n IN (1, 5, 6)");
    }),
  ).toEqual(["missing 1", "missing 5", "missing 6"]);
});

test("finds entries that changed places", async () => {
  expect(
    await tampered((db) => {
      unlocked(db);
      db.exec("UPDATE audit SET n = 100 WHERE n = 5; UPDATE audit SET n = 5 WHERE n = 6; UPDATE audit SET n = 6 WHERE n = 100");
    }),
  ).toEqual(["reordered 5", "reordered 6"]);
});

test("finds an end that was cut off, even with the head in the database set back", async () => {
  expect(
    await tampered((db) => {
      unlocked(db);
      db.exec("DELETE FROM audit WHERE n > 7");
    }),
  ).toEqual(["truncated 10"]);
  expect(
    await tampered((db) => {
      unlocked(db);
      db.exec("DELETE FROM audit WHERE n > 7; UPDATE audit_head SET n = 7, hash = (SELECT hash FROM audit WHERE n = 7)");
    }),
  ).toEqual(["truncated 10"]);
});

test("finds a chain that was written anew from an entry on, by the head beside the database", async () => {
  expect(
    await tampered((db) => {
      unlocked(db);
      let head = genesis;
      for (let k = 1; k <= 10; k += 1) {
        const link = chained(head, { ...entry(k), detail: { z: k, a: ["ü", null] }, who: "mallory" });
        db.prepare("UPDATE audit SET who = ?, prev = ?, hash = ? WHERE n = ?").run(link.who, link.prev, link.hash, k);
        head = link;
      }
      db.prepare("UPDATE audit_head SET hash = ?").run(head.hash);
    }),
  ).toEqual(["changed 10"]);
});

test("notes its head beside the database, and lists newest first", async () => {
  const folder = await temporaryFolder(),
    store = openStore(join(folder, "controller.db"));
  const written = await Promise.all([1, 2, 3].map((k) => store.audit.append(entry(k))));
  expect((await store.audit.list({ limit: 2 })).items).toEqual([written[2], written[1]]);
  expect((await store.audit.list({ about: "plan 1" })).items).toEqual([written[0]]);
  await store.close();
  expect(JSON.parse(await readFile(join(folder, "controller.audit-head.json"), "utf8"))).toEqual({ n: 3, hash: written[2]?.hash });
});

test("a decision and its entry are written together or not at all", async () => {
  const store = openStore(":memory:");
  const failing = store.together(() => [
    store.audit.append(entry(1)),
    store.plans.decide({ digest: "no", decision: "approved", by: "a", role: "admin", at: 1 }),
  ]);
  await expect(failing).rejects.toThrow("Unable to find plan no");
  expect((await store.audit.list()).items).toEqual([]);
  const [first, second] = await store.together(() => [
    store.audit.append(entry(1)),
    store.events.append([{ at: 1, type: "t", text: "x" }]),
  ]);
  expect([first.n, second.length]).toEqual([1, 1]);
  await store.close();
});
