import type Anthropic from "@anthropic-ai/sdk";
import { partChain, type Segment, tokensOf } from "./prompt.ts";
import type { Fields } from "./shape.ts";

/** What is remembered of an answered request, to say later why its prefix was not met again. */
export interface Footprint {
  readonly model: string;
  readonly tools: string;
  readonly system: string;
  readonly messages: readonly string[];
  /** Other parameters that are part of the prompt. */
  readonly settings: string;
  readonly tokens: number;
}

/** Returns the footprint of a request. */
export function footprintOf(body: Fields, segments: readonly Segment[]): Footprint {
  return {
    model: `${body.model} ${body.speed ?? "standard"}`,
    tools: partChain("tools", segments).at(-1) ?? "",
    system: partChain("system", segments).at(-1) ?? "",
    messages: partChain("messages", segments),
    settings: JSON.stringify([body.thinking, body.tool_choice]),
    tokens: tokensOf(segments),
  };
}

/** Compares a request with the one before it. Null when nothing was asked or the earlier request is a prefix of this one. */
export function diagnose(asked: unknown, known: ReadonlyMap<string, Footprint>, now: Footprint): Anthropic.Diagnostics | null {
  if (typeof asked !== "string") return null;
  const before = known.get(asked);
  if (before === undefined) return { cache_miss_reason: { type: "previous_message_not_found" } };
  const reason = reasonOf(before, now);
  if (reason === undefined) return null;
  if (reason === "unavailable") return { cache_miss_reason: { type: reason } };
  return { cache_miss_reason: { type: reason, cache_missed_input_tokens: before.tokens } };
}

function reasonOf(before: Footprint, now: Footprint) {
  if (before.model !== now.model) return "model_changed";
  if (before.tools !== now.tools) return "tools_changed";
  if (before.system !== now.system) return "system_changed";
  if (before.messages.at(-1) !== now.messages[before.messages.length - 1]) return "messages_changed";
  return before.settings === now.settings ? undefined : "unavailable";
}
