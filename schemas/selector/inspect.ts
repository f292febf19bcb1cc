import { isGlob, literalOf } from "./glob.ts";
import { keyEntry } from "./keys.ts";
import type { Selector, Term } from "./terms.ts";

/** Every term in the order of the text, those under `!` too. */
export function termsOf(selector: Selector): readonly Term[] {
  if (selector.op === "all") return [];
  if (selector.op === "not") return termsOf(selector.of);
  return selector.op === "and" || selector.op === "or" ? selector.of.flatMap(termsOf) : [selector];
}

/** The exact names that the selector mentions, lower case, each once: bare words and `name=` without wildcards, those under `!` too. */
export function namesIn(selector: Selector): readonly string[] {
  const names = termsOf(selector).flatMap((term) => {
    if (term.op === "word") return [term.word];
    return term.op === "text" && term.key === "name" ? term.values.filter((value) => !isGlob(value)).map(literalOf) : [];
  });
  return [...new Set(names)];
}

/** Whether it may stand in `on:`; a bare word may not before `resolveWords`, as its meaning hangs on which other hosts exist. */
export const isStable = (selector: Selector): boolean =>
  termsOf(selector).every((term) => term.op !== "word" && keyEntry(term.key)?.stable === true);
