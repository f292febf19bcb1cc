import type { Said } from "./blocks.ts";
import type { ModelCard } from "./models.ts";

const MOST_MESSAGES = 100_000;

/** Yields what is wrong with the order of the messages (rules 10, 12 and 13). Consecutive messages of one role are one turn to the model. */
export function* conversationProblems(said: readonly Said[], model: ModelCard): Iterable<string> {
  if (said.length === 0) yield "messages: at least one message is required";
  if (said.length > MOST_MESSAGES) yield `messages: at most ${MOST_MESSAGES} messages are permitted`;
  yield* systemMessageProblems(said, model);
  if (said[0]?.role !== "user") yield "messages: first message must use the user role";
  if (said.at(-1)?.role === "assistant" && !model.prefill)
    yield "This model does not support assistant message prefill. The conversation must end with a user message.";
}

function* systemMessageProblems(said: readonly Said[], model: ModelCard): Iterable<string> {
  for (const [index, { at, role }] of said.entries()) {
    if (role !== "system") continue;
    if (!model.systemMessages) yield `${at}: role 'system' is not supported on this model`;
    if (said[index - 1]?.role !== "user") yield `${at}: a system message must directly follow a user message`;
    const next = said[index + 1]?.role;
    if (next !== undefined && next !== "assistant") yield `${at}: a system message must be last or be followed by an assistant message`;
  }
}
