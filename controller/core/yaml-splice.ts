import { isMap, isScalar, isSeq, type Document, type Pair, type ParsedNode, type YAMLMap, type YAMLSeq } from "yaml";
import type { FieldPath } from "./positions.ts";
import { blockYaml, inlineYaml, literalYaml, scalarYaml } from "./yaml-text.ts";

/** A piece of a text to be replaced. */
export interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

type Node = ParsedNode;
type Entry = Pair<Node, Node | null>;
type Container = YAMLMap.Parsed | YAMLSeq.Parsed;

/** The splice that sets a field to a value; undefined where this form of YAML cannot be edited at this depth. Missing mappings on the way are made. */
export function setSplice(document: Document.Parsed, text: string, path: FieldPath, value: unknown): Splice | undefined {
  let here: Node | null = document.contents;
  for (let depth = 0; depth < path.length; depth++) {
    const step = path[depth]!,
      last = depth === path.length - 1;
    if (isMap(here)) {
      const entry = entryOf(here, step);
      if (entry === undefined) return addEntry(here, text, String(step), nested(path.slice(depth + 1), value));
      if (last || !(isMap(entry.value) || isSeq(entry.value)))
        return setEntry(here, entry, text, last ? value : nested(path.slice(depth + 1), value));
      here = entry.value;
    } else if (isSeq(here)) {
      const item: Node | undefined = (here.items as Node[])[Number(step)];
      if (item === undefined) return addItem(here, text, nested(path.slice(depth + 1), value));
      if (last) return setItem(here, item, text, value);
      here = item;
    } else return undefined;
  }
  return undefined;
}

/** The splice that removes a field or a list's item; undefined where it cannot be removed at this depth (the last one of its container, for one). */
export function removeSplice(document: Document.Parsed, text: string, path: FieldPath): Splice | undefined {
  const parent = containerAt(document, path.slice(0, -1)),
    step = path.at(-1)!;
  if (parent === undefined || parent.items.length < 2) return undefined;
  const index = isMap(parent)
    ? (parent.items as Entry[]).findIndex(({ key }) => isScalar(key) && key.value === String(step))
    : Number(step);
  if (index < 0 || index >= parent.items.length) return undefined;
  return parent.flow === true ? removeFlow(parent, index) : removeBlock(parent, index, text);
}

const nested = (path: FieldPath, value: unknown): unknown => path.reduceRight<unknown>((inner, step) => ({ [step]: inner }), value);

const entryOf = (map: YAMLMap.Parsed, step: string | number): Entry | undefined =>
  (map.items as Entry[]).find(({ key }) => isScalar(key) && key.value === String(step));

function containerAt(document: Document.Parsed, path: FieldPath): Container | undefined {
  let here: Node | null | undefined = document.contents;
  for (const step of path) here = isMap(here) ? entryOf(here, step)?.value : isSeq(here) ? (here.items as Node[])[Number(step)] : undefined;
  return isMap(here) || isSeq(here) ? here : undefined;
}

const lineStart = (text: string, at: number): number => text.lastIndexOf("\n", at - 1) + 1;
const columnOf = (text: string, at: number): number => at - lineStart(text, at);

/** The end of the line on which an offset lies, before its line break; an offset that closes a line belongs to it. */
function lineEnd(text: string, at: number): number {
  const newline = text.indexOf("\n", at);
  const end = newline < 0 ? text.length : newline;
  return text[end - 1] === "\r" ? end - 1 : end;
}

/** Where the last character of a value is; blocks end where their last item does. */
function endOf(node: Node | null, text: string, otherwise: number): number {
  if (node === null) return otherwise;
  if (isMap(node) && node.flow !== true) {
    const last = (node.items as Entry[]).at(-1);
    return last === undefined ? node.range[1] : endOf(last.value, text, colonAfter(last, text));
  }
  if (isSeq(node) && node.flow !== true) return endOf((node.items as Node[]).at(-1) ?? null, text, node.range[1]);
  let end = node.range[1];
  if (isScalar(node) && end === node.range[0]) return Math.max(end, otherwise);
  while (end > node.range[0] && /\s/.test(text[end - 1]!)) end--;
  return end;
}

const colonAfter = ({ key }: Entry, text: string): number => text.indexOf(":", key.range[1]) + 1;

const isBlockScalar = (node: Node | null, text: string): boolean =>
  isScalar(node) && node.range[0] < text.length && (text[node.range[0]] === "|" || text[node.range[0]] === ">");

function setEntry(map: YAMLMap.Parsed, entry: Entry, text: string, value: unknown): Splice | undefined {
  const colon = colonAfter(entry, text),
    { value: old } = entry;
  if (map.flow === true) {
    const written = old === null ? inlineYaml(value) : valueInFlow(old, text, value);
    return old === null || old.range[0] === old.range[1]
      ? { from: colon, to: colon, text: ` ${written}` }
      : { from: old.range[0], to: old.range[1], text: written };
  }
  const column = columnOf(text, entry.key.range[0]),
    end = endOf(old, text, colon);
  if (isScalar(old) && old.range[0] < old.range[1] && !isContainer(value)) {
    const written = isBlockScalar(old, text)
      ? literalLike(old, text, value, column)
      : scalarYaml(value, text.slice(old.range[0], old.range[1]), false);
    if (written !== undefined) return { from: old.range[0], to: end, text: written };
  }
  return { from: colon, to: end, text: afterColon(value, column) };
}

