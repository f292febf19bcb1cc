import { isGlob, literalOf, tidyPattern } from "./glob.ts";
import { keyEntry, keyNames, nearestKey, type SelectorKey } from "./keys.ts";
import { nearest } from "./nearest.ts";
import { type Flaw, quote } from "./problem.ts";
import type { MeasureCompare, Term } from "./terms.ts";

/** The parts of `key compare value,value` as they were written; values are globs as the lexer gives them. */
export interface TermParts {
  readonly key: string;
  readonly compare: string;
  readonly values: readonly string[];
}

/** A flaw of one part; a number is the index of a value. */
export type TermFlaw = Flaw & { readonly part: "key" | "compare" | number };

const compares = ["=", "!=", "<", "<=", ">", ">="];
const mistyped: Readonly<Record<string, string>> = { "==": "=", "===": "=", "=>": ">=", "=<": "<=", "<>": "!=", "><": "!=" };

/** Checks a term and brings it into normal form; with `!=` the caller negates it. */
export function buildTerm(parts: TermParts, stableOnly: boolean): Term | { flaw: TermFlaw } {
  const key = parts.key.toLowerCase();
  const entry = keyEntry(key);
  if (entry === undefined) return flawed("key", unknownKey(parts.key, stableOnly));
  if (stableOnly && !entry.stable) {
    return flawed("key", {
      message: `"${key}" changes while hosts run, so it cannot say where a manifest holds`,
      expected: keyNames(true).join(" "),
    });
  }
  if (!compares.includes(parts.compare)) {
    return flawed("compare", {
      message: `${quote(parts.compare)} is not a comparison`,
      expected: compares.join(" "),
      nearest: mistyped[parts.compare],
    });
  }
  return entry.takes === "measure" ? measureTerm(key, parts) : textTerm(key, entry, parts);
}

function textTerm(key: string, entry: SelectorKey, { compare, values }: TermParts): Term | { flaw: TermFlaw } {
  if (compare !== "=" && compare !== "!=") return flawed("compare", { message: `"${key}" has no order`, expected: "= or !=" });
  const tidy: string[] = [];
  for (const [i, value] of values.entries()) {
    const pattern = tidyValue(key, value);
    const flaw = valueFlaw(key, entry, pattern);
    if (flaw !== undefined) return flawed(i, flaw);
    if (!tidy.includes(pattern)) tidy.push(pattern);
  }
  return { op: "text", key, values: tidy };
}

function tidyValue(key: string, value: string): string {
  const pattern = tidyPattern(value.toLowerCase());
  return key === "service" && pattern.length > 8 && pattern.endsWith(".service") ? pattern.slice(0, -8) : pattern;
}

function valueFlaw(key: string, entry: SelectorKey, pattern: string): Flaw | undefined {
  if (pattern === "" && entry.key !== "label") return { message: `"${key}" needs a value`, expected: `a value, such as ${entry.example}` };
  if (entry.words === undefined || isGlob(pattern)) return undefined;
  const word = literalOf(pattern);
  if (entry.words.includes(word) || (entry.key === "agent" && /^\d/.test(word))) return undefined;
  const expected = entry.key === "agent" ? [...entry.words, "or a version such as 1.2.0"] : entry.words;
  return { message: `${quote(word)} is not a value of "${key}"`, expected: expected.join(", "), nearest: nearest(word, entry.words) };
}

function measureTerm(key: string, { compare, values }: TermParts): Term | { flaw: TermFlaw } {
  if (values.length > 1) return flawed(1, { message: `"${key}" takes one number`, expected: `two terms, such as ${key}=1 | ${key}=2` });
  const written = values[0] ?? "";
  const digits = key === "load" ? written : written.replace(/%$/, "");
  if (!/^\d{1,9}(\.\d{1,6})?$/.test(digits)) {
    return flawed(0, {
      message: `${quote(written)} is not a number`,
      expected: key === "load" ? "a number, such as 4 or 0.5" : "percent, such as 80 or 99.5",
    });
  }
  return { op: "measure", key, compare: compare === "!=" ? "=" : (compare as MeasureCompare), value: Number(digits) };
}

function unknownKey(written: string, stableOnly: boolean): Flaw {
  return {
    message: `There is no key ${quote(written)}`,
    expected: keyNames(stableOnly).join(" "),
    nearest: nearestKey(written.toLowerCase().slice(0, 64)),
  };
}

const flawed = (part: TermFlaw["part"], flaw: Flaw): { flaw: TermFlaw } => ({ flaw: { ...flaw, part } });
