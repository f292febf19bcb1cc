import type Anthropic from "@anthropic-ai/sdk";
import type { Settings } from "../../core/settings-defaults.ts";
import type { SpendingStore } from "../../store/spending.ts";
import { askClaude, failureOf } from "./ask.ts";
import type { InterpretInput } from "./interpreter.ts";
import { dollarsOf, pricesOf, tokensOf } from "./prices.ts";
import { systemPrompt } from "./prompt.ts";
import type { Spending, SpendingLimits } from "./spending.ts";
import { tools } from "./tools.ts";

export interface ClaudeOptions {
  readonly apiKey: string;
  readonly model: string;
  readonly baseURL?: string | undefined;
  /** How long one answer may take, and how long it may be silent, in milliseconds. */
  readonly timeoutMs: number;
  readonly idleMs?: number | undefined;
  /** Tokens of one answer. */
  readonly maxTokens: number;
  /** How often a proposal that fails its checks goes back. */
  readonly repairs: number;
  readonly limits: SpendingLimits;
  readonly tokensPerConversation?: number | undefined;
  /** By the model's id; of a model that is not there only tokens are counted. */
  readonly prices: Settings["model"]["prices"];
  readonly store: SpendingStore;
  readonly maxRetries?: number | undefined;
  readonly now: () => number;
}

/** What a request is sent with. */
export interface Means {
  readonly options: ClaudeOptions;
  readonly client: Anthropic;
  readonly spending: Spending;
}

/** What one turn took. */
export interface Cost {
  dollars: number;
  tokens: number;
}

/** One answer of the model to a conversation as it stands, counted; once more where it broke off in the stream. */
export async function request(
  { thread, caller }: InterpretInput,
  { options, client, spending }: Means,
  cost: Cost,
): Promise<Anthropic.Message> {
  const params: Anthropic.MessageStreamParams = {
    model: options.model,
    max_tokens: options.maxTokens,
    system: [{ type: "text", text: systemPrompt, cache_control: { type: "ephemeral", ttl: "1h" } }],
    cache_control: { type: "ephemeral" },
    tools: [...tools],
    messages: [...thread.messages],
    ...(/-4-/.test(options.model) ? {} : { thinking: { type: "adaptive", display: "summarized" } }),
  };
  const price = pricesOf(options.model, options.prices);
  const onUsage = async (usage: Anthropic.Usage): Promise<void> => {
    const dollars = price === undefined ? 0 : dollarsOf(usage, price),
      tokens = tokensOf(usage);
    cost.dollars += dollars;
    cost.tokens += tokens;
    thread.tokens += tokens;
    await spending.add({ who: caller, dollars, tokens });
  };
  const ask = { client, params, idleMs: options.idleMs ?? 45_000, deadlineMs: options.timeoutMs, onUsage };
  return askClaude(ask).catch((thrown: unknown) => {
    if (failureOf(thrown)?.again !== true) throw thrown;
    return askClaude(ask);
  });
}

/** What a turn took, for a person. */
export const sayCost = ({ dollars, tokens }: Cost, { model, prices }: ClaudeOptions): string =>
  pricesOf(model, prices) === undefined
    ? `${tokens} tokens (the price of ${model} is not known)`
    : `$${dollars.toFixed(4)} for ${tokens} tokens`;
