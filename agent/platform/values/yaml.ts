import { isDeepStrictEqual } from "node:util";
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseAllDocuments,
  type ParsedNode,
  Scalar as ScalarNode,
  stringify,
  visit,
  type YAMLMap,
} from "yaml";
import type { Scalar } from "../../../schemas/verbs/file.ts";
import { type Codec, ValueError } from "./codec.ts";
import { pathParts } from "./key.ts";

/** Single values in the first document of a YAML text; a key is a dotted path or a JSON pointer. Only the bytes of the changed node are touched. */
export const yaml: Codec = {
  typed: true,
  get(text, key) {
    const found = walk(parse(text), key);
    if (found.rest.length > 0) return null;
    return scalarOf(found.node, key);
  },
  set(text, key, value) {
    const edited = edit(text, key, value);
    if (edited !== text && !isDeepStrictEqual(parse(edited).toJS(), expected(text, key, value)))
      throw new ValueError(`${key} cannot be set here without touching other values`);
    return edited;
  },
};

function edit(text: string, key: string, value: Scalar): string {
  const document = parse(text);
  const found = walk(document, key);
  if (found.rest.length > 0) return value === null ? text : insert(text, document, found.node, found.rest, value, key);
  const now = scalarOf(found.node, key);
  if (value === null) return remove(text, found.path, key);
  return now === value ? text : replace(text, found.node, found.path, value);
}

/** The data as it has to be after an edit: what guards against a layout that the edit did not understand. */
function expected(text: string, key: string, value: Scalar): unknown {
  const parts = pathParts(key);
  const last = parts.pop() as string;
  const root: unknown = parse(text).toJS() ?? {};
  let at = root as Record<string, unknown>;
  for (const part of parts) {
    at[part] ??= {};
    at = at[part] as Record<string, unknown>;
  }
  if (value === null) delete at[last];
  else Object.defineProperty(at, last, { value, enumerable: true, configurable: true, writable: true });
  return root;
}

function parse(text: string): Document.Parsed {
  const documents = parseAllDocuments(text, { keepSourceTokens: true, intAsBigInt: false, uniqueKeys: false });
  const document = (documents as Document.Parsed[])[0];
  if (document === undefined) return parseAllDocuments("---\n")[0] as Document.Parsed;
  const [problem] = document.errors;
  if (problem !== undefined) throw new ValueError(`not valid YAML: ${problem.message.split("\n")[0]}`);
  return document;
}

/** One step down: the collection, the pair or item, and its place. */
interface Step {
  readonly parent: Node;
  readonly pair: Pair<ParsedNode, ParsedNode | null> | undefined;
  readonly index: number;
}

interface Found {
  readonly node: Node | null;
  readonly path: readonly Step[];
  /** Parts of the key that are not there. */
  readonly rest: readonly string[];
}

/** Goes down as far as the key leads. */
function walk(document: Document.Parsed, key: string): Found {
  const parts = pathParts(key);
  let node: Node | null = document.contents;
  const path: Step[] = [];
  for (const [depth, part] of parts.entries()) {
    if (isMap(node)) {
      const index: number = node.items.findLastIndex((pair) => isScalar(pair.key) && String(pair.key.value) === part);
      if (index === -1) return { node, path, rest: parts.slice(depth) };
      const pair = node.items[index] as Pair<ParsedNode, ParsedNode | null>;
      path.push({ parent: node, pair, index });
      node = pair.value;
    } else if (isSeq(node)) {
      if (!/^(0|[1-9][0-9]*)$/.test(part) || Number(part) >= node.items.length)
        throw new ValueError(`${key}: ${part} is not a position in the list`);
      path.push({ parent: node, pair: undefined, index: Number(part) });
      const item: unknown = node.items[Number(part)];
      node = isNode(item) ? item : null;
    } else if (isEmpty(node)) return { node, path, rest: parts.slice(depth) };
    else throw new ValueError(`${key}: there is a single value above ${part}`);
  }
  return { node, path, rest: [] };
}

const isEmpty = (node: Node | null): boolean => node === null || (isScalar(node) && node.value === null);

function scalarOf(node: Node | null, key: string): Scalar {
  if (node === null) return null;
  if (isAlias(node)) throw new ValueError(`${key} is an alias, which cannot be changed alone`);
  if (!isScalar(node)) throw new ValueError(`${key} is ${isCollection(node) && isMap(node) ? "a map" : "a list"}, not a single value`);
  const { value } = node;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" || value === null ? value : String(value);
}

