import { own } from "../own.ts";
import Anthropic from "@anthropic-ai/sdk";

export interface AskClaude {
  readonly client: Anthropic;
  readonly params: Anthropic.MessageStreamParams;
  /** The longest silence within an answer, and the longest answer, in milliseconds. */
  readonly idleMs: number;
  readonly deadlineMs: number;
  /** Told what an answer took; of one that broke off, as much as was said of it by then. */
  readonly onUsage: (usage: Anthropic.Usage) => Promise<void>;
}

/** One answer, streamed. The SDK's own timeout ends with the headers, so silence within a stream is watched here; only `finalMessage` notices a stream that ends early. */
export async function askClaude({ client, params, idleMs, deadlineMs, onUsage }: AskClaude): Promise<Anthropic.Message> {
  const stream = client.messages.stream(params);
  let idle: NodeJS.Timeout | undefined, silent: string | undefined;
  const stop = (why: string) => (): void => {
    silent = why;
    stream.abort();
  };
  const alive = (): void => {
    clearTimeout(idle);
    idle = setTimeout(stop("it fell silent"), idleMs);
  };
  const deadline = setTimeout(stop("it took too long"), deadlineMs);
  stream.on("streamEvent", alive);
  alive();
  let message: Anthropic.Message;
  try {
    message = await stream.finalMessage();
  } catch (thrown) {
    if (stream.currentMessage !== undefined) await onUsage(stream.currentMessage.usage);
    throw silent === undefined ? thrown : new Anthropic.APIConnectionError({ message: silent, cause: thrown as Error });
  } finally {
    clearTimeout(idle);
    clearTimeout(deadline);
  }
  await onUsage(message.usage);
  return message;
}

/** A failure in words that give nothing away, and whether the same request may be sent once more: only one that broke off in a stream, which the SDK does not repeat. */
export function failureOf(thrown: unknown): { readonly text: string; readonly again: boolean } | undefined {
  if (thrown instanceof Anthropic.APIConnectionTimeoutError) return { text: "it did not answer in time", again: false };
  if (thrown instanceof Anthropic.APIConnectionError)
    return { text: /silent|long/.test(thrown.message) ? thrown.message : "it could not be reached", again: false };
  if (thrown instanceof Anthropic.APIError) return { text: wordsFor(thrown), again: thrown.status === undefined };
  return thrown instanceof Anthropic.AnthropicError ? { text: "its answer broke off", again: true } : undefined;
}

const byType: Readonly<Record<string, string>> = {
  authentication_error: "the API key is not accepted",
  permission_error: "the API key may not use this model",
  billing_error: "there is a billing problem",
  rate_limit_error: "too many requests were sent",
  overloaded_error: "it is overloaded",
  not_found_error: "the model does not exist",
  request_too_large: "the conversation is too large",
  timeout_error: "it did not answer in time",
};

const wordsFor = (thrown: { readonly type?: string | null | undefined; readonly status?: number | undefined }): string =>
  own(byType, thrown.type ?? "") ?? `it answered with ${thrown.status === undefined ? "an error" : `status ${thrown.status}`}`;
