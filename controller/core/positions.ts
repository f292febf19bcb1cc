import {
  Composer,
  type CST,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Pair,
  Parser,
  type ParsedNode,
  type Document,
} from "yaml";

/** A field's way from the top of a document: keys and list indexes. */
export type FieldPath = readonly (string | number)[];

/** What is wrong with a document as YAML; line and column from 1. */
export interface YamlFlaw {
  readonly code: string;
  readonly summary: string;
  readonly hint?: string | undefined;
  readonly line: number;
  readonly column: number;
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A document read with the position of everything in it. Offsets count from the start of the text that was given. */
export interface YamlDocument {
  /** undefined where there are flaws, and where the document is empty. */
  readonly value: unknown;
  readonly empty: boolean;
  readonly flaws: readonly YamlFlaw[];
  readonly document: Document.Parsed | undefined;
  /** Where a field stands: its value, or its key. The nearest field above it where it is not there. */
  place(path: FieldPath, at: "key" | "value"): Place;
  /** The text as it was written, of a plain or quoted scalar; undefined for anything else. */
  written(path: FieldPath): string | undefined;
}

/** Limits that keep a hostile file from exhausting the reader: how deep, how many parts, how many aliases. */
const maxDepth = 128;
const maxLexemes = 400_000;
const maxAliases = 100;

/** Reads one document with positions; `line`: the line of its first character in the file. */
export function readYamlDocument(text: string, line = 1): YamlDocument {
  const counter = new LineCounter();
  const placeOf = (offset: number): Place => {
    const { line: below, col } = counter.linePos(Math.max(0, Math.min(offset, text.length)));
    return { line: Math.max(1, below) + line - 1, column: Math.max(1, col) };
  };
  const tokens = tokensOf(text, counter);
  if (!Array.isArray(tokens)) return unreadable({ ...tokens.flaw, ...placeOf(tokens.offset) }, placeOf(0));
  const documents = [
    ...new Composer({ lineCounter: counter, prettyErrors: false, uniqueKeys: false, stringKeys: true }).compose(tokens, false, text.length),
  ] as Document.Parsed[];
  const document = documents[0];
  const flaws = documents.flatMap((each) => yamlErrors(each).map(({ offset, ...flaw }) => ({ ...flaw, ...placeOf(offset) })));
  if (documents.length > 1)
    flaws.push({
      code: "manifest/yaml",
      summary: "A document goes on after its end mark",
      hint: "Begin the next document with a line ---.",
      ...placeOf(documents[1]?.range[0] ?? 0),
    });
  if (document === undefined) return { value: undefined, empty: true, flaws, document, place: () => placeOf(0), written: () => undefined };
  if (flaws.length === 0) flaws.push(...contentFlaws(document).map(({ offset, ...flaw }) => ({ ...flaw, ...placeOf(offset) })));
  return {
    value: flaws.length > 0 ? undefined : document.toJS({ maxAliasCount: maxAliases }),
    empty:
      document.contents === null || (isScalar(document.contents) && document.contents.value === null && document.contents.source === ""),
    flaws: flaws.slice(0, 20),
    document,
    place: (path, at) => placeOf(offsetOf(document, path, at)),
    written: (path) => writtenAt(document, path, text),
  };
}

type Flaw = { code: string; summary: string; hint?: string | undefined };

const unreadable = (flaw: YamlFlaw, top: Place): YamlDocument => ({
  value: undefined,
  empty: false,
  flaws: [flaw],
  document: undefined,
  place: () => top,
  written: () => undefined,
});

/** Syntax tokens, as long as they stay within the limits: the composer works recursively, so depth is measured before it. */
function tokensOf(text: string, counter: LineCounter): CST.Token[] | { flaw: Flaw; offset: number } {
  const parser = new Parser(counter.addNewLine),
    tokens: CST.Token[] = [];
  let lexemes = 0;
  counter.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > maxDepth)
      return {
        flaw: {
          code: "manifest/too-deep",
          summary: "Fields stand too deep in each other",
          hint: "Close brackets that are open, or write the value flatter.",
        },
        offset: parser.offset,
      };
    if (++lexemes > maxLexemes)
      return {
        flaw: { code: "manifest/too-large", summary: "This document has too many parts to be a resource", hint: "Split it." },
        offset: parser.offset,
      };
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

const hints: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "Indent by spaces.",
  BAD_INDENT: "Fields of one mapping start in the same column; what belongs to a field stands further right.",
  BLOCK_AS_IMPLICIT_KEY: "Put a value that holds a colon and a space in quotes.",
  MULTILINE_IMPLICIT_KEY: "Put a value that holds a colon and a space in quotes.",
  BAD_SCALAR_START: "Put the value in quotes.",
  MISSING_CHAR: "Close the quote or bracket that is open.",
  NON_STRING_KEY: "Write the field's name as plain text.",
};

function yamlErrors(document: Document.Parsed): (Flaw & { offset: number })[] {
  const found = document.errors.slice(0, 10).map(({ code, message, pos }) => ({
    code: "manifest/yaml",
    summary: `This is not YAML: ${message.replace(/'quote$/, "' quote").replace(/"quote$/, '" quote')}`,
    hint: hints[code],
    offset: pos[0],
  }));
  for (const { code, message, pos } of document.warnings.slice(0, 10)) {
    if (code === "TAG_RESOLVE_FAILED")
      found.push({
        code: "manifest/yaml",
        summary: `A value that starts with ! is read as a type: ${message}`,
        hint: "Put the value in quotes.",
        offset: pos[0],
      });
    else found.push({ code: "manifest/yaml", summary: message, hint: undefined, offset: pos[0] });
  }
  if (document.directives?.yaml.explicit === true && document.directives.yaml.version === "1.1")
    found.push({
      code: "manifest/yaml",
      summary: "YAML 1.1 reads yes, on and 0644 in ways that surprise",
      hint: "Remove the line %YAML 1.1.",
      offset: 0,
    });
  return found;
}

