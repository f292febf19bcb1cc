/** What the sentences of one person took on one day (UTC, YYYY-MM-DD). Dollars are 0 where the model's price is not known. */
export interface Spent {
  readonly who: string;
  readonly dollars: number;
  readonly tokens: number;
}

export interface SpendingStore {
  /** Adds to what was spent that day, and forgets days that are more than a month before it. */
  add(day: string, spent: Spent): Promise<void>;
  of(day: string): Promise<readonly Spent[]>;
}
