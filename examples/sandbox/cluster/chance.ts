import { createHash } from "node:crypto";

/** Chance that comes out the same each time: everything follows from the seed and the order of the questions. */
export interface Chance {
  /** A number from 0 up to, and without, `below`. */
  number(below: number): number;
  /** So many hexadecimal digits. */
  hex(digits: number): string;
  uuid(): string;
  /** A network address with the prefix of Proxmox VE's. */
  mac(): string;
  one<T>(of: readonly T[]): T;
}

/** Makes it (mulberry32). */
export function chance(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const number = (below: number): number => Math.floor(next() * below);
  const hex = (digits: number): string => Array.from({ length: digits }, () => number(16).toString(16)).join("");
  return {
    number,
    hex,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${"89ab"[number(4)]}${hex(3)}-${hex(12)}`,
    mac: () => `BC:24:11:${hex(2)}:${hex(2)}:${hex(2)}`.toUpperCase(),
    one: (of) => of[number(of.length)]!,
  };
}

/** What Proxmox VE gives as `digest` of a file: SHA-1 of its text, 40 digits. */
export const digestOf = (text: string): string => createHash("sha1").update(text).digest("hex");
