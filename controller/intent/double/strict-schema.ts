import { type Fields, isFields } from "./shape.ts";
import { toolsOf } from "./tools.ts";

const LIMITS = { tools: 20, optional: 24, unions: 16 };

const FORBIDDEN =
  "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength maxItems uniqueItems minProperties maxProperties".split(
    " ",
  );
const FORMATS = ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];
const REGEX_FEATURES = /\(\?[=!<]|\\[bB]|\\[1-9]|\\k</;

/** Keywords whose value is a schema, a list of schemas, or an object of schemas. */
const INNER = "items anyOf oneOf allOf prefixItems additionalProperties not if then else contains propertyNames".split(" ");
const INNER_BY_NAME = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];

/** Yields what is wrong with the strict tools and the output format of a request (rule 17). */
export function* strictProblems(body: Fields): Iterable<string> {
  const strict = toolsOf(body).filter(({ strict }) => strict === true);
  if (strict.length > LIMITS.tools) yield `tools: at most ${LIMITS.tools} strict tools are permitted, found ${strict.length}`;
  const roots = strict.map((tool) => ({ at: `tools.${tool.name}.input_schema`, schema: tool.input_schema as Fields }));
  const format = isFields(body.output_config) ? body.output_config.format : undefined;
  if (isFields(format)) {
    if (format.type !== "json_schema" || !isFields(format.schema))
      yield "output_config.format: Input should be a json_schema with a schema";
    else roots.push({ at: "output_config.format.schema", schema: format.schema });
  }
  for (const { at, schema } of roots) for (const node of nodesOf(schema, at)) yield* nodeProblems(node.schema, node.at, schema);
  yield* totalProblems(roots.flatMap(({ at, schema }) => [...nodesOf(schema, at)].map((node) => node.schema)));
}

function* nodesOf(schema: Fields, at: string): Iterable<{ readonly schema: Fields; readonly at: string }> {
  yield { schema, at };
  for (const key of INNER) for (const inner of [schema[key]].flat()) if (isFields(inner)) yield* nodesOf(inner, `${at}.${key}`);
  for (const key of INNER_BY_NAME)
    for (const [name, inner] of Object.entries(isFields(schema[key]) ? schema[key] : {}))
      if (isFields(inner)) yield* nodesOf(inner, `${at}.${key}.${name}`);
}

function* nodeProblems(schema: Fields, at: string, root: Fields): Iterable<string> {
  if (([schema.type].flat().includes("object") || isFields(schema.properties)) && schema.additionalProperties !== false)
    yield `${at}: For 'object' type, 'additionalProperties' must be explicitly set to false`;
  for (const key of FORBIDDEN) if (key in schema) yield `${at}: For '${schema.type}' type, property '${key}' is not supported`;
  if (Number(schema.minItems ?? 0) > 1) yield `${at}: 'minItems' values other than 0 or 1 are not supported`;
  if (Array.isArray(schema.enum) && schema.enum.some((value) => typeof value === "object" && value !== null))
    yield `${at}: enum values must be scalars`;
  if (typeof schema.const === "object" && schema.const !== null) yield `${at}: const values must be scalars`;
  if (schema.format !== undefined && !FORMATS.includes(String(schema.format))) yield `${at}: format '${schema.format}' is not supported`;
  if (REGEX_FEATURES.test(String(schema.pattern ?? ""))) yield `${at}: pattern '${schema.pattern}' is not supported`;
  yield* referenceProblems(schema, at, root);
}

function* referenceProblems(schema: Fields, at: string, root: Fields): Iterable<string> {
  if (Array.isArray(schema.allOf) && schema.allOf.some((inner) => isFields(inner) && "$ref" in inner))
    yield `${at}: allOf with $ref is not supported`;
  if (schema.$ref === undefined) return;
  if (!String(schema.$ref).startsWith("#")) return yield `${at}: external $ref '${schema.$ref}' is not supported`;
  if (reaches(String(schema.$ref), String(schema.$ref), root, new Set())) yield `${at}: recursive schemas are not supported`;
}

function reaches(from: string, wanted: string, root: Fields, seen: Set<string>): boolean {
  if (seen.has(from)) return false;
  seen.add(from);
  const target = resolve(from, root);
  const next = target === undefined ? [] : [...nodesOf(target, "")].map(({ schema }) => schema.$ref).filter((ref) => ref !== undefined);
  return next.some((ref) => ref === wanted || reaches(String(ref), wanted, root, seen));
}

function resolve(ref: string, root: Fields): Fields | undefined {
  const keys = ref.slice(1).split("/").filter(Boolean);
  const found = keys.reduce<unknown>((at, key) => (isFields(at) ? at[key] : undefined), root);
  return isFields(found) ? found : undefined;
}

function* totalProblems(nodes: readonly Fields[]): Iterable<string> {
  let optional = 0;
  let unions = 0;
  for (const { properties, required, type, anyOf, oneOf } of nodes) {
    const names = isFields(properties) ? Object.keys(properties) : [];
    optional += names.filter((name) => !(Array.isArray(required) && required.includes(name))).length;
    if (Array.isArray(type) || anyOf !== undefined || oneOf !== undefined) unions += 1;
  }
  if (optional > LIMITS.optional) yield `Schemas contains too many optional parameters (${optional}) (limit: ${LIMITS.optional})`;
  if (unions > LIMITS.unions) yield `Schemas contains too many parameters with union types (${unions}) (limit: ${LIMITS.unions})`;
}
