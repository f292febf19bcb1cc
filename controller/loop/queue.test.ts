import { expect, onTestFinished, test, vi } from "vitest";
import { createQueue } from "./queue.ts";

test.each([-3_600_000, 3_600_000])("the earlier time for a key wins, also when the clock was set by %d ms meanwhile", async (jump) => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const worked = Promise.withResolvers<string>(),
    begun = performance.now();
  const queue = createQueue({ work: (key) => Promise.resolve(worked.resolve(key)), concurrency: 1, onError: () => {} });
  onTestFinished(() => queue.close());
  queue.begin();
  queue.addAfter("plan", jump < 0 ? 20 : 600_000);
  vi.setSystemTime(Date.now() + jump);
  queue.addAfter("plan", jump < 0 ? 600_000 : 20);
  expect(await worked.promise).toBe("plan");
  expect(performance.now() - begun).toBeLessThan(5000);
});

test("what is added before it begins waits, and counts once", async () => {
  const worked: string[] = [];
  const queue = createQueue({ work: async (key) => void worked.push(key), concurrency: 1, onError: () => {} });
  for (const key of ["plan", "head", "plan"]) queue.add(key);
  await new Promise(setImmediate);
  expect(worked).toEqual([]);
  queue.begin();
  await queue.idle();
  expect(worked).toEqual(["plan", "head"]);
});
