import { Bucket } from "./bucket.ts";

/** Counts failures by address, so that nobody tries join tokens in bulk. Remembers a bounded number of addresses. */
export interface Failures {
  /** Seconds until the address may try again; 0: now. */
  wait(address: string): number;
  count(address: string): void;
}

/** `burst` failures at once, then one more each `everyMs`. `mono`: a monotonic clock, milliseconds. */
export function countFailures(burst: number, everyMs: number, mono: () => number, remembered = 10_000): Failures {
  const buckets = new Map<string, Bucket>(),
    rate = 1000 / everyMs;
  return {
    wait(address) {
      const level = buckets.get(networkOf(address))?.level(mono()) ?? burst;
      return level >= 1 ? 0 : Math.ceil((1 - level) / rate);
    },
    count(address) {
      const key = networkOf(address),
        bucket = buckets.get(key) ?? new Bucket(rate, burst, mono());
      bucket.take(1, mono());
      // Put in anew, so that the first key is always the one that failed longest ago.
      buckets.delete(key);
      buckets.set(key, bucket);
      const [oldest] = buckets.keys();
      if (buckets.size > remembered && oldest !== undefined) buckets.delete(oldest);
    },
  };
}

/** What stands for an address where sources are counted: one customer of IPv6 has a /64 at the least, so its addresses count as one. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.split("::");
  const first = head.split(":").filter((group) => group !== ""),
    last = (tail ?? "").split(":").filter((group) => group !== "");
  const zeros = tail === undefined ? 0 : 8 - first.length - last.length;
  return [...first, ...Array<string>(Math.max(0, zeros)).fill("0"), ...last].slice(0, 4).join(":");
}
