import { expect, test } from "vitest";
import type { Store } from "../store/store.ts";
import { ann, bob, file, inSync, policy, stageFor, waitingPlan } from "./testing.ts";

const files = {
  "manifests/page.yaml": file("page", "/srv/page", 'content: "one"'),
  // Nothing runs: the plan can be decided about as often as somebody tries.
  "manifests/policy.yaml": policy("hold", "freeze: {}"),
};
const decided = async (store: Store): Promise<string[]> =>
  (await store.audit.list({})).items.filter(({ what }) => what.startsWith("plan.")).map(({ who, what }) => `${who} ${what}`);

test.each(["approve", "reject"] as const)(
  "a store that is cut off before the audit entry has no decision to %s either; the next try has both",
  async (verb) => {
    const cut = { now: false };
    const store = (real: Store): Store => ({
      ...real,
      audit: {
        ...real.audit,
        // A write that fails where the entry would be written, as on a full disk.
        append: (entry) =>
          cut.now
            ? (real.plans.decide({ digest: "none", decision: "approved", by: "x", role: "admin", at: 1 }) as never)
            : real.audit.append(entry),
      },
    });
    const stage = await stageFor({ files, store });
    const digest = await waitingPlan(stage);
    cut.now = true;
    await expect(stage.controller[verb](digest, ann)).rejects.toThrow("Unable to find plan none: it is not stored");
    expect((await stage.store.plans.get(digest))?.decision).toBeUndefined();
    cut.now = false;
    await stage.controller[verb](digest, ann);
    expect((await stage.store.plans.get(digest))?.decision?.by).toBe("ann");
    expect(await decided(stage.store)).toEqual([`ann plan.${verb}`]);
  },
);

test("of decisions at the same time the first stands, and is the only one in the audit trail", async () => {
  const stage = await stageFor({ files });
  const digest = await waitingPlan(stage);
  const answers = await Promise.allSettled([
    stage.controller.approve(digest, ann),
    stage.controller.reject(digest, bob),
    stage.controller.approve(digest, bob),
  ]);
  const won = answers.filter(({ status }) => status === "fulfilled");
  expect(won).toHaveLength(1);
  const { decision } = (await stage.store.plans.get(digest))!;
  expect(await decided(stage.store)).toEqual([`${decision!.by} plan.${decision!.decision === "approved" ? "approve" : "reject"}`]);
  expect((await stage.controller.verifyAudit()).ok).toBe(true);
  await stage.repo.commit({ "manifests/policy.yaml": policy("hold", "approval: { from: never }") });
  await inSync(stage);
});
