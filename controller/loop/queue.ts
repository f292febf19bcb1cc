/** Works through keys: a key that is added while it waits counts once, one that is added while it is worked on comes again after. */
export interface Queue {
  /** Works from now on; what is added before waits. */
  begin(): void;
  add(key: string): void;
  /** Adds the key once the time is over; an earlier time for the same key wins. */
  addAfter(key: string, ms: number): void;
  /** Resolves when nothing waits and nothing is worked on (what is put off does not count). */
  idle(): Promise<void>;
  close(): Promise<void>;
}

interface QueueOptions {
  readonly work: (key: string) => Promise<void>;
  readonly concurrency: number;
  readonly onError: (key: string, error: unknown, retryMs: number) => void;
  /** First and longest delay after a failure, in milliseconds. */
  readonly backOff?: { readonly first: number; readonly longest: number };
}

/** A deduplicating keyed queue with exponential back-off for keys whose work throws, as controller-runtime's workqueue. */
export function createQueue({ work, concurrency, onError, backOff = { first: 200, longest: 60_000 } }: QueueOptions): Queue {
  const waiting = new Set<string>(),
    working = new Set<string>(),
    again = new Set<string>();
  const failures = new Map<string, number>(),
    timers = new Map<string, { timer: NodeJS.Timeout; at: number }>();
  let begun = false,
    closed = false,
    idlers: (() => void)[] = [];

  const settle = (): void => {
    if (waiting.size > 0 || working.size > 0) return;
    for (const done of idlers) done();
    idlers = [];
  };
  const run = async (key: string): Promise<void> => {
    working.add(key);
    try {
      await work(key);
      failures.delete(key);
    } catch (error) {
      const count = (failures.get(key) ?? 0) + 1,
        ms = Math.min(backOff.longest, backOff.first * 2 ** (count - 1));
      failures.set(key, count);
      onError(key, error, ms);
      addAfter(key, ms);
    }
    working.delete(key);
    if (again.delete(key)) waiting.add(key);
    pump();
    settle();
  };
  const pump = (): void => {
    for (const key of waiting) {
      if (!begun || closed || working.size >= concurrency) return;
      waiting.delete(key);
      void run(key);
    }
  };
  const add = (key: string): void => {
    if (closed) return;
    const timer = timers.get(key);
    if (timer !== undefined) clearTimeout(timer.timer);
    timers.delete(key);
    if (working.has(key)) again.add(key);
    else waiting.add(key);
    pump();
  };
  const addAfter = (key: string, ms: number): void => {
    // Of a clock that nobody sets.
    const at = performance.now() + ms,
      known = timers.get(key);
    if (closed || (known !== undefined && known.at <= at)) return;
    if (known !== undefined) clearTimeout(known.timer);
    timers.set(key, { at, timer: setTimeout(() => add(key), Math.min(ms, 2 ** 31 - 1)) });
  };
  return {
    begin() {
      begun = true;
      pump();
    },
    add,
    addAfter,
    idle: () =>
      new Promise((resolve) => {
        idlers.push(resolve);
        settle();
      }),
    close: async () => {
      closed = true;
      for (const { timer } of timers.values()) clearTimeout(timer);
      timers.clear();
      waiting.clear();
      again.clear();
      if (working.size > 0)
        await new Promise<void>((resolve) => {
          idlers.push(resolve);
        });
    },
  };
}
