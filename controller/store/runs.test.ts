import { expect, test } from "vitest";
import type { StartedEvent } from "./runs.ts";
import { emptyPlan, temporaryStore } from "./testing.ts";

const started: StartedEvent = { type: "started", at: "2026-11-20T10:00:00Z", by: "alice" };
const sent = (step: string) => ({ type: "step-sent", at: "2026-11-20T10:00:01Z", step }) as const;
const ended = { type: "ended", at: "2026-11-20T10:00:09Z" } as const;

test("keeps a journal in order and moves its plan along", async () => {
  const { runs, plans } = await temporaryStore();
  await plans.save(emptyPlan("d1"));
  await runs.begin("r1", "d1", started);
  expect(await plans.get("d1")).toMatchObject({ state: "running" });
  await runs.append("r1", 1, [sent("s1"), sent("s2")]);
  expect(await runs.unfinished()).toMatchObject([{ id: "r1", state: "running", events: 3 }]);
  await runs.append("r1", 3, [ended], "succeeded");
  expect(await runs.events("r1")).toEqual([started, sent("s1"), sent("s2"), ended]);
  expect(await runs.get("r1")).toEqual({
    id: "r1",
    digest: "d1",
    state: "succeeded",
    by: "alice",
    startedAt: started.at,
    endedAt: ended.at,
    events: 4,
  });
  expect(await runs.unfinished()).toEqual([]);
  expect(await plans.get("d1")).toMatchObject({ state: "done" });
});

test("who follows a journal is called after each commit that made it longer, and can read that from where they were", async () => {
  const { runs } = await temporaryStore(),
    seen: unknown[] = [];
  await runs.begin("r1", "d1", started);
  const reads: Promise<unknown>[] = [];
  const unfollow = runs.follow("r1", () => void reads.push(runs.events("r1", seen.length + 1).then((events) => seen.push(...events))));
  await runs.append("r1", 1, [sent("s1"), sent("s2")]);
  await Promise.all(reads);
  expect(seen).toEqual([sent("s1"), sent("s2")]);
  await Promise.allSettled([runs.append("r1", 9, [sent("s3")]), runs.begin("r2", "d1", started)]);
  unfollow();
  await runs.append("r1", 3, [ended], "failed");
  expect([reads.length, await runs.events("r1", 3), await runs.events("r1", 9)]).toEqual([1, [ended], []]);
});

test("two writers cannot interleave: the second is told, and writes nothing", async () => {
  const { runs } = await temporaryStore();
  await runs.begin("r1", "d1", started);
  const [one, two] = await Promise.allSettled([runs.append("r1", 1, [sent("s1")]), runs.append("r1", 1, [sent("s2")])]);
  expect(one.status).toBe("fulfilled");
  expect(two).toMatchObject({ status: "rejected", reason: { problems: [{ code: "conflict/journal" }] } });
  expect(await runs.events("r1")).toEqual([started, sent("s1")]);
});

test("an ended run takes no more events, an unknown one none", async () => {
  const { runs } = await temporaryStore();
  await runs.begin("r1", "d1", started);
  await runs.append("r1", 1, [ended], "failed");
  await expect(runs.append("r1", 2, [sent("s1")])).rejects.toThrow("it has ended");
  await expect(runs.append("r2", 0, [sent("s1")])).rejects.toThrow("there is no such run");
});

test("does not run a plan that was rejected", async () => {
  const { runs, plans } = await temporaryStore();
  await plans.save(emptyPlan("d1"));
  await plans.decide({ digest: "d1", decision: "rejected", by: "alice", role: "admin", at: 1 });
  await expect(runs.begin("r1", "d1", started)).rejects.toThrow("Unable to run plan d1: it is rejected");
  expect(await runs.list()).toEqual({ items: [], next: undefined });
});

test("trimming keeps the newest and all that is unfinished", async () => {
  const { runs, plans, trim } = await temporaryStore();
  for (const n of [1, 2, 3]) {
    await plans.save(emptyPlan(`d${n}`));
    await runs.begin(`r${n}`, `d${n}`, started);
    if (n > 1) await runs.append(`r${n}`, 1, [ended], "succeeded");
  }
  await trim({ plans: 0, runs: 1, alerts: 0 });
  expect((await runs.list()).items.map((run) => run.id)).toEqual(["r3", "r1"]);
  expect(await runs.events("r2")).toEqual([]);
  expect((await plans.list()).items.map((plan) => plan.digest)).toEqual(["d3", "d1"]);
});
