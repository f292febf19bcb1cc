import type { Static } from "typebox";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { Answer } from "../../schemas/protocol.ts";

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (cause: ProblemError) => void;
}

/** Questions to one agent that wait for their answers. */
export class Queries {
  readonly #most: number;
  readonly #waiting = new Map<string, Pending>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Sends a question; rejects with a ProblemError when there is no answer in time, on abort, at the `end`, or with the agent's own problem. */
  ask(id: string, timeoutMs: number, signal: AbortSignal | undefined, send: () => void): Promise<unknown> {
    if (this.#waiting.size >= this.#most)
      return Promise.reject(queryProblem("busy", `${this.#waiting.size} queries are waiting for this agent already`));
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiting.delete(id);
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
      };
      const fail = (cause: ProblemError): void => (settle(), reject(cause));
      const aborted = (): void => fail(queryProblem("aborted", "it was given up"));
      const timer = setTimeout(() => fail(queryProblem("timeout", `no answer within ${timeoutMs} ms`)), timeoutMs);
      this.#waiting.set(id, { resolve: (value) => (settle(), resolve(value)), reject: fail });
      if (signal?.aborted === true) return aborted();
      signal?.addEventListener("abort", aborted, { once: true });
      send();
    });
  }

  /** Takes an answer; one that comes after the timeout is nobody's. */
  answer(message: Static<typeof Answer>): void {
    const pending = this.#waiting.get(message.query);
    if (pending === undefined) return;
    if (message.problem === undefined) pending.resolve(message.value);
    else pending.reject(new ProblemError(message.problem));
  }

  /** The connection ended: nothing will be answered any more. */
  end(): void {
    for (const pending of this.#waiting.values()) pending.reject(queryProblem("offline", "the connection ended"));
  }
}

/** Why a query has no answer. */
const queryProblem = (why: "busy" | "aborted" | "timeout" | "offline", reason: string): ProblemError =>
  new ProblemError(error(`query/${why}`, `Unable to ask the agent: ${reason}`, { retry: "later" }));
