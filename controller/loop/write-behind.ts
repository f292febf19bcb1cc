import type { Log } from "./ports.ts";

/** Writes that nobody waits for, in order; one that fails is tried again until it succeeds, so that a full disk loses nothing of them. */
export interface WriteBehind {
  add(write: () => Promise<unknown>): void;
  /** Resolves when all are on disk, or one of them failed: whoever ends waits no longer than that. */
  flush(): Promise<void>;
}

/** How many writes wait at most while none succeeds: the oldest go first then, and are noted in the log. */
const most = 20_000;
const backOff = { first: 200, longest: 30_000 };

export function createWriteBehind(log: Log): WriteBehind {
  const waiting: (() => Promise<unknown>)[] = [];
  let working: Promise<void> | undefined,
    failures = 0,
    timer: NodeJS.Timeout | undefined;
  const work = async (): Promise<void> => {
    await Promise.resolve();
    while (waiting.length > 0) {
      const write = waiting[0] as () => Promise<unknown>;
      try {
        await write();
      } catch (error) {
        const ms = Math.min(backOff.longest, backOff.first * 2 ** failures++);
        log.error(
          { error: error instanceof Error ? error.message : String(error), retryMs: ms },
          "unable to store what was observed; it is tried again",
        );
        timer = setTimeout(start, ms);
        timer.unref();
        break;
      }
      failures = 0;
      if (waiting[0] === write) waiting.shift();
    }
    // In the same breath as the last look: what is added from here on starts anew.
    working = undefined;
  };
  const start = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (working !== undefined || waiting.length === 0) return;
    working = work();
  };
  return {
    add(write) {
      waiting.push(write);
      if (waiting.length > most) {
        waiting.shift();
        log.error({ most }, "too much waits to be stored; the oldest was dropped");
      }
      if (timer === undefined) start();
    },
    async flush() {
      start();
      await working;
      clearTimeout(timer);
    },
  };
}
