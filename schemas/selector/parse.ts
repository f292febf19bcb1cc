import { all, allOf, anyOf, not } from "./form.ts";
import { isGlob, literalOf, patternOf, tidyPattern } from "./glob.ts";
import { lex, type Token } from "./lex.ts";
import { ambiguousWord, isBareWordNext, leftover, missingTerm, wordFlaw } from "./misplaced.ts";
import { printSelector } from "./print.ts";
import type { SelectorProblem } from "./problem.ts";
import { countTerm, fail, peek, type Reader, tooDeep, tooLong } from "./reader.ts";
import { buildTerm } from "./term.ts";
import { selectorLimits as limits, type Selector } from "./terms.ts";

/** A selector, or the first thing that is wrong with its text. */
export type ParsedSelector = { readonly ok: true; readonly selector: Selector } | { readonly ok: false; readonly problem: SelectorProblem };

/** `stableOnly`, for `on:` of manifests: refuses keys whose answer changes while hosts run, and reads a bare word as `name=word`. */
export interface ParseOptions {
  readonly stableOnly?: boolean | undefined;
}

/** Reads the text of a selector into normal form; never throws, whatever the text. */
export function parseSelector(text: string, options: ParseOptions = {}): ParsedSelector {
  if (text.length > limits.characters) return { ok: false, problem: tooLong(text, "This selector is") };
  const reader: Reader = {
    text,
    tokens: lex(text),
    stableOnly: options.stableOnly === true,
    at: 0,
    terms: 0,
    valueEnd: -1,
    problem: undefined,
  };
  const selector = parseOr(reader, 0);
  if (selector !== undefined && peek(reader).type !== "end") leftover(reader);
  if (selector === undefined || reader.problem !== undefined) return { ok: false, problem: reader.problem! };
  if (printSelector(selector).length > limits.characters)
    return { ok: false, problem: tooLong(text, "Written out in full, this selector is") };
  return { ok: true, selector };
}

function parseOr(reader: Reader, depth: number): Selector | undefined {
  const parts: Selector[] = [];
  for (;;) {
    const part = parseAnd(reader, depth);
    if (part === undefined) return undefined;
    parts.push(part);
    if (peek(reader).type !== "|") return anyOf(parts);
    const afterValue = reader.valueEnd === reader.at;
    reader.at++;
    if (afterValue && isBareWordNext(reader)) return ambiguousWord(reader);
  }
}

function parseAnd(reader: Reader, depth: number): Selector | undefined {
  const parts: Selector[] = [];
  for (;;) {
    const part = parseUnary(reader, depth);
    if (part === undefined) return undefined;
    parts.push(part);
    if (peek(reader).type !== "&") return allOf(parts);
    reader.at++;
  }
}

function parseUnary(reader: Reader, depth: number): Selector | undefined {
  const { type } = peek(reader);
  if (type === "word" || type === "quoted") return countTerm(reader) ? parseTerm(reader, depth) : undefined;
  if (type !== "!" && type !== "(") return missingTerm(reader);
  if (depth >= limits.depth) return tooDeep(reader);
  if (type === "(") return parseGroup(reader, depth);
  reader.at++;
  const inner = parseUnary(reader, depth + 1);
  return inner === undefined ? undefined : not(inner);
}

function parseGroup(reader: Reader, depth: number): Selector | undefined {
  const open = peek(reader);
  reader.at++;
  const inner = parseOr(reader, depth + 1);
  if (inner === undefined) return undefined;
  const close = peek(reader);
  if (close.type === "end") return fail(reader, open, { message: "This ( is not closed", expected: ")" });
  if (close.type !== ")") return leftover(reader);
  reader.at++;
  return inner;
}

function parseTerm(reader: Reader, depth: number): Selector | undefined {
  const token = peek(reader);
  const compare = reader.tokens[reader.at + 1];
  if (token.type === "quoted" || compare?.type !== "compare") return parseWord(reader);
  if (compare.text === "!=" && depth >= limits.depth) return tooDeep(reader);
  reader.at += 2;
  const values = parseValues(reader, compare.text);
  if (values === undefined) return undefined;
  reader.valueEnd = reader.at;
  const term = buildTerm({ key: token.text, compare: compare.text, values: values.map(({ value }) => value) }, reader.stableOnly);
  if (!("flaw" in term)) return compare.text === "!=" ? not(term) : term;
  const { part, ...flaw } = term.flaw;
  return fail(reader, part === "key" ? token : part === "compare" ? compare : values[part]!, flaw);
}

function parseValues(reader: Reader, compare: string): readonly Token[] | undefined {
  const values: Token[] = [];
  for (;;) {
    const token = peek(reader);
    if (token.type === "bad") return fail(reader, token, token.flaw!);
    if (token.type !== "word" && token.type !== "quoted") {
      return fail(reader, token, {
        message: `A value is missing after ${values.length === 0 ? compare : "the comma"}`,
        expected: "a value",
      });
    }
    values.push(token);
    reader.at++;
    if (peek(reader).type !== ",") return values;
    reader.at++;
    if (!countTerm(reader)) return undefined;
  }
}

function parseWord(reader: Reader): Selector | undefined {
  const token = peek(reader);
  const flaw = token.type === "word" ? wordFlaw(token.text) : undefined;
  if (flaw !== undefined) return fail(reader, token, flaw);
  const pattern = tidyPattern(token.value.toLowerCase());
  if (pattern === "") return fail(reader, token, { message: "This name is empty", expected: "the name of a host" });
  reader.at++;
  if (pattern === "*") return all;
  if (isGlob(pattern)) return { op: "text", key: "name", values: [pattern] };
  const word = literalOf(pattern);
  return reader.stableOnly ? { op: "text", key: "name", values: [patternOf(word)] } : { op: "word", word };
}
