import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hostClock } from "./clock.ts";
import { removeLeftovers } from "./durable.ts";
import { fileMemory } from "./file-memory.ts";
import { silent } from "./log.ts";
import { stepAge, stepCount } from "./memory-state.ts";
import { volatileMemory } from "./volatile-memory.ts";

let folder: string, path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "memory-"));
  path = join(folder, "memory.json");
});
afterEach(() => rm(folder, { recursive: true }));

const open = () => fileMemory(path, hostClock, silent);
const step = (id: string, startedAt = Date.now()) => ({ step: id, orderDigest: `d ${id}`, startedAt, before: { active: "inactive" } });
const done = { outcome: "done", ms: 1 } as const;

test("everything said is there when it is opened again, without temporary files", async () => {
  const memory = await open();
  await Promise.all([
    memory.startStep(step("a")),
    memory.own({ claim: "file:/x", resource: "File/x", at: 1, created: true }),
    memory.mark("/x", ["nginx.service"]),
    memory.addBackup({ path: "/x", step: "a", at: 1 }, 3),
    memory.rememberUpgrade("nginx", 5),
  ]);
  await memory.finishStep("a", done);
  const again = await open();
  expect(again.step("a")).toMatchObject({ result: done });
  expect(again.unackedSteps()).toHaveLength(1);
  expect(again.owned()).toEqual([{ claim: "file:/x", resource: "File/x", at: 1, created: true }]);
  expect(again.marks()).toMatchObject([{ path: "/x", unit: "nginx.service" }]);
  expect(again.backups("/x")).toEqual([{ path: "/x", step: "a", at: 1 }]);
  expect(again.upgradedAt("nginx")).toBe(5);
  expect((await readdir(folder)).sort()).toEqual(["memory.json", "memory.json.bak"]);
});

test.each([
  ["cut off", () => truncate(path, 20)],
  ["empty", () => writeFile(path, "")],
  ["something else", () => writeFile(path, '{"version":7}')],
])("a file that is %s is set aside, and the version before it is used", async (_, damage) => {
  const memory = await open();
  await memory.startStep(step("a"));
  await memory.finishStep("a", done);
  await damage();
  const again = await open();
  expect(again.unfinishedSteps()).toMatchObject([{ step: "a", before: { active: "inactive" } }]);
  expect((await readdir(folder)).filter((name) => name.includes("damaged"))).toHaveLength(1);
  await again.finishStep("a", done);
  expect((await open()).step("a")?.result).toEqual(done);
});

test("a step that could not be noted as started was not started", async () => {
  const memory = await open();
  await rm(folder, { recursive: true });
  await expect(memory.startStep(step("a"))).rejects.toThrow(/ENOENT/);
  expect(memory.step("a")).toBeUndefined();
  folder = await mkdtemp(join(tmpdir(), "memory-"));
});

test("acknowledged results are kept for a week and up to a number; others stay", async () => {
  let now = stepAge * 10;
  const memory = volatileMemory({ now: () => now, after: () => () => {} });
  await memory.startStep(step("waits", now));
  await memory.finishStep("waits", done);
  for (let i = 0; i < stepCount + 10; i++) {
    await memory.startStep(step(`s${i}`, now));
    await memory.finishStep(`s${i}`, done);
    await memory.ackStep(`s${i}`);
  }
  expect([memory.step("s0"), memory.step("waits")?.result, memory.step(`s${stepCount}`)?.acked]).toEqual([undefined, done, true]);
  now += stepAge + 1;
  await memory.startStep(step("new", now));
  expect([memory.step(`s${stepCount}`), memory.step("waits")?.result]).toEqual([undefined, done]);
});

test("a power cut's temporary files are cleared away, and nothing else", async () => {
  await (await open()).startStep(step("a"));
  await Promise.all([`${path}.99.0123456789ab.tmp`, `${path}.bak.0123456789ab.tmp`].map((name) => writeFile(name, "{")));
  await writeFile(join(folder, "notes.tmp"), "");
  await removeLeftovers(folder);
  expect((await readdir(folder)).sort()).toEqual(["memory.json", "notes.tmp"]);
});

test("the latest deadline of what was forgotten is remembered", async () => {
  let now = stepAge * 10;
  const memory = volatileMemory({ now: () => now, after: () => () => {} });
  for (const [id, deadline] of [
    ["a", 70],
    ["b", 50],
  ] as const) {
    await memory.startStep({ ...step(id, now), deadline });
    await memory.finishStep(id, done);
    await memory.ackStep(id);
  }
  expect(memory.horizon()).toBe(0);
  now += stepAge + 1;
  await memory.startStep(step("new", now));
  expect([memory.step("a"), memory.horizon()]).toEqual([undefined, 70]);
});

test("marks are forgotten by a load that came after them, and only of that unit", async () => {
  let now = 100;
  const memory = volatileMemory({ now: () => now, after: () => () => {} });
  await memory.mark("/a", ["nginx.service", "php.service"]);
  now = 200;
  await memory.mark("/b", ["nginx.service"]);
  expect(await memory.unmark("nginx.service", 150)).toEqual(["/a"]);
  expect(memory.marks().map(({ path: file, unit }) => `${file} ${unit}`)).toEqual(["/a php.service", "/b nginx.service"]);
});

test("backups beyond the number are handed back, oldest first", async () => {
  const memory = volatileMemory(hostClock);
  const backup = (n: number) => ({ path: "/a", step: `s${n}`, at: n, file: `f${n}` });
  for (const n of [1, 2, 3]) expect(await memory.addBackup(backup(n), 3)).toEqual([]);
  expect(await memory.addBackup(backup(4), 2)).toEqual([backup(1), backup(2)]);
  expect(memory.backups("/a")).toEqual([backup(3), backup(4)]);
});

test("the file holds no acknowledged output", async () => {
  const memory = await open();
  await memory.startStep(step("a"));
  await memory.finishStep("a", { ...done, output: "long text" });
  await memory.ackStep("a");
  expect(await readFile(path, "utf8")).not.toContain("long text");
});
