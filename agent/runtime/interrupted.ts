import { error, type Problem } from "../../schemas/problem.ts";
import type { StepOrder } from "../../schemas/protocol.ts";
import type { StepResult } from "../../schemas/run.ts";
import { pause } from "./clock.ts";
import { isChanging, mismatches } from "./expectation.ts";
import { goalMissed } from "./goal.ts";
import { type Looker, looker } from "./looker.ts";
import type { RememberedStep } from "./memory.ts";
import type { Performed, StepNeeds } from "./step.ts";

/** What an interrupted step comes to: its goal holds, it may be done again, or neither. */
export async function resume(order: StepOrder, left: RememberedStep, look: Looker, needs: StepNeeds): Promise<"done" | "repeat" | Problem> {
  const { clock } = needs,
    until = clock.now() + order.timeoutMs;
  for (let wait = 50; ; wait = Math.min(wait * 2, 1000)) {
    if (order.goal !== undefined && goalMissed(order.goal, left.before, await look.again(order.goal.ask)) === undefined) return "done";
    const blind = order.expect === undefined && order.goal === undefined;
    const ask = order.expect?.ask ?? order.goal?.ask;
    const reading = ask === undefined ? undefined : await look.again(ask);
    const asBefore =
      order.expect === undefined || (reading?.problem === undefined && mismatches(order.expect, reading?.value).length === 0);
    // What it began may still be under way: a job that is queued, a unit between two states.
    const changing = reading !== undefined && reading.problem === undefined && isChanging(reading.value);
    if (asBefore && (!changing || clock.now() > until) && (!blind || needs.idempotent(order.action))) return "repeat";
    const unclear = reading !== undefined && (reading.problem?.retry === "later" || changing);
    if (!unclear || clock.now() > until)
      return error("step/interrupted", "The step was interrupted: the host is in neither the state before nor the state after it", {
        hint: "plan anew from what the host is now",
      });
    await pause(clock, wait);
  }
}

/** At start: a step that was interrupted and whose goal holds is done; the others wait until the controller sends them again. */
export async function settleInterrupted(
  left: RememberedStep,
  needs: Pick<StepNeeds, "probe" | "memory" | "clock">,
): Promise<Performed | undefined> {
  if (left.goal === undefined) return undefined;
  const look = looker(needs.probe);
  if (goalMissed(left.goal, left.before, await look.at(left.goal.ask)) !== undefined) return undefined;
  const result: StepResult = { outcome: "done", ms: needs.clock.now() - left.startedAt };
  await needs.memory.finishStep(left.step, result);
  return { result, facts: look.facts(left.step) };
}
