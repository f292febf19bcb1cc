import { expect, test } from "vitest";
import type { Decision } from "./plans.ts";
import { emptyPlan, temporaryStore } from "./testing.ts";

const yes: Decision = { digest: "d1", decision: "approved", by: "alice", role: "approver", at: 5, reason: "looks right" };
const problem = (code: string) => expect.objectContaining({ problems: [expect.objectContaining({ code })] });

test("keeps a plan with its decision; the first decision stands", async () => {
  const { plans } = await temporaryStore();
  expect(await plans.save(emptyPlan("d1"))).toMatchObject({ state: "pending", round: 1, decision: undefined });
  const decided = await Promise.all([plans.decide(yes), plans.decide({ ...yes, decision: "rejected", by: "bob" })]);
  expect(decided).toEqual([
    { first: true, decision: yes },
    { first: false, decision: yes },
  ]);
  expect(await plans.get("d1")).toMatchObject({ state: "approved", decision: yes, plan: emptyPlan("d1") });
});

test("an approval does not outlive its round", async () => {
  const { plans } = await temporaryStore();
  await plans.save(emptyPlan("d1"));
  await plans.decide(yes);
  expect(await plans.save(emptyPlan("d1", { commit: "newer" }))).toMatchObject({ state: "approved", round: 1, commit: "newer" });
  expect(await plans.move("d1", ["approved"], "done")).toBe(true);
  expect(await plans.save(emptyPlan("d1"))).toMatchObject({ state: "pending", round: 2, decision: undefined });
});

test("a rejected plan stays rejected when it is made again", async () => {
  const { plans } = await temporaryStore();
  await plans.save(emptyPlan("d1"));
  await plans.decide({ ...yes, decision: "rejected" });
  expect(await plans.save(emptyPlan("d1"))).toMatchObject({ state: "rejected", round: 1 });
});

test("refuses a decision about a plan that is unknown or no longer waits", async () => {
  const { plans } = await temporaryStore();
  await expect(plans.decide(yes)).rejects.toThrow("Unable to find plan d1: it is not stored");
  await plans.save(emptyPlan("d1"));
  await plans.move("d1", ["pending"], "superseded");
  await expect(plans.decide(yes)).rejects.toEqual(problem("conflict/plan-not-pending"));
  expect(await plans.move("d1", ["pending", "approved"], "running")).toBe(false);
});

test("lists newest first, piece by piece, by state", async () => {
  const { plans } = await temporaryStore();
  for (const digest of ["d1", "d2", "d3", "d4", "d5"]) await plans.save(emptyPlan(digest));
  await plans.move("d3", ["pending"], "superseded");
  const first = await plans.list({ limit: 2 });
  expect(first.items.map((plan) => plan.digest)).toEqual(["d5", "d4"]);
  const second = await plans.list({ limit: 2, cursor: first.next, states: ["pending"] });
  expect(second).toEqual({
    items: [expect.objectContaining({ digest: "d2" }), expect.objectContaining({ digest: "d1" })],
    next: undefined,
  });
});
