/** A word of a sentence: `text` in lower case without accents, `raw` as it was written, with its place. */
export interface Token {
  readonly text: string;
  readonly raw: string;
  readonly start: number;
  readonly end: number;
  /** It stood in quotes: a name, never a word of the grammar. */
  readonly quoted: boolean;
}

/** Lower case without accents: `Löschen` is `loschen`, `außer` is `ausser`. */
export const fold = (text: string): string =>
  text.normalize("NFD").replaceAll(/\p{M}/gu, "").replaceAll("ß", "ss").replaceAll("ẞ", "ss").toLowerCase();

const pattern =
  /["“„«]([^"”“»]*)["”“»]|(?<![\p{L}\p{N}])['‘`]([^'’`]*)['’`](?![\p{L}\p{N}])|(,|;)|(>=|<=|!=|[<>=])|[^\s,;"“”„«»()<>=]+(?:(?:=|!=|<=?|>=?)[^\s,;"“”()]+)?/gu;

/** Splits a sentence into words, quoted texts, commas and signs of comparison; stops at 400 words. */
export function tokenise(sentence: string): readonly Token[] {
  const tokens: Token[] = [];
  for (const match of sentence.matchAll(pattern)) {
    if (tokens.length >= 400) break;
    const quoted = match[1] ?? match[2],
      start = match.index;
    if (quoted !== undefined) {
      if (quoted.trim() !== "")
        tokens.push({ text: fold(quoted.trim()), raw: quoted.trim(), start, end: start + match[0].length, quoted: true });
      continue;
    }
    const raw = match[0]
      .replace(/[.!?:]+$/u, "")
      .replace(/^[¿¡(]+/u, "")
      .replaceAll("’", "'")
      .replace(/(?<=\p{L}|\d)'s$/u, "");
    if (raw === "") continue;
    tokens.push({ text: fold(raw), raw, start, end: start + match[0].length, quoted: false });
  }
  return tokens;
}

/** The part of the sentence that the tokens span, as it was written. */
export function quoteOf(sentence: string, tokens: readonly Token[]): string {
  const first = tokens[0],
    last = tokens.at(-1);
  return first === undefined || last === undefined ? "" : sentence.slice(first.start, last.end).replace(/[.,;!?\s]+$/u, "");
}

/** Whether the token is this word of the grammar. */
export const is = (token: Token | undefined, ...texts: readonly string[]): boolean =>
  token !== undefined && !token.quoted && texts.includes(token.text);
