import { ask, type Ask } from "../../../schemas/contract.ts";
import type { Difference } from "../../../schemas/plan.ts";
import { type FileFact, fileProbe, type Scalar } from "../../../schemas/verbs/file.ts";
import type { KindContext } from "../../core/model.ts";
import { textDiff } from "../text-diff.ts";
import { contentOf, isSealed, sha256 } from "./content.ts";
import type { FileSpec } from "./spec.ts";

/** What the agent has to look at: the text only where the manifest shows it too. `state: absent` asks the same, so that the fact is at hand. */
export function askFile(spec: FileSpec): Ask {
  const { path } = spec;
  if (isSealed(spec)) return ask(fileProbe, { path, seal: true });
  if (spec.values !== undefined && spec.format !== undefined)
    return ask(fileProbe, { path, values: { format: spec.format, keys: Object.keys(spec.values).sort() } });
  return ask(fileProbe, hasContent(spec) ? { path, content: true } : { path });
}

export const hasContent = (spec: FileSpec): boolean =>
  spec.content !== undefined || spec.source !== undefined || spec.template !== undefined;

/** What differs: absence, content, single values, owner, group, mode. Content that holds secrets is compared by its keyed digest and never shown. */
export function diffFile(spec: FileSpec, fact: FileFact, context: KindContext): Difference[] {
  if (spec.state === "absent") return fact.type === "missing" ? [] : [{ path: "state", want: "absent", have: fact.type }];
  const found = [...diffContent(spec, fact, context), ...diffValues(spec, fact)];
  for (const path of ["owner", "group", "mode"] as const) {
    const want = spec[path],
      have = fact[path];
    if (want !== undefined && want !== have && !isNumbered(want, path, fact))
      found.push({ path, want, ...(have === undefined ? {} : { have }) });
  }
  return found;
}

/** The field of a fact that holds the number of an owner or group. */
export const numberOf = { owner: "uid", group: "gid" } as const;

/** Whether an owner or group that is wanted by number is the one that the file has, by whatever name the host shows it. */
function isNumbered(want: string, path: "owner" | "group" | "mode", fact: FileFact): boolean {
  if (path === "mode" || !/^[0-9]+$/.test(want)) return false;
  const number = fact[numberOf[path]];
  return number === undefined ? want === "0" && fact[path] === "root" : number === Number(want);
}

function diffContent(spec: FileSpec, fact: FileFact, context: KindContext): Difference[] {
  const content = contentOf(spec, context);
  if (content.is === "none") return [];
  if (content.is === "problem") return [{ path: "content", note: content.reason }];
  if (typeof content.text !== "string") {
    const seal = context.seal(content.text);
    if (seal !== undefined && fact.type === "file" && seal === fact.seal) return [];
    return [
      {
        path: "content",
        note:
          seal === undefined
            ? "a secret is missing"
            : fact.type === "missing"
              ? "new; holds secrets: not shown"
              : "differs; holds secrets: not shown",
      },
    ];
  }
  if (fact.type === "file" && (fact.text === undefined ? fact.sha256 === sha256(content.text) : fact.text === content.text)) return [];
  if (fact.type === "file" && fact.text === undefined)
    return [
      {
        path: "content",
        want: `sha256 ${sha256(content.text)}`,
        have: `sha256 ${fact.sha256 ?? "unknown"}`,
        note: "too large or no text: not shown",
      },
    ];
  return [{ path: "content", diff: textDiff(fact.text, content.text), ...(fact.type === "missing" ? { note: "new" } : {}) }];
}

function diffValues(spec: FileSpec, fact: FileFact): Difference[] {
  if (spec.values === undefined) return [];
  if (fact.valuesError !== undefined) return [{ path: "values", note: fact.valuesError }];
  return Object.keys(spec.values)
    .sort()
    .flatMap((key) => {
      const want = asWritten(spec, spec.values?.[key] ?? null),
        have = fact.values?.[key] ?? null;
      return want === asWritten(spec, have) ? [] : [{ path: `values.${key}`, want, have }];
    });
}

/** A value as its format can hold it: JSON and YAML know numbers and truth values, the others only text. */
export function asWritten(spec: FileSpec, value: Scalar): Scalar {
  return value === null || spec.format === "json" || spec.format === "yaml" ? value : String(value);
}

/** Keys of `values` that differ. */
export const changedKeys = (differences: readonly Difference[]): string[] =>
  differences.filter(({ path }) => path.startsWith("values.")).map(({ path }) => path.slice("values.".length));

/** Whether what units have to load again differs: content, values or existence, not owner and mode. */
export const changesContent = (differences: readonly Difference[]): boolean =>
  differences.some(({ path }) => path === "content" || path === "state" || path.startsWith("values."));
