/** What is wrong with the text of a selector, and where: offset and length count UTF-16 units. */
export interface SelectorProblem {
  readonly message: string;
  readonly offset: number;
  readonly length: number;
  /** What may stand there. */
  readonly expected?: string;
  /** The valid word or text that was most likely meant. */
  readonly nearest?: string;
  /** Two lines: the text (a window of it where it is long), and `^^^` under the place. */
  readonly caret: string;
}

/** A flaw without its place. */
export interface Flaw {
  readonly message: string;
  readonly expected?: string;
  readonly nearest?: string | undefined;
}

/** A flaw at a place of the text. */
export function problemAt(text: string, offset: number, length: number, flaw: Flaw): SelectorProblem {
  const { message, expected, nearest } = flaw;
  return {
    message,
    offset,
    length,
    ...(expected === undefined ? {} : { expected }),
    ...(nearest === undefined ? {} : { nearest }),
    caret: drawCaret(text, offset, length),
  };
}

/** What a person wrote, in quotes and cut short, for a message. */
export const quote = (written: string): string => `"${written.length > 40 ? `${[...written].slice(0, 39).join("")}…` : written}"`;

const width = 100;
const before = 60;

function drawCaret(text: string, offset: number, length: number): string {
  const shown = [...text.slice(0, offset + length + width).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, " ")];
  const column = characters(text.slice(0, offset));
  const start = shown.length > width ? Math.max(0, column - before) : 0;
  const window = shown.slice(start, start + width).join("");
  const lead = start > 0 ? "…" : "";
  const tail = start + width < shown.length ? "…" : "";
  const marks = Math.max(1, Math.min(characters(text.slice(offset, offset + length)), start + width - column));
  return `${lead}${window}${tail}\n${" ".repeat(lead.length + column - start)}${"^".repeat(marks)}`;
}

const characters = (text: string): number => Array.from(text).length;
