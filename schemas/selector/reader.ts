import type { Token } from "./lex.ts";
import { type Flaw, problemAt, type SelectorProblem } from "./problem.ts";
import { selectorLimits as limits } from "./terms.ts";

/** Where the parser is in the tokens, what it has counted, and the first problem that it met. */
export interface Reader {
  readonly text: string;
  readonly tokens: readonly Token[];
  readonly stableOnly: boolean;
  at: number;
  terms: number;
  /** Index of the token after the last `key=value`. */
  valueEnd: number;
  problem: SelectorProblem | undefined;
}

/** The token that is read next. */
export const peek = (reader: Reader): Token => reader.tokens[reader.at]!;

/** Notes the first problem, at a token; undefined, so that a caller can return it as "nothing read". */
export function fail(reader: Reader, token: Token, flaw: Flaw): undefined {
  reader.problem ??= problemAt(reader.text, token.offset, token.text.length, flaw);
  return undefined;
}

/** Counts one more term or listed value; false, and a problem, past the limit. */
export function countTerm(reader: Reader): boolean {
  reader.terms++;
  if (reader.terms <= limits.terms) return true;
  fail(reader, peek(reader), { message: `More than ${limits.terms} terms`, expected: "a tag or a wildcard in place of a list" });
  return false;
}

/** The problem of one level too many. */
export const tooDeep = (reader: Reader): undefined =>
  fail(reader, peek(reader), { message: `More than ${limits.depth} levels of ( and !`, expected: "a flatter selector" });

/** The problem of a text that is too long, itself or once written out in full. */
export function tooLong(text: string, subject: string): SelectorProblem {
  const offset = Math.min(text.length, limits.characters);
  return problemAt(text, offset, text.length - offset, {
    message: `${subject} longer than ${limits.characters} characters`,
    expected: "a tag or a wildcard in place of a list",
  });
}
