import type { ErrorObject } from "ajv/dist/2020.js";
import { nearest } from "./nearest.ts";
import { patternWords } from "./pattern-words.ts";
import type { FieldPath } from "./positions.ts";

/** A problem before it has a place: the field it is about, and whether its name or its value is wrong. `written` asks for the text as it stands in the file. */
export interface RawProblem {
  readonly code: string;
  readonly summary: string;
  readonly hint?: string | undefined;
  readonly detail?: string | undefined;
  readonly path: FieldPath;
  readonly at: "key" | "value";
  /** Characters into the value's text where the problem sits, for one-line scalars. */
  readonly offset?: number | undefined;
  /** Makes the hint from the scalar as it was written, where quotes would mend it. */
  readonly quote?: boolean | undefined;
}

/** The part of a JSON Schema that is read here. */
interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly pattern?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
  readonly [keyword: string]: unknown;
}

/** Says what a validator found in words a person can act on: what is wrong, what was expected, the nearest valid word. `base` goes before each path. */
export function schemaProblems(errors: readonly ErrorObject[], schema: object, data: unknown, base: FieldPath): RawProblem[] {
  const choices = errors.filter(({ keyword }) => keyword === "anyOf");
  const inside = ({ schemaPath }: ErrorObject): boolean => choices.some((choice) => schemaPath.startsWith(`${choice.schemaPath}/`));
  const found: RawProblem[] = [];
  for (const error of errors) {
    if (inside(error)) continue;
    if (error.keyword === "anyOf") found.push(...choiceProblems(error, errors, schema as Schema, data, base));
    else found.push(oneProblem(error, schema as Schema, data, base));
  }
  return found;
}

const pointer = (text: string): string[] =>
  text
    .split("/")
    .slice(1)
    .map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"));

/** The schema that holds the failed keyword: its path without the keyword. */
function holder(error: ErrorObject, root: Schema): Schema {
  let here: unknown = root;
  for (const part of pointer(error.schemaPath.slice(1)).slice(0, -1)) here = (here as Record<string, unknown> | undefined)?.[part];
  return (here ?? {}) as Schema;
}

function valueAt(data: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>((here, part) => (here as Record<string, unknown> | undefined)?.[part], data);
}

const last = (path: FieldPath): string => {
  if (path.length === 0) return "The document";
  const name = path.findLast((part) => Number.isNaN(Number(part))) ?? "";
  const index = path.at(-1);
  return index !== undefined && !Number.isNaN(Number(index)) && path.length > 1 ? `${name}, item ${Number(index) + 1},` : `${name}`;
};

/** None of several forms fits: one of some words, or one of some types. Where one form alone has the value's type, its own problems are told. */
function choiceProblems(error: ErrorObject, errors: readonly ErrorObject[], root: Schema, data: unknown, base: FieldPath): RawProblem[] {
  const branches = holder(error, root).anyOf ?? [],
    inner = pointer(error.instancePath),
    path = [...base, ...inner],
    value = valueAt(data, inner);
  if (branches.every((branch) => "const" in branch))
    return [
      wordProblem(
        branches.map((branch) => branch.const),
        value,
        path,
      ),
    ];
  const fitting = branches.findIndex((branch) => branch.type === typeOf(value) || (branch.type === "integer" && typeof value === "number"));
  if (fitting >= 0) {
    const own = errors.filter(({ schemaPath }) => schemaPath.startsWith(`${error.schemaPath}/${fitting}/`));
    if (own.length > 0) return schemaProblems(own, root, data, base);
  }
  const forms = [
    ...new Set(
      branches.map((branch) =>
        branch.type === "object" ? `{ ${Object.keys(branch.properties ?? {}).join(", ")}: … }` : typeWords(branch.type ?? ""),
      ),
    ),
  ];
  return [typeProblem(forms.join(" or "), value, path)];
}

function wordProblem(allowed: readonly unknown[], value: unknown, path: FieldPath): RawProblem {
  const near = typeof value === "string" ? nearest(value.toLowerCase(), allowed.map(String)) : undefined;
  const list = allowed.map(String),
    expected = list.length > 1 ? `${list.slice(0, -1).join(", ")} or ${list.at(-1)}` : (list[0] ?? "");
  return {
    code: "manifest/unknown-word",
    summary: `${last(path)} has to be ${expected}, not ${shown(value)}`,
    hint: near === undefined ? undefined : `Did you mean ${near}?`,
    path,
    at: "value",
  };
}

