/** Time of the pretend cluster: milliseconds since the epoch, and calls made later (the answer takes such a call back). */
export interface Time {
  now(): number;
  after(ms: number, run: () => void): () => void;
}

/** The host's time, gone through `speed` times as fast from `start` on; its timers keep no process alive. */
export function fastTime(speed = 1, start = Date.now()): Time {
  const began = performance.now();
  return {
    now: () => Math.floor(start + (performance.now() - began) * speed),
    after(ms, run) {
      const timer = setTimeout(run, ms / speed);
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
}

/** Time that stands still until somebody moves it. */
export interface ManualTime extends Time {
  /** Moves to the next call that waits and makes it; false where none waits. */
  step(): boolean;
  /** Moves on by `ms` and makes all calls that fall due on the way. */
  advance(ms: number): Promise<void>;
}

/** Makes such a time; calls that are due at once keep the order in which they were asked for. */
export function manualTime(start: number): ManualTime {
  let now = start,
    order = 0;
  const waiting = new Map<number, { readonly due: number; readonly run: () => void }>();
  const next = (): [number, { readonly due: number; readonly run: () => void }] | undefined =>
    [...waiting].reduce<[number, { readonly due: number; readonly run: () => void }] | undefined>(
      (first, one) => (first === undefined || one[1].due < first[1].due ? one : first),
      undefined,
    );
  const step = (until = Infinity): boolean => {
    const first = next();
    if (first === undefined || first[1].due > until) return false;
    waiting.delete(first[0]);
    now = Math.max(now, first[1].due);
    first[1].run();
    return true;
  };
  return {
    now: () => now,
    after(ms, run) {
      const id = order++;
      waiting.set(id, { due: now + Math.max(0, ms), run });
      return () => void waiting.delete(id);
    },
    step: () => step(),
    async advance(ms) {
      const until = now + ms;
      await settled();
      while (step(until)) await settled();
      now = until;
    },
  };
}

/** Lets everything run that waits for nothing but its turn. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((done) => setImmediate(done));
}
