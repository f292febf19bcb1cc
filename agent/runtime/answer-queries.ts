import type { Ask } from "../../schemas/contract.ts";
import { error, type Problem } from "../../schemas/problem.ts";
import type { AgentMessage } from "../../schemas/protocol.ts";
import type { Probing } from "./probing.ts";

/** The largest value that an answer carries, in bytes of JSON. */
export const maxAnswerBytes = 262_144;
const maxAtOnce = 8;
const maxWaiting = 100;

interface Query {
  readonly id: string;
  readonly ask: Ask;
  readonly timeoutMs: number;
}

/** Answers questions of the controller, some at a time, the others in turn. */
export function queryAnswerer(probe: Probing, send: (message: AgentMessage) => void): (query: Query) => void {
  const waiting: Query[] = [];
  let running = 0;
  const refuse = (id: string, problem: Problem) => send({ type: "answer", query: id, problem });
  const start = async (query: Query): Promise<void> => {
    running += 1;
    const { value, problem } = await probe(query.ask, query.timeoutMs);
    running -= 1;
    if (problem !== undefined) refuse(query.id, problem);
    else if (Buffer.byteLength(JSON.stringify(value) ?? "") > maxAnswerBytes)
      refuse(
        query.id,
        error("answer/too-large", `Unable to answer ${query.ask.probe}: the answer is larger than ${maxAnswerBytes} bytes`, {
          hint: "ask for less",
        }),
      );
    else send({ type: "answer", query: query.id, value });
    const next = waiting.shift();
    if (next !== undefined) void start(next);
  };
  return (query) => {
    if (running < maxAtOnce) void start(query);
    else if (waiting.length < maxWaiting) waiting.push(query);
    else refuse(query.id, error("agent/busy", `Unable to answer: ${maxWaiting} questions are waiting`, { retry: "later" }));
  };
}
