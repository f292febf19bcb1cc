import type Anthropic from "@anthropic-ai/sdk";

/** What one model accepts, as far as the double checks it. */
export interface ModelCard {
  readonly id: string;
  readonly name: string;
  readonly line: Anthropic.ModelInfo["line"];
  readonly created: string;
  readonly lifecycle: Anthropic.ModelInfo["lifecycle"];
  readonly maxTokens: number;
  readonly contextTokens: number;
  readonly thinking: readonly ("adaptive" | "between_tools" | "disabled" | "enabled")[];
  /** What `thinking.display` is when a request does not say. */
  readonly display: "omitted" | "summarized";
  readonly effort: boolean;
  /** Whether `tool_choice` may be `any` or `tool`. */
  readonly forcedTools: boolean;
  /** Whether `role: "system"` may stand inside `messages`. */
  readonly systemMessages: boolean;
  readonly prefill: boolean;
  /** Prefixes shorter than this are not cached. */
  readonly cacheTokens: number;
}

const LINE_5_5 = {
  lifecycle: "active",
  maxTokens: 128_000,
  contextTokens: 1_000_000,
  thinking: ["adaptive"],
  display: "omitted",
  effort: true,
  forcedTools: false,
  systemMessages: true,
  prefill: false,
  cacheTokens: 512,
} as const;

/** The models of a double that is given none, newest first. Opus 5.5 is documented best; for Haiku 5.5 the strictest is assumed. */
export const MODELS: readonly ModelCard[] = [
  { ...LINE_5_5, id: "claude-haiku-5-5", name: "Claude Haiku 5.5", line: "haiku", created: "2026-10-01T00:00:00Z" },
  {
    ...LINE_5_5,
    id: "claude-sonnet-5-5",
    name: "Claude Sonnet 5.5",
    line: "sonnet",
    created: "2026-09-15T00:00:00Z",
    thinking: ["adaptive", "between_tools"],
  },
  { ...LINE_5_5, id: "claude-opus-5-5", name: "Claude Opus 5.5", line: "opus", created: "2026-08-31T00:00:00Z" },
  { ...LINE_5_5, id: "claude-fable-5-1", name: "Claude Fable 5.1", line: "fable", created: "2026-08-15T00:00:00Z" },
  { ...LINE_5_5, id: "claude-mythos-5-1", name: "Claude Mythos 5.1", line: "mythos", created: "2026-08-15T00:00:00Z" },
  {
    id: "claude-haiku-4-5",
    name: "Claude Haiku 4.5",
    line: "haiku",
    created: "2025-10-01T00:00:00Z",
    lifecycle: "deprecated",
    maxTokens: 64_000,
    contextTokens: 200_000,
    thinking: ["enabled", "disabled"],
    display: "summarized",
    effort: false,
    forcedTools: true,
    systemMessages: false,
    prefill: true,
    cacheTokens: 4_096,
  },
];

const supported = (value: boolean): Anthropic.CapabilitySupport => ({ supported: value });

function capabilities(card: ModelCard): Anthropic.ModelCapabilities {
  const effort = supported(card.effort);
  const accepts = (type: ModelCard["thinking"][number]) => supported(card.thinking.includes(type));
  return {
    batch: supported(true),
    citations: supported(true),
    code_execution: supported(false),
    context_management: { supported: false, clear_thinking_20251015: null, clear_tool_uses_20250919: null, compact_20260112: null },
    effort: { supported: card.effort, low: effort, medium: effort, high: effort, xhigh: effort, max: effort },
    image_input: supported(true),
    pdf_input: supported(true),
    server_tools: { supported: false, code_execution: supported(false), web_search: supported(false) },
    structured_outputs: supported(true),
    thinking: {
      supported: card.thinking.length > 0,
      types: {
        adaptive: accepts("adaptive"),
        between_tools: accepts("between_tools"),
        disabled: accepts("disabled"),
        enabled: accepts("enabled"),
      },
    },
  };
}

/** Returns a model as `GET /v1/models/{id}` shows it. */
export function modelInfo(card: ModelCard): Anthropic.ModelInfo {
  return {
    id: card.id,
    type: "model",
    display_name: card.name,
    created_at: card.created,
    lifecycle: card.lifecycle,
    deprecated_at: card.lifecycle === "active" ? null : card.created,
    retires_at: null,
    line: card.line,
    max_input_tokens: card.contextTokens,
    max_tokens: card.maxTokens,
    capabilities: capabilities(card),
  };
}

/** Returns one page of models: those of the stages asked for, `retired` only when named, after `after_id` and at most `limit`. */
export function modelPage(models: readonly ModelCard[], query: URLSearchParams): object {
  const asked = query.getAll("lifecycle[]");
  const stages = asked.length > 0 ? asked : ["active", "deprecated"];
  const listed = models.filter((card) => stages.includes(card.lifecycle));
  const after = query.get("after_id");
  const rest = after === null ? listed : listed.slice(listed.findIndex((card) => card.id === after) + 1);
  const page = rest.slice(0, Number(query.get("limit") ?? 20));
  return {
    data: page.map(modelInfo),
    has_more: page.length < rest.length,
    first_id: page.at(0)?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}
