import { expect, test } from "vitest";
import type { HostEvent } from "../../schemas/report.ts";
import { fewEvents } from "./few-events.ts";

/** Events told before and after the end of the first minute. */
function told(subjects: readonly string[]): [string[], string[]] {
  const seen: HostEvent[] = [];
  let minute = (): void => {};
  const events = fewEvents((event) => seen.push(event), {
    now: () => 5,
    after: (_, run) => {
      minute = run;
      return () => {};
    },
  });
  for (const subject of subjects) events.emit({ at: 1, type: "t", subject, text: "x" });
  const before = seen.map(({ subject }) => subject);
  minute();
  return [before, seen.slice(before.length).map(({ subject, text }) => `${subject}: ${text}`)];
}

test("the first of equal events goes at once, those that follow are counted into one", () => {
  expect(told(["a", "b", "a", "a"])).toEqual([["a", "b"], ["a: x (2 more within a minute)"]]);
});

test("a flood of different events is bounded, and its size is told", () => {
  const [before, after] = told(Array.from({ length: 10_000 }, (_, n) => `s${n}`));
  expect([before.length, after]).toEqual([50, ["events: 9950 other events within a minute are not told one by one"]]);
});
