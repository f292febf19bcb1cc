import { ValueError } from "./codec.ts";

/** A line with its ending kept apart: `\n`, `\r\n`, or nothing at the end of a text. */
export interface Line {
  readonly text: string;
  readonly end: string;
}

export function splitLines(text: string): Line[] {
  const lines: Line[] = [];
  let at = 0;
  while (at < text.length) {
    const newline = text.indexOf("\n", at);
    if (newline === -1) {
      lines.push({ text: text.slice(at), end: "" });
      break;
    }
    const crlf = newline > at && text[newline - 1] === "\r";
    lines.push({ text: text.slice(at, crlf ? newline - 1 : newline), end: crlf ? "\r\n" : "\n" });
    at = newline + 1;
  }
  return lines;
}

export const joinLines = (lines: readonly Line[]): string => lines.map((line) => line.text + line.end).join("");

/** The line ending of a text: that of its first line. */
const endingOf = (lines: readonly Line[]): string => lines.find((line) => line.end !== "")?.end ?? "\n";

/** Puts a line at an index; the one before it gets an ending where it had none. */
export function insertLine(lines: readonly Line[], index: number, text: string): Line[] {
  const end = endingOf(lines);
  const before = lines.slice(0, index);
  const last = before.at(-1);
  if (last !== undefined && last.end === "") before[before.length - 1] = { ...last, end };
  return [...before, { text, end }, ...lines.slice(index)];
}

export const replaceLine = (lines: readonly Line[], index: number, text: string): Line[] =>
  lines.with(index, { text, end: lines[index]?.end ?? "" });

export const removeLines = (lines: readonly Line[], indexes: ReadonlySet<number>): Line[] =>
  lines.filter((_, index) => !indexes.has(index));

/** The first way of writing a value that reads back as the same: so no value is ever written that means another. */
export function firstThatReads(value: string, ways: readonly string[], read: (text: string) => string): string {
  const way = ways.find((text) => !/[\n\r]/.test(text) && read(text) === value);
  if (way === undefined) throw new ValueError("the value cannot be written in this format");
  return way;
}
