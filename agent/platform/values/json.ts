import {
  applyEdits,
  findNodeAtLocation,
  type FormattingOptions,
  type JSONPath,
  modify,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import type { Scalar } from "../../../schemas/verbs/file.ts";
import { type Codec, ValueError } from "./codec.ts";
import { pathParts } from "./key.ts";

/** Single values in JSON, comments allowed; a key is a dotted path or a JSON pointer. */
export const json: Codec = {
  typed: true,
  get(text, key) {
    const root = parse(text);
    const node = root === undefined ? undefined : findNodeAtLocation(root, located(root, key));
    if (node === undefined) return null;
    if (node.type === "object" || node.type === "array")
      throw new ValueError(`${key} is ${node.type === "object" ? "an object" : "a list"}, not a single value`);
    return node.value as Scalar;
  },
  set(text, key, value) {
    const root = parse(text);
    const path = located(root, key);
    const node = root === undefined ? undefined : findNodeAtLocation(root, path);
    if (value === null && node === undefined) return text;
    if (node !== undefined && node.value === value) return text;
    if (value === null && node !== undefined && (node.type === "object" || node.type === "array"))
      throw new ValueError(`${key} is not a single value`);
    const formattingOptions = formOf(text);
    const edited = applyEdits(
      root === undefined ? "{}" : text,
      modify(root === undefined ? "{}" : text, path, value === null ? undefined : value, { formattingOptions }),
    );
    return root === undefined ? `${edited}${formattingOptions.eol ?? "\n"}` : edited;
  },
};

/** The tree of a text; undefined where it is empty. */
function parse(text: string): Node | undefined {
  if (text.trim() === "") return undefined;
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first !== undefined) throw new ValueError(`not valid JSON: ${printParseErrorCode(first.error)} at character ${first.offset + 1}`);
  return root;
}

/** Parts of a key with positions in lists as numbers; a position past the end, or a part below a single value, is an error. */
function located(root: Node | undefined, key: string): JSONPath {
  const path: JSONPath = [];
  let node = root;
  for (const part of pathParts(key)) {
    if (node?.type === "array") {
      if (!/^(0|[1-9][0-9]*)$/.test(part) || Number(part) > (node.children?.length ?? 0))
        throw new ValueError(`${key}: ${part} is not a position in the list`);
      path.push(Number(part));
    } else {
      if (node !== undefined && node.type !== "object") throw new ValueError(`${key}: there is a single value above ${part}`);
      path.push(part);
    }
    node = root === undefined || node === undefined ? undefined : findNodeAtLocation(root, path);
  }
  return path;
}

/** Indentation and line ending as the text has them; a text in one line gets none. */
function formOf(text: string): FormattingOptions {
  const indent = /\n([ \t]+)\S/.exec(text)?.[1];
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  return {
    insertSpaces: indent?.startsWith("\t") !== true,
    tabSize: indent === undefined || indent.startsWith("\t") ? 2 : indent.length,
    eol,
  };
}
