/** Lets as many requests at once to a node as it answers well: one more after each round that went well, half after one that it had no worker for. */
export interface Pace {
  run<T>(task: () => Promise<T>, struggled: (outcome: { value: T } | { failure: unknown }) => boolean): Promise<T>;
  readonly limit: number;
}

/** Starts with the three workers that pveproxy and pvedaemon have by default. */
export function pace(most = 8, first = 3): Pace {
  let limit = first,
    running = 0,
    well = 0;
  const waiting: (() => void)[] = [];
  const next = (): void => {
    while (running < Math.floor(limit) && waiting.length > 0) {
      running += 1;
      waiting.shift()!();
    }
  };
  const judge = (bad: boolean): void => {
    if (bad) [limit, well] = [Math.max(1, limit / 2), 0];
    else if (++well >= limit) [limit, well] = [Math.min(most, limit + 1), 0];
  };
  return {
    get limit() {
      return Math.floor(limit);
    },
    async run(task, struggled) {
      await new Promise<void>((start) => {
        waiting.push(start);
        next();
      });
      try {
        const value = await task();
        judge(struggled({ value }));
        return value;
      } catch (failure) {
        judge(struggled({ failure }));
        throw failure;
      } finally {
        running -= 1;
        next();
      }
    },
  };
}
