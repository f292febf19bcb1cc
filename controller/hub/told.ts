import { Bucket } from "./bucket.ts";

/** What an agent tells for people: events of its host, lines of progress. */
export type Telling = "events" | "progress";

/** What an agent told beyond its limit since this was said last. */
export interface Excess {
  readonly agent: string;
  readonly events: number;
  readonly progress: number;
}

/** How much of it is passed on, agent by agent: one host shall not push what the others told out of the ring of events. */
export interface Told {
  /** How many of `count` may pass now; the rest is counted. */
  admit(agent: string, kind: Telling, count: number): number;
  /** What is to be said of agents that told too much: once a minute of each. Forgets those that have been quiet. */
  excess(): Excess[];
}

export interface ToldLimits {
  /** Of each kind: so many a second on average, and so many at once, as after an outage. */
  readonly rate: number;
  readonly burst: number;
  /** How often the excess of one agent is said, milliseconds. */
  readonly everyMs: number;
}

/** What they are where nobody says otherwise. */
export const toldLimits: ToldLimits = { rate: 2, burst: 600, everyMs: 60_000 };

interface Count {
  readonly buckets: Record<Telling, Bucket>;
  readonly dropped: Record<Telling, number>;
  saidAt: number;
}

/** `mono`: a monotonic clock, milliseconds. It outlives connections: a new one brings no new allowance. */
export function countTold(mono: () => number, { rate, burst, everyMs }: ToldLimits = toldLimits): Told {
  const counts = new Map<string, Count>();
  const countOf = (agent: string): Count => {
    let count = counts.get(agent);
    if (count === undefined) {
      const bucket = () => new Bucket(rate, burst, mono());
      count = { buckets: { events: bucket(), progress: bucket() }, dropped: { events: 0, progress: 0 }, saidAt: -everyMs };
      counts.set(agent, count);
    }
    return count;
  };
  return {
    admit(agent, kind, count) {
      const { buckets, dropped } = countOf(agent),
        passing = Math.min(count, Math.floor(Math.max(0, buckets[kind].level(mono()))));
      buckets[kind].take(passing, mono());
      dropped[kind] += count - passing;
      return passing;
    },
    excess() {
      const found: Excess[] = [],
        now = mono();
      for (const [agent, { buckets, dropped, saidAt }] of counts) {
        if (dropped.events + dropped.progress > 0) {
          if (now - saidAt < everyMs) continue;
          found.push({ agent, ...dropped });
          counts.set(agent, { buckets, dropped: { events: 0, progress: 0 }, saidAt: now });
        } else if (buckets.events.level(now) >= burst && buckets.progress.level(now) >= burst) counts.delete(agent);
      }
      return found;
    },
  };
}
