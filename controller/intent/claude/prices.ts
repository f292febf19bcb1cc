import type Anthropic from "@anthropic-ai/sdk";
import type { ModelPrice } from "../../core/settings-defaults.ts";
import { own } from "../own.ts";

/** What a model costs, by its id, also with a date at its end; undefined where nobody said. */
export const pricesOf = (model: string, prices: Readonly<Record<string, ModelPrice>>): ModelPrice | undefined =>
  own(prices, model) ?? own(prices, model.replace(/-\d{8}$/, ""));

/** Dollars of one answer. Cache writes are for five minutes unless the answer tells them apart; a long prompt may cost more, the answer to it included. */
export function dollarsOf(usage: Anthropic.Usage, price: ModelPrice): number {
  const written = usage.cache_creation_input_tokens ?? 0,
    hour = usage.cache_creation?.ephemeral_1h_input_tokens ?? 0,
    read = usage.cache_read_input_tokens ?? 0;
  const times = price.long !== undefined && usage.input_tokens + written + read > price.long.over ? price.long.times : 1;
  return (
    ((usage.input_tokens * price.input +
      usage.output_tokens * price.output +
      (written - hour) * price.cacheWrite +
      hour * price.cacheWriteHour +
      read * price.cacheRead) *
      times) /
    1_000_000
  );
}

export const tokensOf = (usage: Anthropic.Usage): number =>
  usage.input_tokens + usage.output_tokens + (usage.cache_creation_input_tokens ?? 0) + (usage.cache_read_input_tokens ?? 0);
