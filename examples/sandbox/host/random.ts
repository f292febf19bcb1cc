/** A 32-bit number that depends on the texts and numbers given and on nothing else: FNV-1a with the final mix of MurmurHash3. */
export function hash(...parts: readonly (string | number)[]): number {
  let state = 0x811c9dc5;
  for (const part of parts) {
    const text = String(part);
    for (let at = 0; at < text.length; at += 1) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
    state = Math.imul(state ^ 0xff, 0x01000193);
  }
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}

/** The same as a number from 0 up to and without 1. */
export const chance = (...parts: readonly (string | number)[]): number => hash(...parts) / 0x1_0000_0000;

/** The same as 32 hexadecimal digits. */
export const hex128 = (...parts: readonly (string | number)[]): string =>
  [0, 1, 2, 3]
    .map((part) =>
      hash(part, ...parts)
        .toString(16)
        .padStart(8, "0"),
    )
    .join("");

/** The same in the form of a UUID. */
export const uuid = (...parts: readonly (string | number)[]): string =>
  hex128(...parts).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

/** A curve between 0 and 1 over time in milliseconds: smooth, without jumps, the same for the same seed. */
export function wave(seed: number, what: string, at: number, periodMs: number): number {
  const slot = Math.floor(at / periodMs),
    part = at / periodMs - slot,
    ease = part * part * (3 - 2 * part);
  const from = chance(seed, what, slot),
    to = chance(seed, what, slot + 1);
  return from + (to - from) * ease;
}