const isContainer = (value: unknown): boolean => typeof value === "object" && value !== null && Object.keys(value).length > 0;

/** A literal block stays one, with the inset that its lines had. */
function literalLike(old: Node, text: string, value: unknown, column: number): string | undefined {
  if (typeof value !== "string") return undefined;
  const first = /\n( *)\S/.exec(text.slice(old.range[0], old.range[1]));
  return literalYaml(value, Math.max(column + 1, first?.[1]?.length ?? column + 2));
}

function valueInFlow(old: Node, text: string, value: unknown): string {
  const scalar = isScalar(old) && !isContainer(value) ? scalarYaml(value, text.slice(old.range[0], old.range[1]), true) : undefined;
  return scalar ?? inlineYaml(value);
}

/** What follows `key:` for a new value: on the same line, or as a block below it. */
function afterColon(value: unknown, column: number): string {
  if (isContainer(value)) {
    const scalars = Array.isArray(value) && value.every((item) => typeof item !== "object" || item === null),
      line = scalars ? inlineYaml(value) : undefined;
    return line !== undefined && line.length < 100 ? ` ${line}` : `\n${blockYaml(value, column + 2)}`;
  }
  const scalar = scalarYaml(value, "", false);
  if (scalar !== undefined) return ` ${scalar}`;
  const literal = typeof value === "string" ? literalYaml(value, column + 2) : undefined;
  return ` ${literal ?? JSON.stringify(value)}`;
}

function addEntry(map: YAMLMap.Parsed, text: string, name: string, value: unknown): Splice | undefined {
  const key = scalarYaml(name, "", map.flow === true) ?? JSON.stringify(name),
    last = (map.items as Entry[]).at(-1);
  if (map.flow === true) return addFlow(map, `${key}: ${inlineYaml(value)}`, "{", text);
  if (last === undefined) return undefined;
  const first = (map.items as Entry[])[0]!,
    column = columnOf(text, first.key.range[0]),
    at = lineEnd(text, endOf(last.value, text, colonAfter(last, text)));
  return { from: at, to: at, text: `\n${" ".repeat(column)}${key}:${afterColon(value, column)}` };
}

function addFlow(container: Container, written: string, open: "{" | "[", text: string): Splice {
  const last = container.items.at(-1) as Entry | Node | undefined,
    padded = open === "{" ? " " : "";
  if (last === undefined)
    return { from: container.range[0], to: container.range[1], text: `${open}${padded}${written}${padded}${open === "{" ? "}" : "]"}` };
  const at = endOfItem(last, text);
  return { from: at, to: at, text: `, ${written}` };
}

const endOfItem = (item: Entry | Node, text: string): number =>
  "range" in item ? item.range[1] : endOf(item.value, text, item.key.range[1]);
const startOfItem = (item: Entry | Node): number => ("range" in item ? item.range[0] : item.key.range[0]);

function setItem(list: YAMLSeq.Parsed, item: Node, text: string, value: unknown): Splice | undefined {
  if (list.flow !== true && isContainer(value)) return undefined;
  const written =
    list.flow === true
      ? valueInFlow(item, text, value)
      : isScalar(item) && !isBlockScalar(item, text)
        ? scalarYaml(value, text.slice(item.range[0], item.range[1]), false)
        : undefined;
  return written === undefined ? undefined : { from: item.range[0], to: item.range[1], text: written };
}

function addItem(list: YAMLSeq.Parsed, text: string, value: unknown): Splice | undefined {
  if (list.flow === true) return addFlow(list, inlineYaml(value), "[", text);
  const column = columnOf(text, list.range[0]),
    at = lineEnd(text, endOf(list, text, list.range[1]));
  const lines = blockYaml([value], 0)
    .split("\n")
    .map((line) => `${" ".repeat(column)}${line}`);
  return { from: at, to: at, text: `\n${lines.join("\n")}` };
}

/** Whole lines: an entry's key has to be the first on its line. A comment on the last line goes with it. */
function removeBlock(container: Container, index: number, text: string): Splice | undefined {
  const item = container.items[index] as Entry | Node;
  const start = isSeq(container) ? dashBefore(startOfItem(item), text) : startOfItem(item),
    from = start === undefined ? -1 : lineStart(text, start);
  if (start === undefined || text.slice(from, start).trim() !== "") return undefined;
  const end = lineEnd(text, "range" in item ? endOf(item, text, item.range[1]) : endOf(item.value, text, colonAfter(item, text)));
  const newline = text.indexOf("\n", end);
  return newline < 0 ? { from: Math.max(0, from - 1), to: text.length, text: "" } : { from, to: newline + 1, text: "" };
}

function dashBefore(at: number, text: string): number | undefined {
  const dash = text.lastIndexOf("-", at - 1);
  return dash >= 0 && text.slice(dash + 1, at).trim() === "" ? dash : undefined;
}

function removeFlow(container: Container, index: number): Splice {
  const items = container.items as (Entry | Node)[],
    here = items[index]!,
    next = items[index + 1],
    before = items[index - 1];
  if (next !== undefined) return { from: startOfItem(here), to: startOfItem(next), text: "" };
  const from = before === undefined ? startOfItem(here) : endOfItem(before, "");
  return { from, to: endOfItem(here, ""), text: "" };
}
