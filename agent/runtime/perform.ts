import { askKey } from "../../schemas/canonical.ts";
import { type Ask, ask } from "../../schemas/contract.ts";
import { error, type Problem } from "../../schemas/problem.ts";
import type { AgentMessage, StepOrder } from "../../schemas/protocol.ts";
import type { FactReport } from "../../schemas/report.ts";
import type { StepResult } from "../../schemas/run.ts";
import { actions, type ActionName } from "../../schemas/verbs/index.ts";
import { serviceProbe } from "../../schemas/verbs/service.ts";
import type { Allow, ResolvePath } from "./allow.ts";
import { claimsOf, touches } from "./claims.ts";
import type { Clock } from "./clock.ts";
import { locks } from "./locks.ts";
import { type Log, reasonOf } from "./log.ts";
import { reportOf } from "./looker.ts";
import type { Memory } from "./memory.ts";
import { type Addressee, openOrder, resourceOf, stepNamedBy } from "./order.ts";
import type { Probing } from "./probing.ts";
import type { ShapeName } from "./shapes.ts";
import { settleInterrupted } from "./interrupted.ts";
import { carryOut, type Performed, type StepNeeds } from "./step.ts";
import { wrongWith } from "./validate.ts";
import type { ActionContext, Verbs } from "./verbs.ts";

export interface PerformNeeds {
  readonly verbs: Pick<Verbs, "actions">;
  readonly memory: Memory;
  readonly probe: Probing;
  readonly allow: Allow;
  readonly resolve: ResolvePath;
  readonly addressee: () => Addressee;
  readonly controllerNow: () => number;
  readonly sealKey: () => Uint8Array | undefined;
  /** Sends where there is a connection, and says nothing where there is none. */
  readonly send: (message: AgentMessage) => void;
  /** Tells the watch what a running step touches, and that it ended. */
  readonly stepStarted: (step: string, touched: ReturnType<typeof touches>) => void;
  readonly stepEnded: (step: string) => void;
  /** Asks that the controller has watched, for which this holds. */
  readonly watched: (which: (ask: Ask) => boolean) => readonly Ask[];
  readonly clock: Clock;
  readonly log: Log;
  readonly settleMs: number;
  /** Steps that run at once; 4 where not given. */
  readonly atOnce?: number | undefined;
}

/** Steps that run at once on one host, and steps that wait. */
const maxRunning = 4;
const maxWaiting = 1000;
const loadedFilesMs = 10_000;

/** Carries out signed steps, each once, and answers until the answer is acknowledged. */
export interface Performer {
  receive(message: { readonly order: string; readonly signature: string }): Promise<void>;
  acknowledge(step: string): Promise<void>;
  /** Sends again what was not acknowledged; call it after each welcome. */
  resend(): void;
  /** Looks at steps that an earlier life of the agent began; call it once, before connecting. */
  settle(): Promise<void>;
  /** Takes no more steps and resolves when the running ones are over. */
  stop(): Promise<void>;
}

/** Makes the performer of one agent. */
export function performer(needs: PerformNeeds): Performer {
  const { memory, send, log } = needs;
  /** `leaves`: the step ends by the agent's own end, which must not wait for it. */
  const running = new Map<string, { readonly digest: string; readonly over: Promise<void>; readonly leaves: boolean }>();
  const facts = new Map<string, readonly FactReport[]>();
  const queue = locks(needs.atOnce ?? maxRunning);
  let stopped = false;

  const answer = (step: string, result: StepResult) => send({ type: "result", step, result, facts: [...(facts.get(step) ?? [])] });
  const refuse = (step: string, problem: Problem) =>
    send({ type: "result", step, result: { outcome: "refused", problem, ms: 0 }, facts: [] });
  const deliver = (step: string, performed: Performed): void => {
    if (performed.forgotten !== true) facts.set(step, performed.facts);
    send({ type: "result", step, result: performed.result, facts: [...performed.facts] });
  };

  const begin = (order: StepOrder, digest: string): void => {
    const over = queue
      .run(claimsOf(order.action, order.input), () => runStep(order, digest, needs, deliver))
      .catch((failure: unknown) => {
        log("error", "unable to carry out a step", { step: order.step, reason: reasonOf(failure) });
        refuse(order.step, error("agent/failure", `Unable to do the step: ${reasonOf(failure)}`, { retry: "later" }));
      });
    running.set(order.step, {
      digest,
      over: over.finally(() => running.delete(order.step)),
      leaves: order.action === "agent.update",
    });
  };

  return {
    async receive(message) {
      const opened = openOrder(message, needs.addressee());
      if ("severity" in opened) {
        const step = stepNamedBy(message.order);
        log("warn", opened.summary, { step });
        // Whoever cannot sign must not end a step that is known here.
        if (step === undefined || running.has(step) || memory.step(step) !== undefined)
          send({ type: "problem", problem: opened, about: step ?? "step" });
        else refuse(step, opened);
        return;
      }
      const { order, digest } = opened,
        active = running.get(order.step),
        known = memory.step(order.step);
      const other = (active !== undefined && active.digest !== digest) || (known !== undefined && known.orderDigest !== digest);
      if (other)
        return send({
          type: "problem",
          problem: error("step/other-content", `Unable to accept ${order.step}: another step had this id`),
          about: order.step,
        });
      if (known?.result !== undefined) return answer(order.step, { ...known.result, remembered: true });
      // Whoever asks again learns that it is not lost.
      if (active !== undefined) return send({ type: "progress", step: order.step, text: "still at work" });
      const refusal = await unacceptable(order, needs, stopped || queue.waiting >= maxWaiting);
      if (refusal !== undefined) return refuse(order.step, refusal);
      if (!running.has(order.step)) begin(order, digest);
    },
    async acknowledge(step) {
      facts.delete(step);
      await memory.ackStep(step);
    },
    resend() {
      for (const { step, result } of memory.unackedSteps()) if (result !== undefined) answer(step, result);
    },
    async settle() {
      for (const left of memory.unfinishedSteps()) {
        const performed = await settleInterrupted(left, needs);
        if (performed === undefined) continue;
        log("info", "a step that was interrupted turned out to be done", { step: left.step });
        facts.set(left.step, performed.facts);
      }
    },
    async stop() {
      stopped = true;
      await Promise.all([...running.values()].flatMap(({ over, leaves }) => (leaves ? [] : [over])));
    },
  };
}

