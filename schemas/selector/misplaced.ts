import { keyEntry } from "./keys.ts";
import { type Flaw, quote } from "./problem.ts";
import { fail, peek, type Reader } from "./reader.ts";

/** Words of other languages, and our sign for each. */
const signs = new Map([
  ["and", "&"],
  ["or", "|"],
  ["not", "!"],
]);

/** Why a bare word would surely not mean a host of this name; undefined where it may. */
export function wordFlaw(word: string): Flaw | undefined {
  const sign = signs.get(word.toLowerCase());
  if (sign !== undefined)
    return { message: `${quote(word)} is not a sign of this language`, expected: "& for and, | for or, ! for not", nearest: sign };
  const colon = word.indexOf(":");
  if (colon < 0 || keyEntry(word.slice(0, colon).toLowerCase()) === undefined) return undefined;
  return {
    message: "A key and its value are joined by =",
    expected: "key=value",
    nearest: `${word.slice(0, colon)}=${word.slice(colon + 1)}`,
  };
}

/** Notes that a term was wanted where there is none. */
export function missingTerm(reader: Reader): undefined {
  const token = peek(reader);
  const previous = reader.tokens[reader.at - 1];
  if (token.type === "bad") return fail(reader, token, token.flaw!);
  const expected = "a term such as tag=web, or * for every host";
  if (token.type === "end")
    return fail(reader, token, { message: previous === undefined ? "This selector is empty" : "A term is missing at the end", expected });
  const doubled = token.type === previous?.type && (token.type === "&" || token.type === "|");
  if (doubled) return fail(reader, token, { message: `One ${token.type} is enough`, expected, nearest: token.type });
  return fail(reader, token, { message: `A term is missing before ${token.text}`, expected });
}

/** Notes that something follows a whole expression. */
export function leftover(reader: Reader): undefined {
  const token = peek(reader);
  if (token.type === "bad") return fail(reader, token, token.flaw!);
  if (token.type === ")") return fail(reader, token, { message: "This ) was never opened", expected: "& or | or the end" });
  if (token.type === ",")
    return fail(reader, token, { message: "Only the values of a key are joined by a comma", expected: "| between terms, or name=one,two" });
  if (token.type === "compare")
    return fail(reader, token, { message: "A key comes without quotes, and with one comparison", expected: "key=value" });
  return fail(reader, token, {
    message: "Two terms must be joined",
    expected: "& (both) or | (either)",
    nearest: signs.get(token.text.toLowerCase()),
  });
}

/** Whether a bare word comes next that is neither a key nor `*`. */
export const isBareWordNext = (reader: Reader): boolean =>
  peek(reader).type === "word" && reader.tokens[reader.at + 1]?.type !== "compare" && !/^\*+$/.test(peek(reader).text);

/** Notes `kind=node|vm`: nobody can tell whether vm is one more kind or the name of a host. */
export function ambiguousWord(reader: Reader): undefined {
  const word = peek(reader).text;
  const value = reader.tokens[reader.at - 2]!.text;
  const flaw = wordFlaw(word);
  if (flaw !== undefined) return fail(reader, peek(reader), flaw);
  return fail(reader, peek(reader), {
    message: `${quote(word)} after a value and | could be one more value or the name of a host`,
    expected: "a comma before one more value, or name= before the name of a host",
    nearest: `${value},${word}`,
  });
}
