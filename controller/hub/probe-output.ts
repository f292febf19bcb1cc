import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { probes } from "../../schemas/verbs/index.ts";

const ajv = new Ajv2020({ strict: true, strictTypes: false });
const compiled = new Map<string, ValidateFunction>();

/** Where a value has another form than its probe promises, and what was expected there; undefined where it has that form. What an agent says is its own affair until it passed here. */
export function wrongOutput(probe: string, value: unknown): string | undefined {
  const validate = validatorOf(probe);
  if (validate === undefined) return "there is no such probe";
  if (validate(value)) return undefined;
  const [first] = validate.errors ?? [];
  return `${first?.instancePath || "it"} ${first?.message ?? "is not valid"}`.slice(0, 300);
}

function validatorOf(probe: string): ValidateFunction | undefined {
  if (!Object.hasOwn(probes, probe)) return undefined;
  let validate = compiled.get(probe);
  if (validate === undefined) compiled.set(probe, (validate = ajv.compile(probes[probe as keyof typeof probes].output)));
  return validate;
}