/** Why an order that is genuine will not be done. */
async function unacceptable(order: StepOrder, needs: PerformNeeds, busy: boolean): Promise<Problem | undefined> {
  if (order.deadline < needs.controllerNow() || order.deadline <= needs.memory.horizon())
    return error("step/expired", "Unable to do the step: its deadline has passed");
  if (!Object.hasOwn(needs.verbs.actions, order.action))
    return error("verb/unknown", `Unable to do ${order.action}: this agent has no such action`);
  const wrong = wrongWith(`action ${order.action}` as ShapeName, order.input);
  if (wrong !== undefined) return error("verb/input", `Unable to do ${order.action}: ${wrong}`);
  if (busy) return error("agent/busy", "Unable to take the step: the agent is stopping or has too many waiting", { retry: "later" });
  return needs.allow(order.action, order.input, needs.resolve);
}

/** Runs one step under its locks; they are held until the action is really over, even where its result was given up on. */
async function runStep(
  order: StepOrder,
  digest: string,
  needs: PerformNeeds,
  deliver: (step: string, performed: Performed) => void,
): Promise<void> {
  let action: Promise<unknown> = Promise.resolve();
  const act: StepNeeds["act"] = (_, signal) => {
    const started = actOn(order, signal, needs);
    action = started.catch(() => undefined);
    return started;
  };
  const { memory, probe, clock, log, controllerNow, settleMs } = needs;
  const { unit } = (order.input ?? {}) as { unit?: unknown };
  const marked = new Set(memory.marks().flatMap((mark) => (mark.unit === unit ? [mark.path] : [])));
  needs.stepStarted(order.step, touches(order, marked));
  const startedAt = clock.now();
  try {
    const performed = await carryOut(order, digest, memory.step(order.step), {
      memory,
      probe,
      act,
      askAbout: (unit) => askAbout(unit, needs),
      clock,
      log,
      idempotent,
      controllerNow,
      settleMs,
    });
    log("info", "step", {
      step: order.step,
      action: order.action,
      outcome: performed.result.outcome,
      problem: performed.result.problem?.summary,
      ms: clock.now() - startedAt,
    });
    const told = performed.facts.filter(({ ask }) => isOfInterest(ask, order, needs));
    deliver(order.step, { ...performed, facts: [...told, ...(await loadedFiles(order, marked, needs))] });
  } finally {
    needs.stepEnded(order.step);
  }
  await action;
}

/** Whether the controller named the ask or has it watched; others were only looked at here. */
const isOfInterest = (ask: Ask, { expect, goal }: StepOrder, { watched }: PerformNeeds): boolean => {
  const key = askKey(ask);
  return (
    [expect, goal].some((named) => named !== undefined && askKey(named.ask) === key) || watched((one) => askKey(one) === key).length > 0
  );
};

/** What the controller has watched of a unit, else the plain question. */
const askAbout = (unit: string, { watched }: PerformNeeds): Ask =>
  watched(({ probe, input }) => probe === "service" && (input as { unit: string }).unit === unit)[0] ?? ask(serviceProbe, { unit });

/** Files that were due for the step's unit, as they are now: the controller must not see the unit loaded and its files still due. */
async function loadedFiles(order: StepOrder, marked: ReadonlySet<string>, needs: PerformNeeds): Promise<FactReport[]> {
  if (marked.size === 0) return [];
  const asks = needs.watched(({ probe, input }) => probe === "file" && marked.has((input as { path: string }).path));
  return Promise.all(asks.map(async (ask) => reportOf(ask, await needs.probe(ask, loadedFilesMs), order.step)));
}

const idempotent = (action: string): boolean => actions[action as ActionName]?.idempotent === true;

/** Calls the action's handler with what it may use. */
function actOn(order: StepOrder, signal: AbortSignal, needs: PerformNeeds): Promise<string | undefined> {
  const handler = needs.verbs.actions[order.action as ActionName] as (
    input: unknown,
    context: ActionContext,
  ) => Promise<string | undefined>;
  const progress = (text: string) => needs.send({ type: "progress", step: order.step, text: text.slice(0, 4096) });
  const sometimes = atMost(10, needs.clock, progress);
  return handler(order.input, {
    memory: needs.memory,
    signal,
    sealKey: needs.sealKey(),
    step: order.step,
    resource: resourceOf(order.step),
    progress: sometimes,
    accepts: (path) => needs.allow(order.action, { ...(order.input as object), path }, (real) => Promise.resolve(real)),
  });
}

/** Lets through so many calls a second and drops the rest. */
function atMost(count: number, clock: Clock, call: (text: string) => void): (text: string) => void {
  let second = 0,
    used = 0;
  return (text) => {
    const now = Math.floor(clock.now() / 1000);
    if (now !== second) [second, used] = [now, 0];
    if (used++ < count) call(text);
  };
}