const ranges = (node: Node): readonly [number, number, number] => {
  if (node.range === undefined || node.range === null) throw new ValueError("the place of the value is not known");
  return node.range;
};

function replace(text: string, node: Node | null, path: readonly Step[], value: Exclude<Scalar, null>): string {
  const flow = path.some((step) => isCollection(step.parent) && step.parent.flow === true);
  if (node !== null) {
    const [start, end] = ranges(node);
    if (end > start)
      return (
        text.slice(0, start) +
        written(value, flow, isScalar(node) ? node.type : undefined) +
        trailing(text.slice(start, end)) +
        text.slice(end)
      );
  }
  const pair = path.at(-1)?.pair;
  if (pair === undefined) throw new ValueError("the value is empty and has no key, so it cannot be set");
  const colon = text.indexOf(":", ranges(pair.key)[1]);
  if (colon === -1) throw new ValueError("the key has no colon");
  return `${text.slice(0, colon + 1)} ${written(value, flow, undefined)}${text.slice(colon + 1)}`;
}

/** Line breaks at the end of a block scalar belong to its range: they stay. */
const trailing = (old: string): string => /(\r?\n)\s*$/.exec(old)?.[1] ?? "";

/** A single value in one line, in the quotes that it had. */
function written(value: Exclude<Scalar, null>, flow: boolean, type: string | undefined): string {
  if (typeof value !== "string") return stringify(value).trimEnd();
  const printable = !/[\n\r\u0000-\u001f\u0085\u2028\u2029\ufeff]/.test(value);
  if (type === ScalarNode.QUOTE_SINGLE && printable) return `'${value.replaceAll("'", "''")}'`;
  if (type === ScalarNode.QUOTE_DOUBLE || !printable || (flow && !/^[A-Za-z0-9_./-]+$/.test(value))) return JSON.stringify(value);
  const plain = stringify(value, { lineWidth: 0, blockQuote: false }).trimEnd();
  return plain.includes("\n") ? JSON.stringify(value) : plain;
}

/** Text of keys that are not there yet, one below the other. */
function nested(parts: readonly string[], value: Exclude<Scalar, null>, indent: string, step: string, eol: string): string {
  return parts
    .map(
      (part, depth) =>
        `${indent}${step.repeat(depth)}${written(part, false, undefined)}:${depth === parts.length - 1 ? ` ${written(value, false, undefined)}` : ""}`,
    )
    .join(eol);
}

const flowNested = (parts: readonly string[], value: Exclude<Scalar, null>): string => {
  const [first, ...rest] = parts as [string, ...string[]];
  return `${written(first, true, undefined)}: ${rest.length === 0 ? written(value, true, undefined) : `{ ${flowNested(rest, value)} }`}`;
};

function insert(
  text: string,
  document: Document.Parsed,
  node: Node | null,
  rest: readonly string[],
  value: Exclude<Scalar, null>,
  key: string,
): string {
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const step = stepOf(text);
  if (isMap(node)) return node.flow === true ? insertFlow(text, node, rest, value) : insertBlock(text, node, rest, value, step, eol);
  if (node !== null && isScalar(node) && text.slice(...(ranges(node).slice(0, 2) as [number, number])).trim() !== "")
    throw new ValueError(`${key}: there is an explicit null above it`);
  const above = parentPair(document, node, key, rest);
  if (above === undefined) return appendAtEnd(text, document, nested(rest, value, "", step, eol), eol);
  const indent = columnOf(text, ranges(above.key)[0]);
  const colon = text.indexOf(":", ranges(above.key)[1]);
  const lineEnd = text.indexOf("\n", colon);
  const at = lineEnd === -1 ? text.length : lineEnd + 1;
  return `${text.slice(0, at)}${lineEnd === -1 ? eol : ""}${nested(rest, value, " ".repeat(indent) + step, step, eol)}${eol}${text.slice(at)}`;
}

/** The pair whose value is empty and has to become a map; undefined: the document itself is empty. */
function parentPair(
  document: Document.Parsed,
  node: Node | null,
  key: string,
  rest: readonly string[],
): Pair<ParsedNode, unknown> | undefined {
  if (document.contents === null || document.contents === node) return undefined;
  const above = pathParts(key).slice(0, -rest.length);
  let pair: Pair<ParsedNode, unknown> | undefined;
  let at: unknown = document.contents;
  for (const part of above) {
    if (isMap(at)) {
      pair = (at as YAMLMap<ParsedNode, ParsedNode>).items.findLast((item) => isScalar(item.key) && String(item.key.value) === part);
      at = pair?.value;
    } else if (isSeq(at)) {
      at = at.items[Number(part)];
      pair = undefined;
    }
  }
  if (pair === undefined || !isPair(pair)) throw new ValueError(`${key}: an empty list item is above it`);
  return pair;
}

