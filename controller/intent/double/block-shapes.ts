import type { Block, Said } from "./blocks.ts";
import { blocksOf } from "./blocks.ts";
import { type Fields, isFields, type Shape, shapeProblems } from "./shape.ts";

const CACHED = { "cache_control?": "object|null" };

/** The keys of each block. Blocks of server tools are not here: the double has no server tools. */
const SHAPES: Readonly<Record<string, Shape>> = {
  text: { type: "string", text: "string", "citations?": "array|null", ...CACHED },
  image: { type: "string", source: "object", "transformations?": "object|null", ...CACHED },
  document: {
    type: "string",
    source: "object",
    "citations?": "object|null",
    "context?": "string|null",
    "title?": "string|null",
    ...CACHED,
  },
  search_result: { type: "string", source: "string", title: "string", content: "array", "citations?": "object", ...CACHED },
  thinking: { type: "string", thinking: "string", signature: "string" },
  redacted_thinking: { type: "string", data: "string" },
  tool_use: {
    type: "string",
    id: "string",
    name: "string",
    input: "object",
    "caller?": "object",
    "toolset_name?": "string|null",
    ...CACHED,
  },
  tool_result: {
    type: "string",
    tool_use_id: "string",
    "content?": "string|array",
    "is_error?": "boolean",
    "toolset_name?": "string|null",
    ...CACHED,
  },
};

const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  user: ["text", "image", "document", "search_result", "tool_result"],
  assistant: ["text", "thinking", "redacted_thinking", "tool_use"],
  system: ["text"],
  tool_result: ["text", "image", "document", "search_result"],
};

function* blockProblems(at: string, block: Block, place: string): Iterable<string> {
  if (!isFields(block)) return yield `${at}: Input should be an object`;
  const shape = SHAPES[block.type];
  if (shape === undefined) return yield `${at}: Input tag '${block.type}' does not match any of the expected tags`;
  if (!ALLOWED[place]?.includes(block.type)) yield `${at}: \`${block.type}\` blocks are not permitted in ${place} content`;
  yield* shapeProblems(`${at}.${block.type}`, block, shape);
  if (block.type === "text" && String(block.text).trim() === "") yield `${at}: text content blocks must be non-empty`;
  if (block.type === "text" && place === "user" && blocksOf(block.citations).length > 0)
    yield `${at}.text.citations: citations are not permitted on user text`;
  if (block.type === "tool_result" && Array.isArray(block.content))
    for (const [index, inner] of block.content.entries()) yield* blockProblems(`${at}.tool_result.content.${index}`, inner, "tool_result");
}

/** Yields what is wrong with the shape of every message and block: unknown keys, blank text (rule 11), and blocks in the wrong role (rule 14). */
export function* messageShapeProblems(body: Fields, said: readonly Said[]): Iterable<string> {
  for (const [index, message] of (body.messages as readonly unknown[]).entries())
    yield* shapeProblems(`messages.${index}`, message, { role: "string", content: "string|array" });
  for (const { at, role, blocks } of said) {
    if (!["user", "assistant", "system"].includes(role)) yield `${at}.role: Input should be 'user', 'assistant' or 'system'`;
    if (blocks.length === 0) yield `${at}: messages must have non-empty content`;
    for (const [index, block] of blocks.entries()) yield* blockProblems(`${at}.content.${index}`, block, role);
  }
}

/** Yields what is wrong with the system prompt: a string, or text blocks that are not blank. */
export function* systemProblems(body: Fields): Iterable<string> {
  if (!Array.isArray(body.system)) return;
  for (const [index, block] of body.system.entries()) yield* blockProblems(`system.${index}`, block, "system");
}