interface Walk {
  readonly flaws: (Flaw & { offset: number })[];
  readonly anchors: Set<string>;
  aliases: number;
}

/** What YAML allows and manifests do not: keys twice, values of other types, numbers that lose digits, aliases without end. */
function contentFlaws(document: Document.Parsed): (Flaw & { offset: number })[] {
  const walk: Walk = { flaws: [], anchors: new Set(), aliases: 0 };
  walkNode(document.contents, walk);
  if (walk.aliases > 0 && walk.flaws.length === 0) {
    try {
      document.toJS({ maxAliasCount: maxAliases });
    } catch {
      walk.flaws.push({
        code: "manifest/alias-bomb",
        summary: "Aliases of aliases would grow without end",
        hint: "Write the values out.",
        offset: document.contents?.range[0] ?? 0,
      });
    }
  }
  return walk.flaws;
}

function walkNode(node: ParsedNode | null, walk: Walk): void {
  if (node === null) return;
  const offset = node.range[0];
  if (isAlias(node)) {
    if (!walk.anchors.has(node.source))
      walk.flaws.push({
        code: "manifest/yaml",
        summary: `A value that starts with * is read as an alias, and there is no &${node.source} before it`,
        hint: "Put the value in quotes.",
        offset,
      });
    if (++walk.aliases === maxAliases + 1)
      walk.flaws.push({
        code: "manifest/alias-bomb",
        summary: `More than ${maxAliases} aliases in one document`,
        hint: "Write the values out.",
        offset,
      });
    return;
  }
  if (node.anchor !== undefined) walk.anchors.add(node.anchor);
  if (isScalar(node)) walkScalar(node, offset, walk);
  else if (isSeq(node)) for (const item of node.items) walkNode(item as ParsedNode, walk);
  else if (isMap(node)) walkPairs(node.items as Pair<ParsedNode, ParsedNode | null>[], walk);
}

function walkScalar(
  { value, source, tag }: { value: unknown; source?: string; tag?: string | undefined },
  offset: number,
  walk: Walk,
): void {
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value))
    walk.flaws.push({
      code: "manifest/big-number",
      summary: `${source ?? value} is too large to be kept exactly`,
      hint: `Write it in quotes: "${source ?? value}".`,
      offset,
    });
  else if (typeof value === "object" && value !== null)
    walk.flaws.push({
      code: "manifest/yaml",
      summary: `Values of type ${tag ?? "binary"} are not known here`,
      hint: "Write a text, a number, true or false.",
      offset,
    });
}

function walkPairs(pairs: readonly Pair<ParsedNode, ParsedNode | null>[], walk: Walk): void {
  const seen = new Set<unknown>();
  for (const { key, value } of pairs) {
    const name = isScalar(key) ? key.value : undefined;
    if (typeof name === "string" && seen.has(name))
      walk.flaws.push({
        code: "manifest/duplicate-key",
        summary: `"${name}" stands here a second time`,
        hint: "Keep one of the two.",
        offset: key.range[0],
      });
    seen.add(name);
    walkNode(value, walk);
  }
}

/** The node at a path and the key before it; undefined where the path leaves the document. Keys may hold dots where a path was split at them. */
function find(document: Document.Parsed, path: FieldPath): { key: ParsedNode | undefined; value: ParsedNode | null } | undefined {
  let here: ParsedNode | null = document.contents,
    key: ParsedNode | undefined;
  for (let i = 0; i < path.length; ) {
    if (isAlias(here)) here = (here.resolve(document) ?? null) as ParsedNode | null;
    if (isSeq(here)) {
      here = (here.items[Number(path[i])] as ParsedNode | undefined) ?? null;
      if (here === null) return undefined;
      [key, i] = [undefined, i + 1];
    } else if (isMap(here)) {
      const pair = pairAt(here.items as Pair<ParsedNode, ParsedNode | null>[], path, i);
      if (pair === undefined) return undefined;
      [key, here, i] = [pair.key, pair.value, pair.next];
    } else return undefined;
  }
  return { key, value: here };
}

function pairAt(pairs: readonly Pair<ParsedNode, ParsedNode | null>[], path: FieldPath, from: number) {
  for (let next = from + 1; next <= path.length; next++) {
    const name = path.slice(from, next).join(".");
    const pair = pairs.find(({ key }) => isScalar(key) && String(key.value) === name);
    if (pair !== undefined) return { key: pair.key, value: pair.value, next };
  }
  return undefined;
}

function offsetOf(document: Document.Parsed, path: FieldPath, at: "key" | "value"): number {
  for (let length = path.length; length >= 0; length--) {
    const found = find(document, path.slice(0, length));
    if (found === undefined) continue;
    const whole = length === path.length;
    const node =
      found.key !== undefined && (at === "key" || !whole || isMap(found.value) || found.value === null)
        ? found.key
        : (found.value ?? found.key);
    if (node !== undefined) return node.range[0];
  }
  return document.contents?.range[0] ?? 0;
}

function writtenAt(document: Document.Parsed, path: FieldPath, text: string): string | undefined {
  const value = find(document, path)?.value;
  return isScalar(value) && value.range !== undefined && value.range !== null ? text.slice(value.range[0], value.range[1]) : undefined;
}

/** A dotted path such as `spec.values.port` or `spec.needs.0` as keys and indexes. */
export const splitPath = (path: string): FieldPath => (path === "" ? [] : path.split("."));
