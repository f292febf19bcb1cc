import { Ajv2020 } from "ajv/dist/2020.js";
import standalone from "ajv/dist/standalone/index.js";
import { shapes } from "../runtime/shapes.ts";

/** Source of a module with the export of runtime/validate.ts, the wire's schemas and those of the given verbs compiled ahead, so that a start compiles none and the bundle holds no compiler. */
export function compiledValidators(verbs: { readonly probes: object; readonly actions: object }): string {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, code: { source: true, esm: true, lines: false } });
  const foreign = (name: string): boolean =>
    (name.startsWith("probe ") && !Object.hasOwn(verbs.probes, name.slice(6))) ||
    (name.startsWith("action ") && !Object.hasOwn(verbs.actions, name.slice(7)));
  const names = (Object.keys(shapes) as (keyof typeof shapes)[]).filter((name) => !foreign(name));
  // A schema that has two names is compiled once.
  const distinct = [...new Set(names.map((name) => shapes[name]))];
  for (const [index, schema] of distinct.entries()) ajv.addSchema(schema, `s${index}`);
  const code = standalone.default(ajv, Object.fromEntries(distinct.map((_, index) => [`s${index}`, `s${index}`])));
  const table = names.map((name) => `${JSON.stringify(name)}: s${distinct.indexOf(shapes[name])}`).join(", ");
  return `${code}
const checks = { ${table} };
export function wrongWith(name, value) {
  const check = checks[name];
  if (check(value)) return undefined;
  const [first] = check.errors ?? [];
  return \`\${first?.instancePath || "/"} \${first?.message ?? "is not valid"}\`;
}
`;
}
