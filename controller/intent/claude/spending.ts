import type { SpendingStore, Spent } from "../../store/spending.ts";

/** What all sentences of a day (UTC) may take, and those of one person. */
export interface SpendingLimits {
  readonly dollarsPerDay: number;
  readonly dollarsPerUser: number;
  readonly tokensPerDay: number;
  readonly tokensPerUser: number;
}

/** What was spent today, by everybody and by each person. The store has it: a controller that starts again goes on counting. */
export interface Spending {
  add(spent: Spent): Promise<void>;
  /** Why no more may be spent now; undefined where it may. */
  exhausted(who: string): Promise<string | undefined>;
  today(): Promise<readonly Spent[]>;
}

export function createSpending(store: SpendingStore, limits: SpendingLimits, now: () => number): Spending {
  const day = (): string => new Date(now()).toISOString().slice(0, 10);
  return {
    add: (spent) => store.add(day(), spent),
    async exhausted(who) {
      const all = await store.of(day()),
        mine = all.filter((one) => one.who === who);
      if (sum(all, "dollars") >= limits.dollarsPerDay) return `today's budget of $${limits.dollarsPerDay} is used up`;
      if (sum(mine, "dollars") >= limits.dollarsPerUser) return `your budget of $${limits.dollarsPerUser} for today is used up`;
      if (sum(all, "tokens") >= limits.tokensPerDay) return `today's ${limits.tokensPerDay} tokens are used up`;
      return sum(mine, "tokens") >= limits.tokensPerUser ? `your ${limits.tokensPerUser} tokens for today are used up` : undefined;
    },
    today: () => store.of(day()),
  };
}

const sum = (spent: readonly Spent[], what: "dollars" | "tokens"): number => spent.reduce((all, one) => all + one[what], 0);
