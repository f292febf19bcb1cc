/** Answers that are waited for, by key: each for its own time, however the clock is set meanwhile. */
export interface Answers {
  /** Calls back once no answer came for so long, with how often it was waited for by then. */
  expect(key: string, ms: number, missed: (times: number) => void): void;
  /** A sign of life: the time and the count begin anew. */
  heard(key: string): void;
  /** It was answered, or nobody waits any more. */
  drop(key: string): void;
  close(): void;
}

/** The longest that a timer can be set for, in milliseconds. */
const longestMs = 2 ** 31 - 1;

/** `graceMs` is added to each time. */
export function createAnswers(graceMs: number): Answers {
  const waiting = new Map<string, { times: number; timer: NodeJS.Timeout }>();
  return {
    expect(key, ms, missed) {
      const known = waiting.get(key);
      clearTimeout(known?.timer);
      const entry = {
        times: (known?.times ?? 0) + 1,
        timer: setTimeout(() => missed(entry.times), Math.min(longestMs, ms + graceMs)),
      };
      waiting.set(key, entry);
    },
    heard(key) {
      const entry = waiting.get(key);
      if (entry === undefined) return;
      entry.times = 0;
      entry.timer.refresh();
    },
    drop(key) {
      clearTimeout(waiting.get(key)?.timer);
      waiting.delete(key);
    },
    close() {
      for (const { timer } of waiting.values()) clearTimeout(timer);
      waiting.clear();
    },
  };
}
