import { isGlob, patternOf } from "./glob.ts";
import { isBare } from "./lex.ts";
import type { Selector } from "./terms.ts";

/** The canonical text: parsing it gives the same selector again. */
export function printSelector(selector: Selector): string {
  switch (selector.op) {
    case "all":
      return "*";
    case "word":
      return printWord(selector.word);
    case "text":
      return `${selector.key}=${selector.values.map(printValue).join(",")}`;
    case "measure":
      return `${selector.key}${selector.compare}${selector.value}`;
    case "not":
      return `!${inParens(selector.of, selector.of.op === "and" || selector.of.op === "or")}`;
    case "and":
      return selector.of.map((part) => inParens(part, part.op === "or")).join(" & ");
    case "or":
      return selector.of.map((part, i) => printAlternative(part, selector.of[i - 1])).join(" | ");
  }
}

const inParens = (selector: Selector, needed: boolean): string => (needed ? `(${printSelector(selector)})` : printSelector(selector));

const printValue = (pattern: string): string => (isBare(pattern) ? pattern : `"${pattern.replaceAll('"', '\\"')}"`);

/** Quoted where the bare word would be read as a wildcard, a sign, or `key:value`. */
function printWord(word: string): string {
  const plain = isBare(word) && !isGlob(word) && !word.includes(":") && !["and", "or", "not"].includes(word);
  return plain ? word : `"${patternOf(word).replaceAll('"', '\\"')}"`;
}

/** A bare word straight after `value |` would be taken for one more value, so it is quoted there. */
function printAlternative(part: Selector, previous: Selector | undefined): string {
  const text = printSelector(part);
  const mistakable = previous !== undefined && endsInValue(previous) && startsWithWord(part) && !text.startsWith('"');
  return mistakable ? text.replace(/^\S+/, '"$&"') : text;
}

function endsInValue(selector: Selector): boolean {
  if (selector.op === "not") return selector.of.op !== "and" && endsInValue(selector.of);
  if (selector.op === "and") return endsInValue(selector.of[selector.of.length - 1]!);
  return selector.op === "text" || selector.op === "measure";
}

const startsWithWord = (selector: Selector): boolean =>
  selector.op === "word" || (selector.op === "and" && startsWithWord(selector.of[0]!));
