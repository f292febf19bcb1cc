import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** Challenges that are good once, for one agent, for a minute. */
export interface Nonces {
  make(agent: string): string;
  /** Whether it was made for this agent and is still good; says nothing about whether it was spent. */
  fresh(agent: string, nonce: string): boolean;
  /** Spends a nonce whose signature was right: false where it was spent before. */
  spend(nonce: string): boolean;
}

const lifeMs = 60_000;
const macBytes = 16;

/**
 * Nonces that carry their own proof (expiry, random bits, MAC with a key of this process), so that asking for challenges
 * costs no memory; only those that were answered rightly are remembered, until they expire. `mono`: a monotonic clock, milliseconds.
 */
export function makeNonces(mono: () => number): Nonces {
  const key = randomBytes(32),
    spent = new Map<string, number>();
  const mac = (agent: string, head: Buffer): Buffer => createHmac("sha256", key).update(head).update(agent).digest().subarray(0, macBytes);
  const forget = (): void => {
    // Insertion order is nearly order of expiry: all lives are equal.
    for (const [nonce, expires] of spent) {
      if (expires > mono()) return;
      spent.delete(nonce);
    }
  };
  return {
    make(agent) {
      const head = Buffer.concat([Buffer.alloc(8), randomBytes(16)]);
      head.writeDoubleBE(mono() + lifeMs);
      return Buffer.concat([head, mac(agent, head)]).toString("base64url");
    },
    fresh(agent, nonce) {
      const bytes = Buffer.from(nonce, "base64url");
      // The text has to be the one spelling of its bytes, or a spent nonce could be spelt anew.
      if (bytes.length !== 24 + macBytes || bytes.toString("base64url") !== nonce) return false;
      const head = bytes.subarray(0, 24);
      return timingSafeEqual(bytes.subarray(24), mac(agent, head)) && head.readDoubleBE() > mono() && !spent.has(nonce);
    },
    spend(nonce) {
      forget();
      if (spent.has(nonce)) return false;
      spent.set(nonce, mono() + lifeMs);
      return true;
    },
  };
}
