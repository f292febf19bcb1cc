import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { shapes, type ShapeName } from "./shapes.ts";

const compiled = new Map<ShapeName, ValidateFunction>();
let ajv: Ajv2020 | undefined;

/**
 * Checks a value against one shape of the wire: undefined, or what is wrong with it. Each shape is compiled when it is first
 * needed; release builds put a module with the same export in place of this one, in which all of them are compiled ahead.
 */
export function wrongWith(name: ShapeName, value: unknown): string | undefined {
  const check = compiled.get(name) ?? compile(name);
  if (check(value)) return undefined;
  const [first] = check.errors ?? [];
  return `${first?.instancePath || "/"} ${first?.message ?? "is not valid"}`;
}

function compile(name: ShapeName): ValidateFunction {
  ajv ??= new Ajv2020({ strict: true, strictTypes: false });
  const check = ajv.compile(shapes[name]);
  compiled.set(name, check);
  return check;
}
