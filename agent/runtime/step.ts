import { askKey } from "../../schemas/canonical.ts";
import type { Ask } from "../../schemas/contract.ts";
import type { Expectation } from "../../schemas/plan.ts";
import { error, type Problem } from "../../schemas/problem.ts";
import type { StepOrder } from "../../schemas/protocol.ts";
import type { FactReport } from "../../schemas/report.ts";
import type { StepOutcome, StepResult } from "../../schemas/run.ts";
import { type Clock, pause } from "./clock.ts";
import { describeMismatches, mismatches } from "./expectation.ts";
import { goalMissed } from "./goal.ts";
import { resume } from "./interrupted.ts";
import { type Log, reasonOf } from "./log.ts";
import { type Looker, looker } from "./looker.ts";
import { goalLeft, ownGoal } from "./own-goal.ts";
import type { Memory, RememberedStep } from "./memory.ts";
import { orAborted, problemOf, type Probing, type Reading } from "./probing.ts";

export interface StepNeeds {
  readonly memory: Memory;
  readonly probe: Probing;
  readonly act: (order: StepOrder, signal: AbortSignal) => Promise<string | undefined>;
  readonly clock: Clock;
  readonly log: Log;
  /** What the controller has watched of a unit, else the plain question. */
  readonly askAbout: (unit: string) => Ask;
  /** Whether doing the action twice leaves what doing it once does. */
  readonly idempotent: (action: string) => boolean;
  /** The controller's time, by which deadlines count. */
  readonly controllerNow: () => number;
  /** How long what was changed may take to settle before it counts as not reached. */
  readonly settleMs: number;
}

/** What became of a step, and the facts read last; `forgotten`: nothing was noted, asking again may answer otherwise. */
export interface Performed {
  readonly result: StepResult;
  readonly facts: readonly FactReport[];
  readonly forgotten?: boolean;
}

/** An action that ignores its deadline is waited for this long beyond it. */
const graceMs = 10_000;
const maxOutput = 8192;

/** Carries out one step exactly once: expectation, note, act, look again, note. `left` is what an earlier life of the agent noted of it. */
export async function carryOut(asked: StepOrder, digest: string, left: RememberedStep | undefined, needs: StepNeeds): Promise<Performed> {
  const look = looker(needs.probe),
    startedAt = needs.clock.now();
  const own = asked.goal !== undefined ? {} : left === undefined ? await ownGoal(asked, look, needs.askAbout) : goalLeft(left);
  const order: StepOrder = { ...own, ...asked };
  const end = (outcome: StepOutcome, problem?: Problem, output?: string): Performed => ({
    result: {
      outcome,
      ms: needs.clock.now() - startedAt,
      ...(problem === undefined ? {} : { problem }),
      ...(output ? { output: output.slice(-maxOutput) } : {}),
    },
    facts: look.facts(order.step),
  });
  const over = left === undefined ? "repeat" : await resume(order, left, look, needs);
  if (over === "done") return finish(order, end("done"), needs);
  if (over !== "repeat") return finish(order, end("failed", over), needs);

  // Before the expectation: what an earlier step brought along (dpkg starts what it installs), or somebody did meanwhile, is done.
  const reached = order.goal !== undefined && holdsWithoutActing(order.goal, await look.at(order.goal.ask));
  if (reached && !letsGo(order)) return remember(order, digest, startedAt, end("done"), needs);
  const moved = reached ? undefined : await disagreement(order, look);
  if (moved?.retry === "later") return { ...end("refused", moved), forgotten: true };
  if (moved !== undefined) return remember(order, digest, startedAt, end("refused", moved), needs);

  const before = left !== undefined ? left.before : order.goal === undefined ? undefined : (await look.at(order.goal.ask)).value;
  const unfit = await begin(
    { step: order.step, orderDigest: digest, startedAt, deadline: order.deadline, before, goal: order.goal },
    order,
    left,
    needs,
  );
  if (unfit !== undefined) return { ...end("refused", unfit), forgotten: true };
  const acted = await attempt(order, needs);
  const missed = await lookAgain(order, before, look, acted.problem === undefined, needs);
  // Success is what the host shows, not how the action ended: a goal that holds is reached even where the action complained.
  if (order.goal !== undefined && missed === undefined)
    return finish(order, end("done", undefined, acted.output ?? acted.problem?.summary), needs);
  const problem = acted.problem ?? missed;
  return finish(order, end(problem === undefined ? "done" : "failed", problem, acted.output), needs);
}

