import { type FormatName, formats } from "./formats.ts";
import { propertyFault, type PropertyFormatName } from "./property-strings.ts";
import { wrong } from "./refused.ts";

/** One parameter of an endpoint, with the names of Proxmox VE's own description of its API. */
export interface Parameter {
  readonly type: "string" | "integer" | "number" | "boolean" | "array";
  readonly required?: true | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly enum?: readonly string[] | undefined;
  readonly pattern?: RegExp | undefined;
  readonly format?: FormatName | undefined;
  readonly properties?: PropertyFormatName | undefined;
}

/** Parameters by name; `net[n]` stands for net0, net1 and so on. */
export type Parameters = Readonly<Record<string, Parameter>>;
/** Parameters after the check: truth as 0 and 1. */
export type Params = Record<string, string | number | string[]>;

type Limits = Omit<Parameter, "type">;
export const text = (limits: Limits = {}): Parameter => ({ type: "string", ...limits });
export const integer = (limits: Limits = {}): Parameter => ({ type: "integer", ...limits });
export const number = (limits: Limits = {}): Parameter => ({ type: "number", ...limits });
export const flag: Parameter = { type: "boolean" };
export const many = (limits: Limits = {}): Parameter => ({ type: "array", ...limits });
export const oneOf = (...values: readonly string[]): Parameter => ({ type: "string", enum: values });
export const formatted = (format: FormatName, limits: Limits = {}): Parameter => ({ type: "string", format, ...limits });
export const properties = (name: PropertyFormatName): Parameter => ({ type: "string", properties: name });
export const must = (parameter: Parameter): Parameter => ({ ...parameter, required: true });

/** Takes apart a list of names and makes each of them a parameter like this one. */
export const each = (names: string, parameter: Parameter): Parameters =>
  Object.fromEntries(names.split(" ").map((name) => [name, parameter]));

/** The parameter that has a name, also where it is one of a row. */
export const parameterOf = (parameters: Parameters, name: string): Parameter | undefined =>
  parameters[name] ?? parameters[name.replace(/\d+$/, "[n]")];

/** Checks what was sent and gives it its types; throws 400 with everything that is wrong. */
export function checked(parameters: Parameters, given: Readonly<Record<string, unknown>>, json: boolean): Params {
  const errors: Record<string, string> = {},
    params: Params = {};
  for (const [name, value] of Object.entries(given)) {
    const parameter = parameterOf(parameters, name);
    if (parameter === undefined) {
      errors[name] = "property is not defined in schema and the schema does not allow additional properties";
      continue;
    }
    if (value === null || value === undefined) continue;
    const fault = faultOf(parameter, name, value, json);
    if (fault === undefined) params[name] = typed(parameter, value);
    else errors[name] = fault;
  }
  for (const [name, { required }] of Object.entries(parameters))
    if (required === true && given[name] === undefined) errors[name] = "property is missing and it is not optional";
  if (Object.keys(errors).length > 0) throw wrong(errors);
  return params;
}

function typed({ type }: Parameter, value: unknown): string | number | string[] {
  if (type === "array") return Array.isArray(value) ? value.map(String) : [String(value)];
  if (type === "boolean") return value === true || value === 1 || value === "1" ? 1 : 0;
  if (type === "string") return String(value as string);
  return Number(value);
}

function faultOf(parameter: Parameter, name: string, value: unknown, json: boolean): string | undefined {
  const { type } = parameter;
  if (type === "array") return undefined;
  if (Array.isArray(value)) return `type check ('${type}') failed - got ARRAY`;
  if (typeof value === "object") return `type check ('${type}') failed - got HASH`;
  const said = String(value as string | number | boolean);
  if (type === "boolean") return /^[01]$/.test(said) || (json && typeof value === "boolean") ? undefined : mistyped(type, said);
  if (type === "integer" && !/^[+-]?\d+$/.test(said)) return mistyped(type, said);
  if (type === "number" && !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(said)) return mistyped(type, said);
  return formatFault(parameter, name, said) ?? limitFault(parameter, said);
}

const mistyped = (type: string, said: string): string => `type check ('${type}') failed - got '${said}'`;

function limitFault({ type, minimum, maximum, minLength, maxLength, enum: values, pattern }: Parameter, said: string): string | undefined {
  if (type !== "string") {
    if (minimum !== undefined && Number(said) < minimum) return `value must have a minimum value of ${minimum}`;
    if (maximum !== undefined && Number(said) > maximum) return `value must have a maximum value of ${maximum}`;
    return undefined;
  }
  if (maxLength !== undefined && said.length > maxLength) return `value may only be ${maxLength} characters long`;
  if (minLength !== undefined && said.length < minLength) return `value must be at least ${minLength} characters long`;
  if (values !== undefined && !values.includes(said))
    return `value '${said}' does not have a value in the enumeration '${values.join(", ")}'`;
  if (pattern !== undefined && !new RegExp(`^(?:${pattern.source})$`).test(said)) return "value does not match the regex pattern";
  return undefined;
}

function formatFault({ format, properties }: Parameter, name: string, said: string): string | undefined {
  const fault = format === undefined ? undefined : formats[format](said);
  if (fault !== undefined) return `invalid format - ${fault}\n`;
  return properties === undefined ? undefined : propertyFault(properties, name, said);
}
