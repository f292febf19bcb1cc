import type { Delivery } from "./script.ts";

const BACKSLASH = 0x5c;
const FIRST_LEAD = 0xc0;

/** Cuts bytes into the pieces that are written one by one: every n bytes, after the first byte of each multi-byte character, or after each backslash. */
export function split(bytes: Buffer, how: Delivery["split"]): readonly Buffer[] {
  if (how === undefined) return [bytes];
  const isCut = (byte: number, index: number) => {
    if (typeof how === "number") return (index + 1) % how === 0;
    return how === "characters" ? byte >= FIRST_LEAD : byte === BACKSLASH;
  };
  const pieces: Buffer[] = [];
  let start = 0;
  for (const [index, byte] of bytes.entries()) {
    if (!isCut(byte, index)) continue;
    pieces.push(bytes.subarray(start, index + 1));
    start = index + 1;
  }
  return start < bytes.length ? [...pieces, bytes.subarray(start)] : pieces;
}
