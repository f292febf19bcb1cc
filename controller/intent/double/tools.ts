import { Ajv2020 } from "ajv/dist/2020.js";
import type { Said } from "./blocks.ts";
import { toolBlocks } from "./blocks.ts";
import type { ModelCard } from "./models.ts";
import { type Fields, isFields, type Shape, shapeProblems } from "./shape.ts";

const TOOL: Shape = {
  name: "string",
  input_schema: "object",
  "type?": "string|null",
  "description?": "string",
  "strict?": "boolean",
  "cache_control?": "object|null",
  "defer_loading?": "boolean",
  "eager_input_streaming?": "boolean|null",
  "allowed_callers?": "array",
  "input_examples?": "array",
};

/** The API says 128 today and said 64 before: the shorter is safe with both. */
const NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const DRAFT = "https://json-schema.org/draft/2020-12/schema";
const ajv = new Ajv2020({ strict: false, validateFormats: false });

/** Returns the tools of a request. */
export function toolsOf(body: Fields): readonly Fields[] {
  return Array.isArray(body.tools) ? body.tools.filter(isFields) : [];
}

/** Yields what is wrong with the tools (rule 15). The double has no server tools, so a tool of such a type is refused. */
export function* toolProblems(body: Fields, said: readonly Said[]): Iterable<string> {
  const tools = (body.tools ?? []) as readonly unknown[];
  for (const [index, tool] of tools.entries()) yield* oneToolProblems(`tools.${index}`, tool);
  const names = toolsOf(body).map(({ name }) => name);
  if (new Set(names).size < names.length) yield "tools: Tool names must be unique.";
  if (names.length === 0 && toolBlocks(said).length > 0)
    yield "Requests which include `tool_use` or `tool_result` blocks must define tools";
}

function* oneToolProblems(at: string, tool: unknown): Iterable<string> {
  if (isFields(tool) && (tool.type ?? "custom") !== "custom") return yield `${at}: Input tag '${tool.type}' does not match 'custom'`;
  yield* shapeProblems(`${at}.custom`, tool, TOOL);
  const { name, input_schema: schema } = tool as Fields;
  if (!NAME.test(String(name))) yield `${at}.custom.name: String should match pattern '${NAME.source}'`;
  if ((schema as Fields).type !== "object") yield `${at}.custom.input_schema.type: Input should be 'object'`;
  if (!ajv.validate(DRAFT, schema)) yield `${at}.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12`;
}

const CHOICES: Readonly<Record<string, Shape>> = {
  auto: { type: "string", "disable_parallel_tool_use?": "boolean" },
  any: { type: "string", "disable_parallel_tool_use?": "boolean" },
  tool: { type: "string", name: "string", "disable_parallel_tool_use?": "boolean" },
  none: { type: "string" },
};

/** Yields what is wrong with `tool_choice` (rule 16). */
export function* toolChoiceProblems(body: Fields, model: ModelCard): Iterable<string> {
  if (!isFields(body.tool_choice)) return;
  const { type, name } = body.tool_choice;
  const shape = CHOICES[String(type)];
  if (shape === undefined) return yield `tool_choice: Input tag '${type}' does not match 'auto', 'any', 'tool' or 'none'`;
  yield* shapeProblems("tool_choice", body.tool_choice, shape);
  const tools = toolsOf(body);
  if (tools.length === 0) yield "tool_choice may only be specified while providing tools";
  if (type === "tool" && !tools.some((tool) => tool.name === name)) yield `tool_choice: Tool '${name}' not found in provided tools`;
  if ((type === "any" || type === "tool") && !model.forcedTools)
    yield 'tool_choice: type "tool" and "any" are not supported for this model.';
}