function oneProblem(error: ErrorObject, root: Schema, data: unknown, base: FieldPath): RawProblem {
  const inner = pointer(error.instancePath),
    path = [...base, ...inner],
    schema = holder(error, root),
    value = valueAt(data, inner),
    at = "value" as const;
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case "required":
      return missing(String(params["missingProperty"]), schema, path);
    case "additionalProperties":
      return unknown(String(params["additionalProperty"]), schema, path);
    case "type":
      return typeProblem(typeWords(String(params["type"])), value, path);
    case "const":
      return wordProblem([params["allowedValue"]], value, path);
    case "enum":
      return wordProblem(params["allowedValues"] as unknown[], value, path);
    case "pattern":
      return {
        code: "manifest/bad-value",
        summary: `${last(path)} cannot be ${shown(value)}`,
        hint: `Expected ${patternWords(String(params["pattern"])) ?? schema.description ?? String(params["pattern"])}.`,
        path,
        at,
      };
    case "format":
      return {
        code: "manifest/bad-value",
        summary: `${last(path)} ${shown(value)} is not a time with a time zone`,
        hint: "Write it as 2026-11-20T10:00:00Z.",
        path,
        at,
      };
    default:
      return {
        code: "manifest/bad-value",
        summary: `${last(path)} ${limitWords(error.keyword, Number(params["limit"])) ?? error.message ?? "is not valid"}`,
        hint: schema.description,
        path,
        at,
      };
  }
}

function missing(name: string, schema: Schema, path: FieldPath): RawProblem {
  const says = schema.properties?.[name]?.description;
  return {
    code: "manifest/missing-field",
    summary: `"${name}" is missing${path.length === 0 ? "" : ` in ${path.join(".")}`}`,
    hint: says === undefined ? undefined : `${name}: ${says}.`,
    path,
    at: "key",
  };
}

function unknown(name: string, schema: Schema, path: FieldPath): RawProblem {
  const known = Object.keys(schema.properties ?? {}),
    [names] = Object.keys(schema.patternProperties ?? {}),
    at = "key" as const;
  if (known.length === 0 && names !== undefined)
    return {
      code: "manifest/bad-value",
      summary: `"${name}" cannot be a name in ${path.join(".")}`,
      hint: `Expected ${patternWords(names) ?? names}.`,
      path: [...path, name],
      at,
    };
  const near = nearest(name, known) ?? known.find((field) => field.toLowerCase() === name.toLowerCase());
  return {
    code: "manifest/unknown-field",
    summary: `Unknown field "${name}"${path.length === 0 ? "" : ` in ${path.join(".")}`}`,
    hint: near === undefined ? `Known here: ${known.join(", ")}.` : `Did you mean ${near}?`,
    path: [...path, name],
    at,
  };
}

function typeProblem(expected: string, value: unknown, path: FieldPath): RawProblem {
  const problem = { code: "manifest/wrong-type", path, at: "value" as const };
  if (value === null || value === undefined)
    return { ...problem, summary: `${last(path)} has no value; expected ${expected}`, hint: "Give it a value, or remove the line." };
  const summary = `${last(path)} has to be ${expected}, not ${shown(value)}`;
  if (expected.startsWith("text") && typeof value !== "object") return { ...problem, summary, quote: true };
  return { ...problem, summary, hint: typeHint(expected, value) };
}

const yes = new Set(["yes", "on", "y"]),
  no = new Set(["no", "off", "n"]);

function typeHint(expected: string, value: unknown): string | undefined {
  const word = String(value).toLowerCase();
  if (expected === "true or false" && typeof value === "string") {
    if (yes.has(word) || word === "true") return "Write true, without quotes.";
    if (no.has(word) || word === "false") return "Write false, without quotes.";
  }
  if (expected.includes("number") && typeof value === "string" && /^-?\d+$/.test(value)) return `Write ${value} without quotes.`;
  return expected === "a list" && typeof value !== "object" ? `Write [${String(value)}].` : undefined;
}

const typeOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);

const typeNames: Readonly<Record<string, string>> = {
  string: "text",
  boolean: "true or false",
  integer: "a whole number",
  number: "a number",
  array: "a list",
  object: "a mapping of fields",
  null: "null",
};
const typeWords = (type: string): string =>
  type
    .split(",")
    .map((one) => typeNames[one] ?? one)
    .join(" or ");

function shown(value: unknown): string {
  if (typeof value === "string") return `"${value.length > 80 ? `${value.slice(0, 80)}…` : value}"`;
  if (Array.isArray(value)) return "a list";
  return value === null ? "nothing" : typeof value === "object" ? "a mapping" : String(value);
}

function limitWords(keyword: string, limit: number): string | undefined {
  const of: Readonly<Record<string, string>> = {
    minimum: `has to be at least ${limit}`,
    maximum: `has to be at most ${limit}`,
    minLength: limit === 1 ? "is empty" : `has to have at least ${limit} characters`,
    maxLength: `has more than ${limit} characters`,
    minItems: limit === 1 ? "is an empty list" : `needs at least ${limit} items`,
    maxItems: `has more than ${limit} items`,
    minProperties: limit === 1 ? "is empty" : `needs at least ${limit} entries`,
    maxProperties: `has more than ${limit} entries`,
    uniqueItems: "names something twice",
  };
  return of[keyword];
}
