import type { Expectation } from "../../schemas/plan.ts";
import { error, type Problem } from "../../schemas/problem.ts";
import { describeMismatches, isChanging, mismatches, unchanged } from "./expectation.ts";
import type { Reading } from "./probing.ts";

/** Why a goal does not hold; `later` where the host is still between two states. */
export function goalMissed(goal: Expectation, before: unknown, reading: Reading): Problem | undefined {
  if (reading.problem !== undefined) return { ...reading.problem, retry: "later" };
  const wrong = mismatches(goal, reading.value),
    still = unchanged(goal, before, reading.value);
  if (wrong.length === 0 && still.length === 0) return undefined;
  const detail = [describeMismatches(wrong), ...still.map((field) => `${field}: is what it was before`)]
    .filter((line) => line !== "")
    .join("\n");
  return error("step/goal", "The step was done, and the host is not as it should be", {
    detail,
    retry: isChanging(reading.value) ? "later" : "never",
  });
}
