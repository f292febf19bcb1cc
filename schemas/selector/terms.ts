/** How a measure is compared with its number; `!=` is written as `!` around `=`. */
export type MeasureCompare = "=" | "<" | "<=" | ">" | ">=";

/** A name without a key: the host of this exact name or alias, or, in `select` alone, a prefix where no host has it. */
export interface WordTerm {
  readonly op: "word";
  /** Lower case and literal: no wildcard, no escape. */
  readonly word: string;
}

/** `key=value,value`: true where any value matches. */
export interface TextTerm {
  readonly op: "text";
  /** A key of `selectorKeys`, or `label.` and the name of a label; lower case. */
  readonly key: string;
  /** Lower-case globs as glob.ts reads them: `*`, `?`, and `\` before a literal one. */
  readonly values: readonly string[];
}

/** `cpu>80`: percent for cpu, mem and disk, the plain number for load. */
export interface MeasureTerm {
  readonly op: "measure";
  readonly key: string;
  readonly compare: MeasureCompare;
  readonly value: number;
}

/** One question about one host. */
export type Term = WordTerm | TextTerm | MeasureTerm;

/** An expression that picks hosts, in the normal form that form.ts keeps: plain data, equal where the canonical text is equal. */
export type Selector =
  | { readonly op: "all" }
  | { readonly op: "and"; readonly of: readonly Selector[] }
  | { readonly op: "or"; readonly of: readonly Selector[] }
  | { readonly op: "not"; readonly of: Selector }
  | Term;

/** How much a selector may hold: characters of text (also of its canonical text), `!` and `(` inside each other, terms (each listed value counts). */
export const selectorLimits = { characters: 4096, depth: 64, terms: 256 } as const;
