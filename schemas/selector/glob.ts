/** Whether the pattern has a wildcard: `*` (any run of characters) or `?` (one character) without a backslash before it. */
export const isGlob = (pattern: string): boolean => /[*?]/.test(pattern.replace(/\\[\s\S]/g, ""));

/** The text that a pattern without wildcards stands for. */
export const literalOf = (pattern: string): string => pattern.replace(/\\([\s\S])/g, "$1");

/** The pattern that matches this text alone. */
export const patternOf = (text: string): string => text.replace(/[\\*?]/g, "\\$&");

/** A pattern with runs of `*` made one. */
export const tidyPattern = (pattern: string): string => pattern.replace(/(\\[\s\S])|\*+/g, (_, escaped?: string) => escaped ?? "*");

/** One stretch between two `*`: its characters, undefined where any one will do, and the same as text where none is open. */
interface Piece {
  readonly units: readonly (string | undefined)[];
  readonly text: string | undefined;
}

/**
 * A predicate over whole texts. No regular expression: each piece is looked for once, from left to right, so the time is at
 * most the length of the text times that of the pattern, whatever the pattern.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const pieces = piecesOf(pattern);
  const first = pieces[0]!;
  if (pieces.length === 1) return (text) => text.length === first.units.length && fits(first, text, 0);
  const last = pieces[pieces.length - 1]!;
  const middle = pieces.slice(1, -1);
  return (text) => {
    const end = text.length - last.units.length;
    if (end < first.units.length || !fits(first, text, 0) || !fits(last, text, end)) return false;
    let at = first.units.length;
    for (const piece of middle) {
      const found = find(piece, text, at);
      if (found < 0) return false;
      at = found + piece.units.length;
    }
    return at <= end;
  };
}

function piecesOf(pattern: string): Piece[] {
  const stretches: (string | undefined)[][] = [[]];
  for (let i = 0; i < pattern.length; i++) {
    const unit = pattern[i]!;
    if (unit === "*") stretches.push([]);
    else stretches[stretches.length - 1]!.push(unit === "?" ? undefined : unit === "\\" ? (pattern[++i] ?? "\\") : unit);
  }
  return stretches.map((units) => ({ units, text: units.includes(undefined) ? undefined : units.join("") }));
}

function fits(piece: Piece, text: string, at: number): boolean {
  if (piece.text !== undefined) return text.startsWith(piece.text, at);
  return piece.units.every((unit, i) => unit === undefined || unit === text[at + i]);
}

function find(piece: Piece, text: string, from: number): number {
  if (piece.text !== undefined) return text.indexOf(piece.text, from);
  for (let at = from; at + piece.units.length <= text.length; at++) if (fits(piece, text, at)) return at;
  return -1;
}
