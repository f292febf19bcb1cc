import { type Codec, ValueError } from "./codec.ts";
import { wholeKey } from "./key.ts";
import { firstThatReads, insertLine, joinLines, type Line, removeLines, replaceLine, splitLines } from "./lines.ts";

interface Entry {
  readonly index: number;
  readonly before: string;
  readonly raw: string;
  readonly after: string;
}

const nameForm = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
const entryLine = /^(\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)=)(.*)$/;
/** A quoted or bare value with what follows it. */
const valueForm = /^("(?:[^"\\]|\\.)*"|'[^']*'|(?:[^\s"'#\\]|\\.)(?:[^\s\\]|\\.|\s+(?![\s#]))*|)(\s*(?:\s#.*)?)$/;

/** Single values in `KEY=value` files as shells, systemd and dotenv read them; `export` and quotes stay. The last line of a key counts. */
export const env: Codec = {
  typed: false,
  get: (text, key) => {
    const entry = entriesOf(splitLines(text), wholeKey(key)).at(-1);
    if (entry === undefined) return null;
    return readRaw(entry.raw);
  },
  set(text, key, value) {
    const lines = splitLines(text);
    const name = wholeKey(key);
    if (!nameForm.test(name)) throw new ValueError(`${name} cannot be the name of a variable`);
    const entries = entriesOf(lines, name);
    if (value === null) return joinLines(removeLines(lines, new Set(entries.map((entry) => entry.index))));
    const entry = entries.at(-1);
    if (entry === undefined)
      return joinLines(insertLine(lines, placeFor(lines, name), `${exportOf(lines)}${name}=${writeRaw(String(value), "")}`));
    if (readRaw(entry.raw) === String(value)) return text;
    return joinLines(replaceLine(lines, entry.index, entry.before + writeRaw(String(value), entry.raw) + entry.after));
  },
};

function entriesOf(lines: readonly Line[], name: string): Entry[] {
  return lines.flatMap(({ text }, index) => {
    const match = entryLine.exec(text);
    if (match === null || match[2] !== name) return [];
    const value = valueForm.exec(match[3] as string);
    if (value === null || text.endsWith("\\")) throw new ValueError(`the value of ${name} goes over several lines or has an open quote`);
    return [{ index, before: match[1] as string, raw: value[1] as string, after: value[2] as string }];
  });
}

function readRaw(raw: string): string {
  if (raw.startsWith("'")) return raw.slice(1, -1);
  if (raw.startsWith('"')) return raw.slice(1, -1).replace(/\\(["\\$`])/g, "$1");
  return raw.replace(/\\(.)/g, "$1");
}

function writeRaw(value: string, before: string): string {
  const double = `"${value.replace(/["\\$`]/g, "\\$&")}"`;
  const single = `'${value}'`;
  const bare = /^[A-Za-z0-9_@%+:,./-]*$/.test(value) ? [value] : [];
  const ways = before.startsWith('"') ? [double] : before.startsWith("'") ? [single, double] : [...bare, double];
  return firstThatReads(value, ways, (text) => (valueForm.exec(text)?.[1] === text ? readRaw(text) : "\n"));
}

/** Below the commented-out form of the variable, else at the end. */
function placeFor(lines: readonly Line[], name: string): number {
  const commented = lines.findLastIndex(({ text }) => new RegExp(`^\\s*#\\s*(?:export\\s+)?${name.replaceAll(".", "\\.")}=`).test(text));
  return commented === -1 ? lines.length : commented + 1;
}

const exportOf = (lines: readonly Line[]): string => {
  const entries = lines.filter(({ text }) => entryLine.test(text));
  return entries.length > 0 && entries.every(({ text }) => /^\s*export\s/.test(text)) ? "export " : "";
};
