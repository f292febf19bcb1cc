import { type Codec, ValueError } from "./codec.ts";
import { wholeKey } from "./key.ts";
import { firstThatReads, insertLine, joinLines, type Line, removeLines, splitLines } from "./lines.ts";

interface Entry {
  readonly key: string;
  readonly first: number;
  /** Index after its last line: a value may go on in indented lines (main.cf of postfix). */
  readonly end: number;
  readonly before: string;
  readonly value: string;
}

const equalsLine = /^(\s*([^\s=#;]+)\s*=[ \t]*)(.*)$/;
const blankLine = /^(\s*([^\s=#;]+)[ \t]+)(.*)$/;
/** Blocks of sshd_config: what stands below belongs to the block, up to the next. */
const blockLine = /^\s*(match|host)\s+\S/i;

type Style = "equals" | "blank";

/**
 * Single values in files of `Key value` (sshd_config, login.defs) or `key = value` (sysctl.conf, main.cf), whichever most lines have. Keys may hold dots.
 * In `Key value` files names are compared without case, the first line counts, and nothing below a Match or Host block is looked at; in the others the last line counts.
 */
export const keyvalue: Codec = {
  typed: false,
  get: (text, key) => {
    const lines = splitLines(text);
    return find(lines, wholeKey(key), styleOf(lines))?.value ?? null;
  },
  set(text, key, value) {
    const lines = splitLines(text);
    const name = wholeKey(key);
    const style = styleOf(lines);
    if (value === null) return joinLines(without(lines, name, style));
    const entry = find(lines, name, style);
    if (entry?.value === String(value)) return text;
    const written = writeRaw(String(value));
    if (entry === undefined) return joinLines(append(lines, name, written, style));
    const last = lines[entry.end - 1] as Line;
    return joinLines([...lines.slice(0, entry.first), { text: entry.before + written, end: last.end }, ...lines.slice(entry.end)]);
  },
};

/** Values are taken as they are to the end of the line: no quotes, no comments behind them. */
const writeRaw = (value: string): string => firstThatReads(value, [value], (text) => (text === "" ? "\n" : text.trim()));

function styleOf(lines: readonly Line[]): Style {
  let equals = 0;
  let blank = 0;
  for (const { text } of lines) {
    if (equalsLine.test(text)) equals += 1;
    else if (blankLine.test(text)) blank += 1;
  }
  // Nothing but comments: they show examples in the file's own form.
  if (equals === 0 && blank === 0)
    return lines.length === 0 ||
      lines.some(({ text }) => /^\s*[#;]\s*[^\s=]+\s*=/.test(text)) ||
      !lines.some(({ text }) => /^\s*#\w+ \w+$/.test(text))
      ? "equals"
      : "blank";
  return equals >= blank ? "equals" : "blank";
}

function entriesOf(lines: readonly Line[], style: Style): Entry[] {
  const entries: Entry[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const { text } = lines[index] as Line;
    if (style === "blank" && blockLine.test(text)) break;
    const match = (style === "equals" ? equalsLine : blankLine).exec(text);
    if (match === null) continue;
    let end = index + 1;
    let value = (match[3] as string).trimEnd();
    while (
      style === "equals" &&
      !/^\s/.test(text) &&
      /^\s+[^\s#]/.test(lines[end]?.text ?? "") &&
      !equalsLine.test(lines[end]?.text ?? "")
    ) {
      value = `${value} ${(lines[end] as Line).text.trim()}`.trimStart();
      end += 1;
    }
    entries.push({ key: match[2] as string, first: index, end, before: match[1] as string, value });
    index = end - 1;
  }
  return entries;
}

function find(lines: readonly Line[], name: string, style: Style): Entry | undefined {
  const entries = entriesOf(lines, style);
  if (style === "equals") return entries.findLast((entry) => entry.key === name);
  return entries.find((entry) => entry.key === name) ?? entries.find((entry) => entry.key.toLowerCase() === name.toLowerCase());
}

function without(lines: readonly Line[], name: string, style: Style): readonly Line[] {
  const entry = find(lines, name, style);
  if (entry === undefined) return lines;
  const indexes = new Set(Array.from({ length: entry.end - entry.first }, (_, offset) => entry.first + offset));
  return without(removeLines(lines, indexes), name, style);
}

/** A new key: below its commented-out form, else at the end, in any case before the first block. */
function append(lines: readonly Line[], name: string, value: string, style: Style): Line[] {
  if (!/^[^\s=#;]+$/.test(name)) throw new ValueError(`${name} cannot be a key in this format`);
  const block = style === "blank" ? lines.findIndex(({ text }) => blockLine.test(text)) : -1;
  const head = block === -1 ? lines : lines.slice(0, block);
  const commented = head.findLastIndex(
    ({ text }) => /^\s*[#;]\s*([^\s=#;]+)(?=[\s=])/.exec(text)?.[1]?.toLowerCase() === name.toLowerCase(),
  );
  let end = head.length;
  while (block !== -1 && end > 0 && head[end - 1]?.text.trim() === "") end -= 1;
  return insertLine(lines, commented === -1 ? end : commented + 1, name + separatorOf(lines, style) + value);
}

function separatorOf(lines: readonly Line[], style: Style): string {
  if (style === "blank") return " ";
  const entries = lines.filter(({ text }) => equalsLine.test(text));
  return entries.length === 0 || entries.some(({ text }) => /\s=/.test(text)) ? " = " : "=";
}