/** The last moment before acting: the deadline, and the note that it starts. Answers why it must not. */
async function begin(
  note: RememberedStep,
  order: StepOrder,
  left: RememberedStep | undefined,
  { memory, controllerNow }: StepNeeds,
): Promise<Problem | undefined> {
  if (order.deadline < controllerNow()) return error("step/expired", "Unable to do the step: its deadline has passed");
  if (left !== undefined) return undefined;
  const failed = await memory.startStep(note).then(() => undefined, reasonOf);
  return failed === undefined
    ? undefined
    : error("step/memory", `Unable to do the step: the agent's memory cannot be written: ${failed}`, { retry: "later" });
}

/** Notes the result of a step that was begun. Where that fails the result counts all the same: a restarted agent finds out by looking. */
async function finish(order: StepOrder, performed: Performed, { memory, log }: StepNeeds): Promise<Performed> {
  const failed = await memory.finishStep(order.step, performed.result).then(() => undefined, reasonOf);
  if (failed !== undefined) log("error", "unable to note the result of a step", { step: order.step, reason: failed });
  return performed;
}

/** Notes a result that came without acting, so that the same step is answered the same way. */
async function remember(
  order: StepOrder,
  digest: string,
  startedAt: number,
  performed: Performed,
  { memory, log }: StepNeeds,
): Promise<Performed> {
  const note = { step: order.step, orderDigest: digest, startedAt, deadline: order.deadline, result: performed.result };
  await memory
    .startStep(note)
    .catch((failure: unknown) => log("error", "unable to note the result of a step", { step: order.step, reason: reasonOf(failure) }));
  return performed;
}

/** Why the host is not as the step expects to find it. */
async function disagreement(order: StepOrder, look: Looker): Promise<Problem | undefined> {
  if (order.expect === undefined) return undefined;
  const reading = await look.at(order.expect.ask);
  if (reading.problem !== undefined)
    return {
      ...reading.problem,
      code: "step/unreadable",
      summary: `Unable to check what the step expects: ${reading.problem.summary}`,
      retry: "later",
    };
  const wrong = mismatches(order.expect, reading.value);
  return wrong.length === 0
    ? undefined
    : error("step/moved", "The host is not as it was when the plan was made", {
        detail: describeMismatches(wrong),
        hint: "plan anew from what the host is now",
      });
}

/** What is removed has to be forgotten as ours too, which is the action's work, also where somebody else removed it: else it would be planned for ever. */
const letsGo = ({ action, input }: StepOrder): boolean =>
  action === "file.remove" || (action === "package.set" && (input as { state?: unknown }).state === "absent");

/** A goal about changes never holds beforehand: something has to happen. */
const holdsWithoutActing = (goal: Expectation, reading: Reading): boolean =>
  goal.fields !== undefined && (goal.changed ?? []).length === 0 && goalMissed(goal, undefined, reading) === undefined;

async function attempt(order: StepOrder, needs: StepNeeds): Promise<{ output?: string | undefined; problem?: Problem }> {
  const deadline = new AbortController(),
    late = new AbortController();
  const cancels = [
    needs.clock.after(order.timeoutMs, () => deadline.abort()),
    needs.clock.after(order.timeoutMs + graceMs, () => late.abort()),
  ];
  const timeout = error("step/timeout", `Unable to finish ${order.action}: it took longer than ${order.timeoutMs} ms`, { retry: "later" });
  try {
    return { output: await orAborted(needs.act(order, deadline.signal), late.signal, () => new Error(timeout.summary)) };
  } catch (failure) {
    return { problem: deadline.signal.aborted ? timeout : problemOf(failure, `do ${order.action}`) };
  } finally {
    for (const cancel of cancels) cancel();
  }
}

/** Reads the goal until it holds or the time to settle is over (longer while the host is between two states), then what was expected; undefined: as it should be. */
async function lookAgain(
  order: StepOrder,
  before: unknown,
  look: Looker,
  patient: boolean,
  { clock, settleMs }: StepNeeds,
): Promise<Problem | undefined> {
  const begun = clock.now(),
    goal = order.goal;
  let missed: Problem | undefined;
  for (let wait = 10; goal !== undefined; wait = Math.min(wait * 2, 500)) {
    missed = goalMissed(goal, before, await look.again(goal.ask));
    const limit = !patient ? 0 : missed?.retry === "later" ? Math.max(settleMs, order.timeoutMs) : settleMs;
    if (missed === undefined || clock.now() - begun >= limit) break;
    await pause(clock, wait);
  }
  if (order.expect !== undefined && (goal === undefined || askKey(order.expect.ask) !== askKey(goal.ask)))
    await look.again(order.expect.ask);
  return missed;
}
