import type Anthropic from "@anthropic-ai/sdk";
import { type PromptCache, useCache } from "./cache.ts";
import type { Checked } from "./check.ts";
import { diagnose, type Footprint, footprintOf } from "./diagnostics.ts";
import { digest, type Segment, segmentOf, tokensIn } from "./prompt.ts";
import { isFields } from "./shape.ts";
import type { Answer, AnswerBlock } from "./script.ts";
import { type Issued, signatureOf } from "./signature.ts";

/** What a double keeps from one message to the next. */
export interface Memory {
  readonly cache: PromptCache;
  readonly footprints: Map<string, Footprint>;
  readonly issued: Issued;
  /** Ids given out so far. */
  ids: number;
}

/** A message, and for each of its tool uses the input as it is to be streamed. */
export interface Composed {
  readonly message: Anthropic.Message;
  readonly json: ReadonlyMap<string, string>;
}

/** Makes the next id with a prefix, in the manner of the API. */
export function nextId(memory: Memory, prefix: string): string {
  memory.ids += 1;
  return `${prefix}_01${digest(`${prefix}${memory.ids}`).slice(0, 22)}`;
}

/** Makes the message that a scripted answer stands for, as a reply to a checked request, and remembers it. */
export function compose(answer: Answer, asked: Checked, memory: Memory, now: number): Composed {
  const json = new Map<string, string>();
  const content = contentOf(answer, asked, memory, json);
  const id = nextId(memory, "msg");
  const footprint = footprintOf(asked.body, asked.segments);
  const wanted = isFields(asked.body.diagnostics) ? asked.body.diagnostics.previous_message_id : undefined;
  const message: Anthropic.Message = {
    id,
    type: "message",
    role: "assistant",
    model: asked.model.id,
    content,
    stop_reason: answer.stop_reason ?? (json.size > 0 ? "tool_use" : "end_turn"),
    stop_sequence: answer.stop_sequence ?? null,
    stop_details: answer.stop_details ?? null,
    container: null,
    diagnostics: diagnose(wanted, memory.footprints, footprint),
    usage: usageOf(answer, asked, memory, now),
  };
  memory.footprints.set(id, footprint);
  return { message, json };
}

function contentOf(answer: Answer, asked: Checked, memory: Memory, json: Map<string, string>): Anthropic.ContentBlock[] {
  const before: Segment[] = [...asked.segments];
  const seals: string[] = [];
  return answer.content.map((scripted) => {
    const block = blockOf(scripted, asked, before, memory);
    if (block.type === "thinking") seals.push(block.signature);
    if (block.type === "redacted_thinking") seals.push(block.data);
    if (block.type === "tool_use" && scripted.type === "tool_use") {
      memory.issued.set(block.id, [...seals]);
      json.set(block.id, scripted.json ?? JSON.stringify(block.input));
    }
    before.push(segmentOf("messages", "assistant", { ...block }, ""));
    return block;
  });
}

function blockOf(scripted: AnswerBlock, asked: Checked, before: readonly Segment[], memory: Memory): Anthropic.ContentBlock {
  const model = asked.model.id;
  if (scripted.type === "text") return { type: "text", text: scripted.text, citations: null };
  if (scripted.type === "redacted_thinking") return { type: "redacted_thinking", data: signatureOf(model, before, "") };
  if (scripted.type === "thinking") {
    const asking = isFields(asked.body.thinking) ? asked.body.thinking.display : undefined;
    const thinking = (asking ?? asked.model.display) === "summarized" ? scripted.thinking : "";
    return { type: "thinking", thinking, signature: signatureOf(model, before, thinking) };
  }
  const id = scripted.id ?? nextId(memory, "toolu");
  return { type: "tool_use", id, name: scripted.name, input: inputOf(scripted), caller: { type: "direct" } };
}

/** An input that was cut off has no value of its own: it is `{}` in an answer that is not streamed. */
function inputOf(scripted: Extract<AnswerBlock, { type: "tool_use" }>): unknown {
  try {
    return scripted.json === undefined ? (scripted.input ?? {}) : JSON.parse(scripted.json);
  } catch {
    return {};
  }
}

function usageOf(answer: Answer, asked: Checked, memory: Memory, now: number): Anthropic.Usage {
  const { read, written, rest } = useCache(memory.cache, asked.segments, asked.model, now);
  const thinking = answer.content.reduce((sum, block) => sum + (block.type === "thinking" ? tokensIn(block.thinking) : 0), 0);
  const output = answer.content.reduce((sum, block) => sum + tokensIn(JSON.stringify(block)), 0);
  return {
    input_tokens: rest,
    output_tokens: output,
    cache_creation_input_tokens: written["5m"] + written["1h"],
    cache_read_input_tokens: read,
    cache_creation: { ephemeral_5m_input_tokens: written["5m"], ephemeral_1h_input_tokens: written["1h"] },
    output_tokens_details: { thinking_tokens: thinking },
    server_tool_use: null,
    service_tier: "standard",
    inference_geo: "global",
    speed: "standard",
  };
}
