import type Anthropic from "@anthropic-ai/sdk";

/** Prices in dollars for a million tokens. */
export interface Prices {
  readonly input: number;
  readonly output: number;
  readonly cacheWrite: number;
  readonly cacheRead: number;
}

/** List prices by the line of the model, as far as its name tells; the dearest line where it does not. Settings may say otherwise. */
export function pricesOf(model: string): Prices {
  const [input, output] = /haiku/.test(model) ? [1, 5] : /sonnet/.test(model) ? [3, 15] : [5, 25];
  return { input, output, cacheWrite: input * 2, cacheRead: input / 10 };
}

export const dollarsOf = (usage: Anthropic.Usage, prices: Prices): number =>
  (usage.input_tokens * prices.input +
    usage.output_tokens * prices.output +
    (usage.cache_creation_input_tokens ?? 0) * prices.cacheWrite +
    (usage.cache_read_input_tokens ?? 0) * prices.cacheRead) /
  1_000_000;

export const tokensOf = (usage: Anthropic.Usage): number =>
  usage.input_tokens + usage.output_tokens + (usage.cache_creation_input_tokens ?? 0) + (usage.cache_read_input_tokens ?? 0);

/** What was spent today (UTC), by everybody and by each person. */
export interface Spending {
  add(user: string, dollars: number): void;
  /** Why no more may be spent now; undefined where it may. */
  exhausted(user: string): string | undefined;
  today(): { readonly dollars: number; readonly users: Readonly<Record<string, number>> };
}

export function createSpending(limits: { readonly perDay: number; readonly perUser: number }, now: () => number): Spending {
  let day = "",
    users = new Map<string, number>();
  const turn = (): void => {
    const today = new Date(now()).toISOString().slice(0, 10);
    if (today !== day) [day, users] = [today, new Map()];
  };
  const sum = (): number => [...users.values()].reduce((all, one) => all + one, 0);
  return {
    add(user, dollars) {
      turn();
      users.set(user, (users.get(user) ?? 0) + dollars);
    },
    exhausted(user) {
      turn();
      if (sum() >= limits.perDay) return `today's budget of $${limits.perDay} is used up`;
      return (users.get(user) ?? 0) >= limits.perUser ? `your budget of $${limits.perUser} for today is used up` : undefined;
    },
    today() {
      turn();
      return { dollars: sum(), users: Object.fromEntries(users) };
    },
  };
}
