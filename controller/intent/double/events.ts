import type Anthropic from "@anthropic-ai/sdk";
import type { Composed } from "./message.ts";

/** One server-sent event; its name is `data.type`. */
export interface Event {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Yields the events of a message in the order of the API: start, each block in deltas, the final delta, stop. */
export function* eventsOf({ message, json }: Composed, deltaCharacters: number): Iterable<Event> {
  const usage = { ...message.usage, output_tokens: 1, output_tokens_details: null };
  yield {
    type: "message_start",
    message: { ...message, content: [], stop_reason: null, stop_sequence: null, stop_details: null, usage },
  };
  for (const [index, block] of message.content.entries()) {
    yield { type: "content_block_start", index, content_block: emptied(block) };
    if (index === 0) yield { type: "ping" };
    for (const delta of deltasOf(block, json, deltaCharacters)) yield { type: "content_block_delta", index, delta };
    yield { type: "content_block_stop", index };
  }
  yield finalDelta(message);
  yield { type: "message_stop" };
}

function emptied(block: Anthropic.ContentBlock): object {
  if (block.type === "text") return { ...block, text: "" };
  if (block.type === "thinking") return { ...block, thinking: "", signature: "" };
  return block.type === "tool_use" ? { ...block, input: {} } : block;
}

function deltasOf(block: Anthropic.ContentBlock, json: ReadonlyMap<string, string>, size: number): Anthropic.RawContentBlockDelta[] {
  if (block.type === "text") return partsOf(block.text, size).map((text) => ({ type: "text_delta", text }));
  if (block.type === "tool_use")
    return ["", ...partsOf(json.get(block.id) ?? "", size)].map((part) => ({ type: "input_json_delta", partial_json: part }));
  if (block.type !== "thinking") return [];
  const thinking = partsOf(block.thinking, size).map(
    (part) => ({ type: "thinking_delta", thinking: part, estimated_tokens: null }) as const,
  );
  return [...thinking, { type: "signature_delta", signature: block.signature }];
}

function partsOf(text: string, size: number): string[] {
  const characters = [...text];
  return Array.from({ length: Math.ceil(characters.length / size) }, (_, index) =>
    characters.slice(index * size, (index + 1) * size).join(""),
  );
}

function finalDelta(message: Anthropic.Message): Event {
  const { stop_reason, stop_sequence, stop_details, container } = message;
  const { input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens } = message.usage;
  const { output_tokens_details, server_tool_use } = message.usage;
  const counts = { input_tokens, cache_creation_input_tokens, cache_read_input_tokens, output_tokens };
  const usage = { ...counts, output_tokens_details, server_tool_use };
  return { type: "message_delta", delta: { stop_reason, stop_sequence, stop_details, container }, usage };
}
