import fc from "fast-check";
import { expect, test } from "vitest";
import { locks } from "./locks.ts";

test("whatever is asked for: no claim is held twice, the limit holds, rivals go in order, everything runs", async () => {
  const asked = fc.array(
    fc.record({ claims: fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { maxLength: 2 }), turns: fc.nat(3), fails: fc.boolean() }),
    { maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(asked, async (tasks) => {
      const queue = locks(3),
        held = new Map<string, number>(),
        order: number[] = [];
      let running = 0;
      const one = async (task: (typeof tasks)[number], n: number) => {
        running += 1;
        expect(running).toBeLessThanOrEqual(3);
        order.push(n);
        for (const claim of task.claims) {
          expect(held.has(claim)).toBe(false);
          held.set(claim, n);
        }
        for (let i = 0; i < task.turns; i++) await Promise.resolve();
        for (const claim of task.claims) held.delete(claim);
        running -= 1;
        if (task.fails) throw new Error("task");
      };
      await Promise.allSettled(tasks.map((task, n) => queue.run(task.claims, () => one(task, n))));
      expect(order.toSorted((a, b) => a - b)).toEqual(tasks.map((_, n) => n));
      for (const claim of ["a", "b", "c", "d"] as const) {
        const rivals = order.filter((n) => tasks[n]!.claims.includes(claim));
        expect(rivals).toEqual(rivals.toSorted((a, b) => a - b));
      }
    }),
  );
});
