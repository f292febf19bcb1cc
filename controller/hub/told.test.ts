import { expect, test } from "vitest";
import { countTold } from "./told.ts";

test("an agent's events pass up to its limit, and the rest is counted and said once a minute", () => {
  let now = 0;
  const told = countTold(() => now, { rate: 2, burst: 10, everyMs: 60_000 });
  expect([told.admit("a", "events", 8), told.admit("a", "events", 8), told.admit("a", "events", 8)]).toEqual([8, 2, 0]);
  expect(told.admit("b", "events", 8)).toBe(8);
  expect(told.admit("a", "progress", 1)).toBe(1);
  expect(told.excess()).toEqual([{ agent: "a", events: 14, progress: 0 }]);
  now += 1_000;
  expect(told.admit("a", "events", 100)).toBe(2);
  expect(told.excess()).toEqual([]);
  now += 60_000;
  expect(told.excess()).toEqual([{ agent: "a", events: 98, progress: 0 }]);
  expect(told.excess()).toEqual([]);
  expect(told.admit("a", "events", 100)).toBe(10);
});
