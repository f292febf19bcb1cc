import type { ErrorObject } from "ajv/dist/2020.js";
import { error, type Problem } from "../../schemas/problem.ts";
import { nearest } from "../../schemas/selector/nearest.ts";
import { patternWords } from "../core/pattern-words.ts";

/** The part of a JSON Schema that is read here. */
interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly properties?: object;
  readonly patternProperties?: object;
  readonly anyOf?: readonly Schema[];
  readonly description?: string;
  readonly examples?: readonly unknown[];
}

/** What a validator (`verbose`) found, in words that a person can act on: the field, what it is, what it has to be, an example. `what`: "the body of the request". */
export function requestProblems(errors: readonly ErrorObject[], what: string, code: string): Problem[] {
  const choices = errors.filter(({ keyword }) => keyword === "anyOf");
  return errors
    .filter((one) => !choices.some((choice) => one !== choice && one.schemaPath.startsWith(`${choice.schemaPath}/`)))
    .map((one) => {
      const path = one.instancePath.slice(1).replaceAll("/", ".").replaceAll("~1", "/").replaceAll("~0", "~"),
        hint = hintFor(one);
      return error(code, `Unable to read ${what}: ${reason(one, path)}`, {
        ...(path === "" ? {} : { where: { path } }),
        ...(hint === undefined ? {} : { hint }),
      });
    });
}

function reason(found: ErrorObject, path: string): string {
  const subject = path === "" ? "it" : path,
    params = found.params as Readonly<Record<string, unknown>>,
    limit = Number(params["limit"]);
  if (found.propertyName !== undefined) return `${JSON.stringify(found.propertyName)} cannot be a name in ${subject}`;
  switch (found.keyword) {
    case "additionalProperties":
    case "unevaluatedProperties":
      return isFree(found)
        ? `${JSON.stringify(params["additionalProperty"])} cannot be a name in ${subject}`
        : `there is no field ${String(params["additionalProperty"])}${path === "" ? "" : ` in ${path}`}`;
    case "required":
      return `${path === "" ? "" : `${path}.`}${String(params["missingProperty"])} is missing`;
    case "enum":
      return `${subject} has to be one of ${(params["allowedValues"] as unknown[]).map(String).join(", ")}, not ${shown(found.data)}`;
    case "const":
      return `${subject} has to be ${String(params["allowedValue"])}, not ${shown(found.data)}`;
    case "type":
      return `${subject} has to be ${typeWords(String(params["type"]))}, not ${shown(found.data)}`;
    case "anyOf":
      return `${subject} has to be ${[...new Set((schemaOf(found).anyOf ?? []).map(formWords))].join(" or ")}, not ${shown(found.data)}`;
    case "pattern":
      return `${subject} cannot be ${shown(found.data)}: it has to be ${patternWords(String(params["pattern"])) ?? schemaOf(found).description ?? "of another form"}`;
    case "minimum":
      return `${subject} has to be at least ${limit}, not ${shown(found.data)}`;
    case "maximum":
      return `${subject} has to be at most ${limit}, not ${shown(found.data)}`;
    case "minLength":
      return limit === 1 ? `${subject} is empty` : `${subject} has fewer than ${limit} characters`;
    case "maxLength":
      return `${subject} has more than ${limit} characters`;
    case "minItems":
    case "minProperties":
      return `${subject} needs at least ${limit} entries`;
    case "maxItems":
    case "maxProperties":
      return `${subject} has more than ${limit} entries`;
    case "uniqueItems":
      return `${subject} has an entry twice`;
    case "format":
      return `${subject} cannot be ${shown(found.data)}: it has to be a ${String(params["format"])}`;
    default:
      return `${subject} is not of the form that this takes`;
  }
}

function hintFor(found: ErrorObject): string | undefined {
  const schema = schemaOf(found);
  if (found.keyword === "additionalProperties") {
    if (isFree(found)) {
      const [pattern = ""] = Object.keys(schema.patternProperties ?? {});
      return `A name is ${patternWords(pattern) ?? "of another form"}.`;
    }
    const known = Object.keys(schema.properties ?? {}),
      meant = nearest(String(found.params["additionalProperty"]), known);
    return meant !== undefined ? `Did you mean ${meant}?` : known.length === 0 ? "It has no fields." : `Fields are: ${known.join(", ")}.`;
  }
  if (found.keyword === "enum" && typeof found.data === "string") {
    const meant = nearest(found.data, found.params["allowedValues"] as string[]);
    if (meant !== undefined) return `Did you mean ${meant}?`;
  }
  const [example] = schema.examples ?? [];
  return example === undefined ? undefined : `Such as ${typeof example === "string" ? example : JSON.stringify(example)}.`;
}

const schemaOf = (found: ErrorObject): Schema => (found.parentSchema ?? {}) as Schema;

/** Whether names are free within a pattern, as those of labels are. */
const isFree = (found: ErrorObject): boolean => schemaOf(found).properties === undefined && schemaOf(found).patternProperties !== undefined;

const typeNames: Readonly<Record<string, string>> = {
  string: "a text",
  boolean: "true or false",
  integer: "a whole number",
  number: "a number",
  array: "a list",
  object: "an object",
  null: "null",
};
const typeWords = (types: string): string =>
  types
    .split(",")
    .map((one) => typeNames[one] ?? one)
    .join(" or ");
const formWords = ({ type, const: only, anyOf }: Schema): string =>
  only !== undefined
    ? String(only)
    : type !== undefined
      ? typeWords(type)
      : anyOf !== undefined
        ? anyOf.map(formWords).join(" or ")
        : "another form";

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
