import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import type { Problem } from "../../schemas/problem.ts";
import { ProblemError } from "../../schemas/problem.ts";
import { openStore } from "./open.ts";
import { Database } from "./sqlite/database.ts";
import { temporaryFolder, unprivileged } from "./testing.ts";

const file = async (): Promise<string> => join(await temporaryFolder(), "controller.db");

function problemOf(open: () => unknown): Problem {
  try {
    open();
  } catch (thrown) {
    if (thrown instanceof ProblemError) return thrown.problems[0] as Problem;
    throw thrown;
  }
  throw new Error("no problem");
}

test("makes a file that its owner alone may read, and finds everything again", async () => {
  const path = await file(),
    store = openStore(path);
  await store.desired.setGoodCommit({ branch: "main", commit: "abc", at: 1 });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(`${path}-wal`)).mode & 0o777).toBe(0o600);
  await store.close();
  const again = openStore(path);
  expect(await again.desired.goodCommit("main")).toMatchObject({ commit: "abc" });
  await again.close();
  await expect(again.facts.all()).rejects.toThrow("the store is closed");
});

test("a second controller on the same file is told so", async () => {
  const path = await file(),
    store = openStore(path);
  expect(problemOf(() => openStore(path))).toMatchObject({ code: "store/locked", hint: expect.stringContaining("Only one controller") });
  await store.close();
});

describe("a file that cannot be used", () => {
  test("is not a database", async () => {
    const path = await file();
    await writeFile(path, "hello ".repeat(1000));
    expect(problemOf(() => openStore(path))).toMatchObject({ code: "store/corrupt", hint: expect.stringContaining("Backup and restore") });
  });

  test("is damaged in the middle", async () => {
    const path = await file(),
      store = openStore(path);
    await store.facts.put(
      Array.from({ length: 500 }, (_, n) => ({ host: "a", key: `k${n}`, at: 1, digest: "d", value: "x".repeat(200) })),
      1,
    );
    await store.close();
    const bytes = await readFile(path);
    bytes.fill(0x5a, bytes.length / 2, bytes.length / 2 + 20_000);
    await writeFile(path, bytes);
    expect(problemOf(() => openStore(path))).toMatchObject({ code: "store/corrupt", hint: expect.stringContaining("docs/operating.md") });
  });

  test("was written by a newer controller", async () => {
    const path = await file();
    await openStore(path).close();
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 999");
    db.close();
    expect(problemOf(() => openStore(path))).toMatchObject({ code: "store/newer" });
  });

  test("is in no folder, or is one", async () => {
    const folder = await temporaryFolder();
    expect(problemOf(() => openStore(join(folder, "no/controller.db")))).toMatchObject({
      code: "store/unopenable",
      summary: expect.stringContaining("its folder is missing"),
    });
    await mkdir(join(folder, "controller.db"));
    expect(problemOf(() => openStore(join(folder, "controller.db")))).toMatchObject({
      code: "store/unopenable",
      summary: expect.stringContaining("it is a folder"),
    });
  });

  test("may not be written", async () => {
    const path = await file();
    await openStore(path).close();
    await chmod(dirname(path), 0o755);
    await chmod(path, 0o444);
    expect(await unprivileged(() => problemOf(() => openStore(path)))).toMatchObject({ code: "store/read-only" });
  });
});

/** A table of our own, so that the limits of SQLite itself can stand in for those of a disk. */
async function scratch(): Promise<{ db: Database; raw: DatabaseSync; count(): number }> {
  const path = await file(),
    raw = new DatabaseSync(path);
  raw.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a TEXT)");
  return { db: new Database(path, raw), raw, count: () => (raw.prepare("SELECT count(*) AS n FROM t").get() as { n: number }).n };
}

test("a full disk fails everything of that transaction, keeps all before, and passes when there is room", async () => {
  const { db, raw, count } = await scratch();
  const insert = (size: number) => db.write(() => db.run("INSERT INTO t VALUES (?)", "x".repeat(size)));
  await insert(10);
  raw.exec("PRAGMA max_page_count = 10");
  const outcomes = await Promise.allSettled([insert(10), insert(100_000), insert(10)]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(["rejected", "rejected", "fulfilled"]);
  expect(outcomes[0]).toMatchObject({ reason: { problems: [{ code: "store/disk-full", retry: "later" }] } });
  expect(count()).toBe(2);
  raw.exec("PRAGMA max_page_count = 1000");
  await insert(100_000);
  expect(count()).toBe(3);
  db.close();
});

test("a read-only database says so and half-writes nothing", async () => {
  const { db, raw, count } = await scratch();
  raw.exec("PRAGMA query_only = ON");
  await expect(db.write(() => db.run("INSERT INTO t VALUES ('x')"))).rejects.toMatchObject({ problems: [{ code: "store/read-only" }] });
  expect(count()).toBe(0);
  db.close();
});

test("a backup taken while events are written is a whole database", async () => {
  const path = await file(),
    store = openStore(path),
    copy = `${path}.backup`;
  await store.facts.put(
    Array.from({ length: 5000 }, (_, n) => ({ host: "a", key: `k${n}`, at: 1, digest: "d", value: "x".repeat(500) })),
    1,
  );
  let backing = true;
  const backup = store.backup(copy).finally(() => (backing = false));
  let written = 0;
  for (; backing; written += 1) await store.audit.append({ at: written, who: "a", what: "b", about: "c" });
  await backup;
  await expect(store.backup(copy)).rejects.toThrow("the file exists");
  await store.close();
  expect((await stat(copy)).mode & 0o777).toBe(0o600);
  const restored = openStore(copy);
  expect(await restored.facts.all()).toHaveLength(5000);
  expect(await restored.audit.verify()).toMatchObject({ ok: true });
  await restored.close();
});

test("what was acknowledged before a kill -9 is there, and nothing is half-written", async () => {
  const path = await file();
  for (let round = 0; round < 5; round += 1) {
    const child = spawn(process.execPath, [join(import.meta.dirname, "crash.fixture.ts"), path, String(round)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const acknowledged: number[] = [],
      lines = createInterface({ input: child.stdout });
    lines.on("line", (line) => {
      acknowledged.push(Number(line));
      if (acknowledged.length === 40 + round * 17) child.kill("SIGKILL");
    });
    await Promise.all([once(child, "exit"), once(lines, "close")]);
    const store = openStore(path);
    const events = await store.runs.events(`run-${round}`),
      facts = await store.facts.ofHost(`h${round}`),
      last = acknowledged.at(-1) ?? 0;
    expect(last).toBeGreaterThan(0);
    expect(events.length).toBeGreaterThanOrEqual(last + 1);
    expect(events.map((event) => ("step" in event ? event.step : "start"))).toEqual([
      "start",
      ...Array.from({ length: events.length - 1 }, (_, n) => `s${n + 1}`),
    ]);
    // The journal, the report and the audit entry of one number were written together.
    expect(facts.map((fact) => fact.at)).toEqual(events.length > 1 ? [events.length - 1] : []);
    expect(await store.audit.verify()).toMatchObject({ ok: true });
    await store.close();
  }
}, 60_000);
