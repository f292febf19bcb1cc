import type { ModelCard } from "./models.ts";
import { chainOf, type Lifetime, type Segment } from "./prompt.ts";

/** The prefixes in the cache: when each expires, in milliseconds. */
export type PromptCache = Map<string, { ttl: Lifetime; expires: number }>;

/** How the input tokens of one request are billed. */
export interface CacheUse {
  readonly read: number;
  readonly written: Readonly<Record<Lifetime, number>>;
  readonly rest: number;
}

const LOOKBACK = 20;
const MILLISECONDS: Readonly<Record<Lifetime, number>> = { "5m": 300_000, "1h": 3_600_000 };

/** Reads and writes the cache for one prompt (rule 23): the longest prefix known near a breakpoint is read, breakpoints after it are written. */
export function useCache(cache: PromptCache, segments: readonly Segment[], model: ModelCard, now: number): CacheUse {
  const keys = chainOf(model.id, segments);
  const sums = sumsOf(segments);
  const hit = findHit(cache, keys, segments, now);
  const read = hit === -1 ? 0 : (sums[hit] ?? 0);
  const written = { "5m": 0, "1h": 0 };
  let done = read;
  for (const [index, { ttl }] of segments.entries()) {
    const sum = sums[index] ?? 0;
    const key = keys[index] ?? "";
    const known = cache.get(key);
    if (index <= hit && known !== undefined && known.expires > now) known.expires = now + MILLISECONDS[known.ttl];
    if (index <= hit || ttl === undefined || sum < model.cacheTokens) continue;
    written[ttl] += sum - done;
    done = sum;
    cache.set(key, { ttl, expires: now + MILLISECONDS[ttl] });
  }
  return { read, written, rest: (sums.at(-1) ?? 0) - done };
}

function sumsOf(segments: readonly Segment[]): readonly number[] {
  let sum = 0;
  return segments.map(({ tokens }) => (sum += tokens));
}

function findHit(cache: PromptCache, keys: readonly string[], segments: readonly Segment[], now: number): number {
  for (let breakpoint = segments.length - 1; breakpoint >= 0; breakpoint -= 1) {
    if (segments[breakpoint]?.ttl === undefined) continue;
    for (let index = breakpoint; index >= Math.max(0, breakpoint - LOOKBACK); index -= 1)
      if ((cache.get(keys[index] ?? "")?.expires ?? 0) > now) return index;
  }
  return -1;
}
