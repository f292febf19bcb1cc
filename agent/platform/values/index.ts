import { isDeepStrictEqual } from "node:util";
import type { Format, Scalar } from "../../../schemas/verbs/file.ts";
import { type Codec, ValueError } from "./codec.ts";
import { env } from "./env.ts";
import { ini } from "./ini.ts";
import { json } from "./json.ts";
import { keyvalue } from "./keyvalue.ts";
import { yaml } from "./yaml.ts";

/** The longest text whose values are read, in bytes. */
export const maxValuesText = 1_048_576;

const codecs: Readonly<Record<Format, Codec>> = { ini, json, yaml, env, keyvalue };

/** Reads single values; null: not there. Formats without types (ini, env, keyvalue) read text, which is to be compared as text. */
export function getValues(
  format: Format,
  text: string,
  keys: readonly string[],
): { readonly values: Record<string, Scalar> } | { readonly problem: string } {
  return attempt(() => ({ values: Object.fromEntries(keys.map((key) => [key, codecs[format].get(text, key)])) }));
}

/** Sets or takes out (null) single values; answers the new text, in which each reads as it was given and all others as before. */
export function setValues(
  format: Format,
  text: string,
  values: Readonly<Record<string, Scalar>>,
): { readonly text: string } | { readonly problem: string } {
  return attempt(() => {
    const codec = codecs[format];
    let edited = text;
    for (const [key, value] of Object.entries(values)) edited = codec.set(edited, key, value);
    for (const [key, value] of Object.entries(values)) {
      const read = codec.get(edited, key);
      if (!isDeepStrictEqual(read, codec.typed || value === null ? value : String(value)))
        throw new ValueError(`${key} cannot be set to this value in this file`);
    }
    return { text: edited };
  });
}

function attempt<T>(run: () => T): T | { readonly problem: string } {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof ValueError) return { problem: cause.message };
    throw cause;
  }
}
