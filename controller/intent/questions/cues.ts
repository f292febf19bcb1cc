import { findPhrase } from "../grammar/phrases.ts";
import type { Token } from "../grammar/tokens.ts";

/** The places of the first of these phrases in the sentence; undefined where none is there. */
export function cue(tokens: readonly Token[], phrases: readonly string[]): readonly number[] | undefined {
  for (const phrase of phrases) {
    const hit = findPhrase(tokens, phrase);
    if (hit !== undefined) return hit.at;
  }
  return undefined;
}

/** The places of every one of these words. */
export const placesOf = (tokens: readonly Token[], words: ReadonlySet<string>): number[] =>
  tokens.flatMap(({ text, quoted }, at) => (!quoted && words.has(text) ? [at] : []));

export const wordSet = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/** Words that only open a question; they say nothing about its subject. */
export const openings = wordSet(
  "show list display get find tell give print view see read check look fetch what what's which whats how is are does do did can zeige zeig zeigen liste gib sag nenne lies prufe prufen schau was wie welche welcher welches ist sind lauft laufen muestra muestrame mostrar lista listar dame dime ver lee comprueba verifica revisa que cual cuales como esta estan hay if whether ob si not out into up current currently now all's all right ok okay me us mir uns running run runs",
);
