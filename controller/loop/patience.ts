/** How long hosts that are away have been waited for. */
export interface Patience {
  /** Counts the time since the last look; false once it is more than there is. */
  lasts(host: string): boolean;
  /** The host was heard of: its time begins anew. */
  rest(host: string): void;
}

/** The most that one look counts for, in milliseconds: a clock that jumps ahead uses nobody's time up. */
const longestLook = 10_000;

export function createPatience(patienceMs: number, now: () => number): Patience {
  const waiting = new Map<string, { last: number; waited: number }>();
  return {
    lasts(host) {
      const at = now(),
        known = waiting.get(host) ?? { last: at, waited: 0 };
      const waited = known.waited + Math.max(0, Math.min(at - known.last, longestLook));
      waiting.set(host, { last: at, waited });
      return waited < patienceMs;
    },
    rest: (host) => void waiting.delete(host),
  };
}
