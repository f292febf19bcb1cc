import { expect, test } from "vitest";
import type { Fact } from "../core/model.ts";
import { temporaryStore } from "./testing.ts";

const fact = (host: string, key: string, fields: Partial<Fact> = {}): Fact => ({
  host,
  key,
  at: 5,
  digest: `d-${key}`,
  value: { active: "active", list: [1, null] },
  ...fields,
});
const full = (one: Fact, receivedAt: number) => ({ problem: undefined, by: undefined, ...one, receivedAt });

test("gives facts back as they were, a null value and a problem too", async () => {
  const { facts } = await temporaryStore();
  const given = [
    fact("a", "1", { by: { who: "root", how: "sudo" } }),
    fact("a", "2", { value: null }),
    fact("b", "1", { value: undefined, problem: { code: "x/y", severity: "error", summary: "no", retry: "later" } }),
  ];
  await facts.put(given, 7);
  expect(await facts.all()).toEqual(given.map((one) => full(one, 7)));
  expect((await facts.ofHost("a")).map((one) => one.key)).toEqual(["1", "2"]);
});

test("stores a report once: facts, events and number together", async () => {
  const { facts, events, agents } = await temporaryStore();
  const report = {
    agent: "agent-1",
    host: "a",
    seq: 3,
    receivedAt: 7,
    facts: [fact("a", "1")],
    events: [{ at: 1, type: "job-failed", text: "x" }],
  };
  expect(await facts.putReport(report)).toEqual({ stored: true, acked: 3 });
  const late = { ...report, facts: [fact("a", "1", { digest: "older" })] };
  expect(await facts.putReport(late)).toEqual({ stored: false, acked: 3 });
  expect(await facts.putReport({ ...late, seq: 2 })).toEqual({ stored: false, acked: 3 });
  await agents.setAcked("agent-1", 1);
  expect(await facts.putReport({ ...late, seq: 1 })).toEqual({ stored: false, acked: 3 });
  expect((await facts.all()).map((one) => one.digest)).toEqual(["d-1"]);
  expect((await events.after(0)).events).toHaveLength(1);
});

test("forgets what is no longer watched, on that host alone", async () => {
  const { facts } = await temporaryStore();
  await facts.put([fact("a", "1"), fact("a", "2"), fact("b", "2")], 1);
  expect(await facts.keepOnly("a", new Set(["1"]))).toBe(1);
  expect((await facts.all()).map((one) => `${one.host} ${one.key}`)).toEqual(["a 1", "b 2"]);
});

test("undoes a report whole where one of its facts cannot be stored, and leaves others of the same moment alone", async () => {
  const { facts } = await temporaryStore();
  const broken = {
    agent: "x",
    host: "a",
    seq: 1,
    receivedAt: 1,
    facts: [fact("a", "1"), fact("a", "2", { digest: null as unknown as string })],
  };
  const [bad, good] = await Promise.allSettled([
    facts.putReport(broken),
    facts.putReport({ ...broken, agent: "y", host: "b", facts: [fact("b", "1")] }),
  ]);
  expect([bad.status, good.status]).toEqual(["rejected", "fulfilled"]);
  expect((await facts.all()).map((one) => one.host)).toEqual(["b"]);
  expect(await facts.putReport({ ...broken, facts: [] })).toEqual({ stored: true, acked: 1 });
});
