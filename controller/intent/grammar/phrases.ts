import { nearest } from "../../../schemas/selector/nearest.ts";
import { is, type Token } from "./tokens.ts";

/** Where a phrase stands: the places of its words in the sentence. */
export interface Hit {
  readonly phrase: string;
  readonly at: readonly number[];
  /** A word was read with a typing mistake: "restrat" as "restart". */
  readonly corrected?: string | undefined;
}

/** Finds a phrase; `…` in it stands for any words between its two parts. */
export function findPhrase(tokens: readonly Token[], phrase: string, from = 0): Hit | undefined {
  const [head = "", tail] = phrase.split(" … ");
  for (let start = from; start < tokens.length; start++) {
    const first = runAt(tokens, head.split(" "), start);
    if (first === undefined) continue;
    if (tail === undefined) return { phrase, at: first };
    for (let next = start + first.length; next < tokens.length; next++) {
      const second = runAt(tokens, tail.split(" "), next);
      if (second !== undefined) return { phrase, at: [...first, ...second] };
    }
  }
  return undefined;
}

function runAt(tokens: readonly Token[], words: readonly string[], start: number): number[] | undefined {
  for (const [offset, word] of words.entries()) if (!is(tokens[start + offset], word)) return undefined;
  return words.map((_, offset) => start + offset);
}

/** The phrase of a list that stands first in the sentence, the longest of those at the same place. */
export function firstPhrase<T extends { readonly phrase: string }>(
  tokens: readonly Token[],
  entries: readonly T[],
): (Hit & { readonly entries: readonly T[] }) | undefined {
  let best: Hit | undefined;
  const found: { hit: Hit; entry: T }[] = [];
  for (const entry of entries) {
    const hit = findPhrase(tokens, entry.phrase);
    if (hit === undefined) continue;
    found.push({ hit, entry });
    if (
      best === undefined ||
      hit.at[0]! < best.at[0]! ||
      (hit.at[0] === best.at[0] &&
        (hit.at.length > best.at.length || (hit.at.length === best.at.length && hit.phrase.length > best.phrase.length)))
    )
      best = hit;
  }
  return best === undefined
    ? undefined
    : { ...best, entries: found.filter(({ hit }) => hit.phrase === best.phrase && hit.at[0] === best.at[0]).map(({ entry }) => entry) };
}

/** A one-word phrase that a word of the sentence was meant to be, one or two mistakes away; words that are spelt right are left out by `taken`. */
export function misspelt<T extends { readonly phrase: string }>(
  tokens: readonly Token[],
  entries: readonly T[],
  taken: (word: string) => boolean,
): (Hit & { readonly entries: readonly T[] }) | undefined {
  const words = [...new Set(entries.map(({ phrase }) => phrase).filter((phrase) => !phrase.includes(" ") && phrase.length >= 4))];
  for (const [index, token] of tokens.entries()) {
    if (token.quoted || token.text.length < 4 || !/^\p{L}+$/u.test(token.text) || taken(token.text)) continue;
    const near = nearest(
      token.text,
      words.filter((word) => Math.abs(word.length - token.text.length) <= 1 || word.length >= 7),
    );
    if (near !== undefined && mistakesAllowed(token.text, near))
      return { phrase: near, at: [index], corrected: token.raw, entries: entries.filter(({ phrase }) => phrase === near) };
  }
  return undefined;
}

/** One mistake in a short word, two in one of seven letters and more; the first letter is seldom mistyped. */
const mistakesAllowed = (word: string, near: string): boolean =>
  word[0] === near[0] && (near.length >= 7 || nearest(word, [near]) !== undefined) && Math.abs(word.length - near.length) <= 2;
