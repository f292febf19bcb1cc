/** Connections of one agent that take over from each other. */
export interface Takeovers {
  /** Counts one; true at the moment in which it is too many: two processes, or a clone, use one identity. */
  count(agent: string): boolean;
  /** Drops those of more than a minute ago. */
  forget(): void;
}

/** So many within a minute are too many. */
const contention = 5,
  minute = 60_000;

/** `mono`: a monotonic clock, milliseconds. */
export function countTakeovers(mono: () => number): Takeovers {
  const seen = new Map<string, { readonly count: number; readonly since: number }>();
  return {
    count(agent) {
      const now = mono(),
        before = seen.get(agent);
      const taken = before === undefined || now - before.since > minute ? { count: 1, since: now } : { ...before, count: before.count + 1 };
      seen.set(agent, taken);
      return taken.count === contention;
    },
    forget() {
      for (const [agent, { since }] of seen) if (mono() - since > minute) seen.delete(agent);
    },
  };
}
