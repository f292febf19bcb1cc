import type { Ask } from "../../schemas/contract.ts";
import { error, type Problem, ProblemError } from "../../schemas/problem.ts";
import type { ProbeName } from "../../schemas/verbs/index.ts";
import type { Allow, ResolvePath } from "./allow.ts";
import type { Clock } from "./clock.ts";
import { reasonOf } from "./log.ts";
import type { Memory } from "./memory.ts";
import type { ShapeName } from "./shapes.ts";
import { wrongWith } from "./validate.ts";
import type { ProbeContext, Verbs } from "./verbs.ts";

/** The answer of a probe, or why there is none. `at`: milliseconds since the epoch when it was asked. */
export type Reading =
  | { readonly at: number; readonly value: unknown; readonly problem?: undefined }
  | { readonly at: number; readonly value?: undefined; readonly problem: Problem };

/** Asks the host something; never throws. */
export type Probing = (ask: Ask, timeoutMs: number) => Promise<Reading>;

export interface ProbingNeeds {
  readonly verbs: Pick<Verbs, "probes">;
  readonly memory: Memory;
  readonly allow: Allow;
  readonly resolve: ResolvePath;
  readonly clock: Clock;
  readonly sealKey: () => Uint8Array | undefined;
}

/** Why an ask can never be answered: no such probe, or an input that breaks its schema. */
export function wrongAsk(verbs: Pick<Verbs, "probes">, ask: Ask): Problem | undefined {
  if (!Object.hasOwn(verbs.probes, ask.probe)) return error("verb/unknown", `Unable to ask ${ask.probe}: this agent has no such probe`);
  const wrong = wrongWith(`probe ${ask.probe}` as ShapeName, ask.input);
  return wrong === undefined ? undefined : error("verb/input", `Unable to ask ${ask.probe}: ${wrong}`);
}

/** The one way in which probes are run: input checked, allowed, with a deadline, failures as values. */
export function probing(needs: ProbingNeeds): Probing {
  const { verbs, clock } = needs;
  return async (ask, timeoutMs) => {
    const at = clock.now();
    const refused = wrongAsk(verbs, ask) ?? (await needs.allow(ask.probe, ask.input, needs.resolve));
    if (refused !== undefined) return { at, problem: refused };
    const deadline = new AbortController();
    const cancel = clock.after(timeoutMs, () => deadline.abort());
    try {
      const handler = verbs.probes[ask.probe as ProbeName] as (input: unknown, context: ProbeContext) => Promise<unknown>;
      const answer = handler(ask.input, { memory: needs.memory, signal: deadline.signal, sealKey: needs.sealKey() });
      return { at, value: await orAborted(answer, deadline.signal, () => timeout(ask.probe, timeoutMs)) };
    } catch (failure) {
      return { at, problem: problemOf(failure, `read ${ask.probe}`) };
    } finally {
      cancel();
    }
  };
}

const timeout = (probe: string, ms: number): ProblemError =>
  new ProblemError(error("probe/timeout", `Unable to read ${probe}: no answer within ${ms} ms`, { retry: "later" }));

/** Waits for a promise, but not beyond the signal. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal, failure: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(failure());
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/** The problem that a failure carries, or one made of its message. */
export function problemOf(failure: unknown, what: string): Problem {
  const [first] = failure instanceof ProblemError ? failure.problems : [];
  return first ?? error("agent/failure", `Unable to ${what}: ${reasonOf(failure)}`, { retry: "later" });
}
