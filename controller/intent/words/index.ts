import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { ActionWords } from "./define.ts";
import { fileWords } from "./file.ts";
import { packageWords } from "./package.ts";
import { serviceWords } from "./service.ts";

/** The words that each kind brings along, by kind: the one place that lists them. */
export const words: ReadonlyMap<string, readonly ActionWords[]> = new Map([
  ["File", fileWords],
  ["Service", serviceWords],
  ["Package", packageWords],
]);

const all = [...words.values()].flat();

/** Every action that a sentence can ask for, by its name. */
export const actions: ReadonlyMap<string, ActionWords> = new Map(all.map((one) => [one.action, one]));

const ajv = new Ajv2020({ strict: true, allErrors: true, strictTypes: false });
const checks: ReadonlyMap<string, ValidateFunction> = new Map(all.map((one) => [one.action, ajv.compile(one.params)]));

/** What is wrong with the parameters of an action, in words; undefined where nothing is. */
export function paramsProblem(action: string, params: unknown): string | undefined {
  const check = checks.get(action);
  if (check === undefined) return `there is no action ${action}`;
  return check(params) ? undefined : ajv.errorsText(check.errors, { dataVar: "params" });
}

/** An action by a name that may differ in case, as models sometimes write it. */
export const actionNamed = (name: string): ActionWords | undefined =>
  actions.get(name) ?? all.find((one) => one.action.toLowerCase() === name.trim().toLowerCase());
