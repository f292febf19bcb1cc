import type { Flaw } from "./problem.ts";

/** One word or sign of the text; `value` is the glob that a word or quoted value stands for, `flaw` what is wrong with a bad one. */
export interface Token {
  readonly type: "&" | "|" | "!" | "(" | ")" | "," | "compare" | "word" | "quoted" | "bad" | "end";
  readonly text: string;
  readonly offset: number;
  readonly value: string;
  readonly flaw?: Flaw;
}

/** What a value may hold without quotes. */
const bare = /[\p{L}\p{M}\p{N}_.:/+@%*?-]+/uy;
const compare = /!=|[<>=]+/y;
const space = /\s+/y;

/** Whether the text is one bare word. */
export const isBare = (text: string): boolean => matchAt(bare, text, 0) === text && text !== "";

/** Cuts the text into tokens; the last one is `end`, or `bad` where the text cannot be cut further. */
export function lex(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += matchAt(space, text, at).length;
    const token = tokenAt(text, at);
    tokens.push(token);
    if (token.type === "end" || token.type === "bad") return tokens;
    at += token.text.length;
  }
}

function tokenAt(text: string, offset: number): Token {
  const sign = text[offset];
  if (sign === undefined) return { type: "end", text: "", offset, value: "" };
  const comparison = matchAt(compare, text, offset);
  if (comparison !== "") return { type: "compare", text: comparison, offset, value: "" };
  if (sign === "&" || sign === "|" || sign === "!" || sign === "(" || sign === ")" || sign === ",") {
    return { type: sign, text: sign, offset, value: "" };
  }
  if (sign === '"' || sign === "'") return quotedAt(text, offset, sign);
  const word = matchAt(bare, text, offset);
  if (word !== "") return { type: "word", text: word, offset, value: word };
  const character = String.fromCodePoint(text.codePointAt(offset)!);
  return bad(text, offset, character.length, {
    message: `${nameOf(character)} cannot stand here`,
    expected: "a term such as tag=web; a value with other characters goes into double quotes",
  });
}

/** A quoted value: wildcards keep their meaning, a backslash makes a quote, a backslash, `*` or `?` literal. */
function quotedAt(text: string, offset: number, quote: string): Token {
  let value = "";
  for (let at = offset + 1; at < text.length; at++) {
    const unit = text[at]!;
    if (unit === quote) return { type: "quoted", text: text.slice(offset, at + 1), offset, value };
    if (/\p{Cc}/u.test(unit)) return bad(text, at, 1, { message: `${nameOf(unit)} cannot stand in a quoted value` });
    if (unit !== "\\") {
      value += unit;
      continue;
    }
    const next = text[++at] ?? "";
    if (next === '"' || next === "'") value += next;
    else if (next === "\\" || next === "*" || next === "?") value += `\\${next}`;
    else if (next !== "")
      return bad(text, at - 1, 2, { message: "A backslash has nothing to escape here", expected: "\\\" \\' \\\\ \\* or \\?" });
  }
  return bad(text, offset, 1, { message: "This quote is not closed", expected: `${quote} at the end of the value` });
}

const bad = (text: string, offset: number, length: number, flaw: Flaw): Token => ({
  type: "bad",
  text: text.slice(offset, offset + length),
  offset,
  value: "",
  flaw,
});

function nameOf(character: string): string {
  if (!/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}]/u.test(character)) return `"${character}"`;
  return `Character U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}
