import type { Scalar } from "../../../schemas/verbs/file.ts";
import { type Codec, ValueError } from "./codec.ts";
import { splitKey } from "./key.ts";
import { firstThatReads, insertLine, joinLines, type Line, removeLines, replaceLine, splitLines } from "./lines.ts";

/** A place for a value: a key below a section; section undefined: before the first one. */
interface Place {
  readonly section: string | undefined;
  readonly key: string;
}

interface Entry extends Place {
  readonly index: number;
  readonly before: string;
  readonly raw: string;
  readonly after: string;
}

const sectionLine = /^\s*\[([^\]]*)\]\s*(?:[;#].*)?$/;
const entryLine = /^(\s*)([^\s=:;#[\]][^=:]*?)(\s*[=:]\s*)(.*)$/;
const commentedLine = /^\s*[;#]\s*([^\s=:;#[\]][^=:]*?)\s*[=:]/;

/**
 * Single values in `[section]` and `key = value` files. A key is `section.key`; one part alone is a key before any section, or, as in php.ini, the only key of that name.
 * Where no such section is there, dots may belong to the key itself (`session.save_path`) or to the section. Keys that occur twice: the last one counts.
 */
export const ini: Codec = {
  typed: false,
  get: (text, key) => {
    const entry = find(entriesOf(splitLines(text)), key);
    return entry === undefined ? null : readRaw(entry.raw);
  },
  set: (text, key, value) => joinLines(setIn(splitLines(text), key, value)),
};

function setIn(lines: readonly Line[], key: string, value: Scalar): Line[] {
  const entries = entriesOf(lines);
  const entry = find(entries, key);
  if (value === null) {
    if (entry === undefined) return [...lines];
    refuseContinued(entry);
    const same = entries.filter((other) => other.section === entry.section && other.key === entry.key);
    return setIn(removeLines(lines, new Set(same.map((other) => other.index))), key, null);
  }
  if (entry === undefined) return append(lines, key, String(value));
  if (readRaw(entry.raw) === String(value)) return [...lines];
  refuseContinued(entry);
  return replaceLine(lines, entry.index, entry.before + writeRaw(String(value), entry.raw) + entry.after);
}

function refuseContinued(entry: Entry): void {
  if (entry.raw.endsWith("\\") && entry.after === "")
    throw new ValueError(`the value of ${entry.key} goes on in the next line, which cannot be changed`);
}

function entriesOf(lines: readonly Line[]): Entry[] {
  let section: string | undefined;
  return lines.flatMap(({ text }, index) => {
    const header = sectionLine.exec(text);
    if (header !== null) {
      section = header[1] as string;
      return [];
    }
    const match = entryLine.exec(text);
    if (match === null) return [];
    const [, indent, key, separator, rest] = match as unknown as [string, string, string, string, string];
    const raw = rawPart(rest);
    return [{ section, key, index, before: indent + key + separator, raw, after: rest.slice(raw.length) }];
  });
}

/** The value without what follows it: white space, and a comment that white space or a quote separates from it. */
function rawPart(rest: string): string {
  const quoted = /^(?:"[^"]*"|'[^']*')(?=\s*(?:[;#].*)?$)/.exec(rest);
  if (quoted !== null) return quoted[0];
  const comment = /^[;#]|\s[;#]/.exec(rest);
  return (comment === null ? rest : rest.slice(0, comment.index)).trimEnd();
}

const readRaw = (raw: string): string => (/^"[^"]*"$|^'[^']*'$/.test(raw) ? raw.slice(1, -1) : raw);

/** A value in the quotes of the one before where it had some, else bare where that reads back, else quoted. */
function writeRaw(value: string, before: string): string {
  const quote = /^(["']).*\1$/.exec(before)?.[1];
  const ways = [...(quote === undefined ? [] : [quote + value + quote]), value, `"${value}"`, `'${value}'`];
  return firstThatReads(value, ways, (text) => (/^\s/.test(text) || rawPart(text) !== text ? "\n" : readRaw(text)));
}

/** The ways to read a dotted key, the most usual first: last part the key; the whole the key; and every split between. */
function placesOf(key: string): Place[] {
  const parts = splitKey(key);
  const places: Place[] = [];
  for (let cut = parts.length - 1; cut >= 0; cut -= 1)
    places.push({ section: cut === 0 ? undefined : parts.slice(0, cut).join("."), key: parts.slice(cut).join(".") });
  return places;
}

function find(entries: readonly Entry[], key: string): Entry | undefined {
  for (const place of placesOf(key)) {
    const entry = entries.findLast((other) => other.section === place.section && other.key === place.key);
    if (entry !== undefined) return entry;
  }
  const whole = splitKey(key).join(".");
  const named = entries.filter((entry) => entry.key === whole);
  return new Set(named.map((entry) => entry.section)).size === 1 ? named.at(-1) : undefined;
}

/** A new key: below its commented-out form, else at the end of its section, else in a new section at the end. */
function append(lines: readonly Line[], key: string, value: string): Line[] {
  const entries = entriesOf(lines);
  const sections = sectionsOf(lines);
  const places = placesOf(key);
  const written = (name: string): string => {
    if (!entryLine.test(`${name}=`) || name !== name.trim()) throw new ValueError(`${name} cannot be a key in this format`);
    return name + separatorOf(lines, entries) + writeRaw(value, "");
  };
  for (const place of places) {
    const commented = commentedAt(lines, place, sections);
    if (commented !== undefined) return insertLine(lines, commented + 1, written(place.key));
  }
  const place = places.find((candidate) => candidate.section !== undefined && sections.has(candidate.section)) ?? (places[0] as Place);
  if (place.section === undefined) return insertLine(lines, endOfPart(lines, -1), written(place.key));
  const start = sections.get(place.section);
  if (start !== undefined) return insertLine(lines, endOfPart(lines, start), written(place.key));
  if (sectionLine.exec(`[${place.section}]`)?.[1] !== place.section)
    throw new ValueError(`${place.section} cannot be a section in this format`);
  const spaced = lines.length > 0 && lines.at(-1)?.text.trim() !== "" ? insertLine(lines, lines.length, "") : [...lines];
  const headed = insertLine(spaced, spaced.length, `[${place.section}]`);
  return insertLine(headed, headed.length, written(place.key));
}

/** Last header of each section: a section that occurs twice is one to most readers, and the last counts. */
function sectionsOf(lines: readonly Line[]): Map<string, number> {
  const sections = new Map<string, number>();
  for (const [index, { text }] of lines.entries()) {
    const name = sectionLine.exec(text)?.[1];
    if (name !== undefined) sections.set(name, index);
  }
  return sections;
}

/** Where a key stands commented out: in its section, or anywhere if no section of its name is there. */
function commentedAt(lines: readonly Line[], place: Place, sections: ReadonlyMap<string, number>): number | undefined {
  if (place.section !== undefined && !sections.has(place.section)) return undefined;
  let section: string | undefined;
  let found: number | undefined;
  for (const [index, { text }] of lines.entries()) {
    section = sectionLine.exec(text)?.[1] ?? section;
    if (commentedLine.exec(text)?.[1] === place.key && (place.section === undefined || section === place.section)) found = index;
  }
  return found;
}

/** The index after the last line of a section that says something, from its header (-1: the part before the first section). */
function endOfPart(lines: readonly Line[], header: number): number {
  let end = header + 1;
  for (let index = header + 1; index < lines.length && !sectionLine.test(lines[index]?.text ?? ""); index += 1)
    if (lines[index]?.text.trim() !== "") end = index + 1;
  return end;
}

/** `=` with or without spaces, as most lines have it. */
function separatorOf(lines: readonly Line[], entries: readonly Entry[]): string {
  const spaced = entries.filter((entry) => /\s=\s/.test(lines[entry.index]?.text ?? "")).length;
  return entries.length === 0 || spaced * 2 >= entries.length ? " = " : "=";
}
