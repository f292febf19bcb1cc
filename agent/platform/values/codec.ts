import type { Scalar } from "../../../schemas/verbs/file.ts";

/** Why a value cannot be read or set, as the end of a sentence. */
export class ValueError extends Error {}

/** How single values are read and set in one format. Both are pure and throw `ValueError`. Formats without types read every value as text. */
export interface Codec {
  get(text: string, key: string): Scalar;
  /** Null takes the key out. Every byte that is not the value's own stays. */
  set(text: string, key: string, value: Scalar): string;
  /** Whether numbers and truth values are told from text. */
  readonly typed: boolean;
}
