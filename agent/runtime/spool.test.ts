import { appendFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FactReport, HostEvent } from "../../schemas/report.ts";
import { silent } from "./log.ts";
import { fileSpool, type Spool, volatileSpool } from "./spool.ts";
import { maxBytes, maxEvents } from "./spool-queue.ts";

let folder: string, path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spool-"));
  path = join(folder, "spool.jsonl");
});
afterEach(async () => {
  for (const spool of opened.splice(0)) await spool.close();
  await rm(folder, { recursive: true });
});

const opened: Spool[] = [];
async function open(): Promise<Spool> {
  const spool = await fileSpool(path, silent);
  opened.push(spool);
  return spool;
}

const fact = (name: string, value: unknown): FactReport => ({ ask: { probe: "file", input: { path: name } }, at: 1, value });
const event = (n: number): HostEvent => ({ at: n, type: "job", subject: "x", text: "" });
function all(spool: Spool) {
  const entries = [];
  for (let entry = spool.next(0); entry !== undefined; entry = spool.next(entry.seq)) entries.push(entry);
  return entries;
}

test("what was added is there after a crash, without what was acknowledged once the file was tidied", async () => {
  const spool = await open();
  await Promise.all([spool.add([fact("/a", 1)], []), spool.add([fact("/b", 2)], [event(1)]), spool.add([], [event(2)])]);
  expect(all(await open())).toEqual(all(spool));
  spool.ack(2);
  await spool.close();
  const again = await open();
  expect([again.last, again.acked, all(again).map(({ seq }) => seq)]).toEqual([3, 2, [3]]);
});

test("a number under which something may have been sent is never used again, even where a crash kept it off the disk", async () => {
  const spool = await open();
  await spool.add([fact("/a", 1)], []);
  void spool.add([fact("/b", 2)], []);
  const sent = spool.next(1)!;
  expect(sent.facts[0]!.value).toBe(2);
  const again = await open();
  await again.add([fact("/c", 3)], []);
  expect(all(again).at(-1)!.seq).toBeGreaterThan(sent.seq);
});

test("a torn last line is dropped, and what comes after it is whole", async () => {
  const spool = await open();
  await spool.add([fact("/a", 1)], []);
  await appendFile(path, '{"seq":2,"facts":[{"ask":{"pro');
  const again = await open();
  await again.add([fact("/b", 2)], []);
  expect(all(await open()).map(({ facts }) => facts[0]!.value)).toEqual([1, 2]);
});

test("a damaged line costs that line alone", async () => {
  const spool = await open();
  await spool.add([fact("/a", 1)], []);
  await appendFile(path, '\u0000\u0000\n{"seq":3,"facts":[],"events":[]}\n');
  expect(all(await open()).map(({ seq }) => seq)).toEqual([1, 3]);
});

test("numbers go on after everything was acknowledged and the agent restarted", async () => {
  const spool = await open();
  await spool.add([fact("/a", 1)], []);
  spool.ack(1);
  await spool.close();
  expect((await open()).last).toBe(1);
});

test("many facts of the same key leave the newest of each, on disk too", async () => {
  const spool = await open();
  for (let i = 0; i < 50; i++)
    await spool.add(
      Array.from({ length: 100 }, (_, n) => fact(`/${n}`, i)),
      [],
    );
  await spool.add([fact("/last", 1)], []);
  const facts = all(spool).flatMap((entry) => entry.facts);
  expect(facts.length).toBeLessThan(2200);
  expect(new Map(facts.map((one) => [JSON.stringify(one.ask.input), one.value])).get('{"path":"/7"}')).toBe(49);
  expect(all(await open())).toEqual(all(spool));
});

test("too many events become a counted gap before those that remain", async () => {
  const spool = volatileSpool();
  for (let i = 0; i < maxEvents + 500; i++) await spool.add([], [event(i)]);
  const entries = all(spool),
    kept = entries.flatMap((entry) => entry.events);
  expect(kept.at(-1)!.at).toBe(maxEvents + 499);
  expect(entries.reduce((sum, entry) => sum + (entry.gap ?? 0), 0)).toBe(maxEvents + 500 - kept.length);
  expect(entries[0]!.gap).toBe(kept[0]!.at);
});

test("too many bytes let the oldest facts go and say so", async () => {
  const spool = volatileSpool(),
    text = "x".repeat(60_000);
  for (let i = 0; i * text.length < maxBytes * 1.2; i++) await spool.add([fact(`/${i}`, text)], []);
  expect(JSON.stringify(all(spool)).length).toBeLessThan(maxBytes);
  expect([spool.takeLost(), spool.takeLost()]).toEqual([true, false]);
});

test("numbered anew above what a controller holds", async () => {
  const spool = volatileSpool();
  await spool.add([fact("/a", 1)], []);
  spool.rebase(40);
  await spool.add([fact("/b", 1)], []);
  expect(all(spool).map(({ seq }) => seq)).toEqual([41, 42]);
});

test("a disk that refuses costs durability, not the report", async () => {
  const spool = await open();
  await spool.add([fact("/a", 1)], []);
  await rm(folder, { recursive: true });
  for (let i = 0; i < 30; i++)
    await spool.add(
      Array.from({ length: 100 }, (_, n) => fact(`/${n}`, i)),
      [],
    );
  expect(all(spool).length).toBeGreaterThan(1);
  await mkdir(folder);
  await spool.add([fact("/b", 1)], []);
  expect((await readFile(path, "utf8")).split("\n").length).toBeGreaterThan(2);
});