function appendAtEnd(text: string, document: Document.Parsed, lines: string, eol: string): string {
  const end = text === "" ? 0 : Math.min(document.range[1], text.length);
  const before = text.slice(0, end);
  const gap = before === "" || before.endsWith("\n") ? "" : eol;
  return `${before}${gap}${lines}${eol}${text.slice(end)}`;
}

function insertFlow(text: string, map: Node, rest: readonly string[], value: Exclude<Scalar, null>): string {
  const [start, end] = ranges(map);
  const inside = text.slice(start + 1, end - 1);
  if (inside.includes("#") || inside.includes("\n")) throw new ValueError("a flow map over several lines cannot get a new key");
  const body = inside.trimEnd();
  const entry = flowNested(rest, value);
  const tail = inside.slice(body.length);
  const joined = body.trim() === "" ? ` ${entry} ` : `${body.replace(/,$/, "")}, ${entry}${tail === "" ? "" : tail}`;
  return text.slice(0, start + 1) + joined + text.slice(end - 1);
}

function insertBlock(text: string, map: YAMLMap, rest: readonly string[], value: Exclude<Scalar, null>, step: string, eol: string): string {
  const pairs = map.items as Pair<ParsedNode, ParsedNode | null>[];
  const first = pairs[0] as Pair<ParsedNode, ParsedNode | null>;
  const indent = " ".repeat(columnOf(text, ranges(first.key)[0]));
  const end = endOfPair(text, pairs.at(-1) as Pair<ParsedNode, ParsedNode | null>);
  const before = text.slice(0, end);
  const gap = before.endsWith("\n") ? "" : eol;
  const after = text.slice(end);
  return `${before}${gap}${nested(rest, value, indent, step, eol)}${eol}${after}`;
}

/** The end of a pair with the rest of its last line: a comment behind the value stays with it. */
function endOfPair(text: string, pair: Pair<ParsedNode, ParsedNode | null>): number {
  let end = ranges(pair.key)[1];
  visit(pair as never, { Node: (_, node) => void (end = Math.max(end, node.range?.[1] ?? 0)) });
  if (text[end - 1] === "\n") return end;
  const newline = text.indexOf("\n", end);
  return newline === -1 ? text.length : newline + 1;
}

const columnOf = (text: string, at: number): number => at - (text.lastIndexOf("\n", at - 1) + 1);

/** How far the text indents: two spaces where it does not show. */
const stepOf = (text: string): string => /\n( +)[^\s#-]/.exec(text)?.[1] ?? "  ";

function remove(text: string, path: readonly Step[], key: string): string {
  const last = path.at(-1);
  if (last === undefined || last.pair === undefined) throw new ValueError(`${key} is an item of a list, which cannot be taken out alone`);
  const map = last.parent as YAMLMap<ParsedNode, ParsedNode | null>;
  if (map.flow === true) return removeFlow(text, map, last.index);
  if (map.items.length === 1) throw new ValueError(`${key} is the only key of its map, which would be left empty`);
  const start = ranges(last.pair.key)[0];
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const end = endOfPair(text, last.pair);
  if (text.slice(lineStart, start).trim() === "") return text.slice(0, lineStart) + text.slice(end);
  // The first key of a list item stands behind its hyphen: the next key takes its place.
  const next = map.items[last.index + 1] as Pair<ParsedNode, ParsedNode | null>;
  return text.slice(0, start) + text.slice(ranges(next.key)[0]);
}

function removeFlow(text: string, map: YAMLMap<ParsedNode, ParsedNode | null>, index: number): string {
  const pairs = map.items;
  const pair = pairs[index] as Pair<ParsedNode, ParsedNode | null>;
  const next = pairs[index + 1];
  const start = ranges(pair.key)[0];
  if (next !== undefined) return text.slice(0, start) + text.slice(ranges(next.key)[0]);
  const before = pairs[index - 1];
  let end = ranges(pair.key)[1];
  if (pair.value !== null) end = Math.max(end, ranges(pair.value)[1]);
  if (before === undefined) return text.slice(0, start).trimEnd() + text.slice(end).trimStart();
  const from = before.value === null ? ranges(before.key)[1] : Math.max(ranges(before.key)[1], ranges(before.value)[1]);
  return text.slice(0, from) + text.slice(end);
}
