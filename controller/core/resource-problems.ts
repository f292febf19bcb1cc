import { Ajv2020 } from "ajv/dist/2020.js";
import { apiVersion, Resource } from "../../schemas/manifest.ts";
import { parseSelector } from "../../schemas/selector.ts";
import type { KindTable } from "../kinds/define.ts";
import { parseCondition } from "./condition.ts";
import { nearest } from "./nearest.ts";
import { type RawProblem, schemaProblems } from "./schema-problems.ts";

const ajv = new Ajv2020({ strict: true, allErrors: true, strictTypes: false });
const envelopeOk = ajv.compile(Resource);
const selectors = new Map<string, RawProblem | undefined>();

/** Everything that is wrong with one document by itself, without the rest of the workspace; empty: it is a resource of its kind. */
export function resourceProblems(value: unknown, kinds: KindTable): RawProblem[] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return [
      { code: "manifest/wrong-type", summary: "A resource has the fields apiVersion, kind, metadata and spec", path: [], at: "value" },
    ];
  const found = envelopeOk(value)
    ? []
    : schemaProblems(envelopeOk.errors ?? [], Resource, value, []).filter((problem) => problem.path[0] !== "apiVersion");
  const { apiVersion: version, kind: name, spec } = value as Record<string, unknown>;
  if (version !== undefined && version !== apiVersion)
    found.push({
      code: "manifest/unknown-version",
      summary: `Unknown apiVersion ${JSON.stringify(version)}`,
      hint: `Write apiVersion: ${apiVersion}`,
      path: ["apiVersion"],
      at: "value",
    });
  if (typeof name !== "string") return found;
  const kind = kinds.get(name);
  if (kind === undefined) return [...found, unknownKind(name, kinds)];
  if (typeof spec !== "object" || spec === null || Array.isArray(spec)) return found;
  if (!kind.validate(spec)) found.push(...schemaProblems(kind.validate.errors ?? [], kind.spec, spec, ["spec"]));
  const { on, onlyIf } = spec as Record<string, unknown>;
  if (typeof on === "string") found.push(...selectorProblem(on));
  if (typeof onlyIf === "string" && parseCondition(onlyIf) === undefined)
    found.push({
      code: "manifest/bad-condition",
      summary: `onlyIf "${onlyIf}" is not a condition`,
      hint: "Write Kind/name is WORD, or Kind/name is not WORD, such as Service/primary is running.",
      path: ["spec", "onlyIf"],
      at: "value",
    });
  const { kinds: named } = spec as Record<string, unknown>;
  if (Array.isArray(named))
    found.push(
      ...named.flatMap((each: unknown, i) =>
        typeof each !== "string" || kinds.has(each) ? [] : [{ ...unknownKind(each, kinds), path: ["spec", "kinds", i] }],
      ),
    );
  return found;
}

function unknownKind(name: string, kinds: KindTable): RawProblem {
  const near = nearest(name, [...kinds.keys()]) ?? [...kinds.keys()].find((known) => known.toLowerCase() === name.toLowerCase());
  return {
    code: "manifest/unknown-kind",
    summary: `Unknown kind ${JSON.stringify(name)}`,
    hint: near === undefined ? `Known kinds: ${[...kinds.keys()].join(", ")}.` : `Did you mean ${near}?`,
    path: ["kind"],
    at: "value",
  };
}

/** Many resources share a selector: the answer for a text is kept, up to a bound. */
function selectorProblem(text: string): RawProblem[] {
  if (!selectors.has(text)) {
    if (selectors.size > 1000) selectors.clear();
    selectors.set(text, readSelector(text));
  }
  const problem = selectors.get(text);
  return problem === undefined ? [] : [problem];
}

function readSelector(text: string): RawProblem | undefined {
  const parsed = parseSelector(text, { stableOnly: true });
  if (parsed.ok) return undefined;
  const { message, caret, expected, nearest: near, offset } = parsed.problem;
  const hint = near !== undefined ? `Did you mean ${near}?` : expected !== undefined ? `Expected ${expected}.` : undefined;
  return {
    code: "selector/syntax",
    summary: `Unable to read the selector: ${message}`,
    detail: caret,
    hint,
    path: ["spec", "on"],
    at: "value",
    offset,
  };
}
