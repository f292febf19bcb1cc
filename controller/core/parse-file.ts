import { createHash } from "node:crypto";
import { canonicalJson } from "../../schemas/canonical.ts";
import { maxManifestBytes, type Resource } from "../../schemas/manifest.ts";
import type { Problem } from "../../schemas/problem.ts";
import type { KindTable } from "../kinds/define.ts";
import { parseCondition } from "./condition.ts";
import type { SourceFile } from "./model.ts";
import { readYamlDocument, type YamlDocument } from "./positions.ts";
import { resourceProblems } from "./resource-problems.ts";
import type { RawProblem } from "./schema-problems.ts";
import { readSimpleYaml } from "./yaml-simple.ts";
import { type YamlSlice, yamlSlices } from "./yaml-slices.ts";

/** Another resource that this one names, with the field that does. */
export interface ParsedReference {
  readonly id: string;
  readonly path: string;
  /** Whether the other comes before this one, after it, or in any order. */
  readonly order: "before" | "after" | "none";
}

/** A resource of one file, checked as far as it goes by itself; its spec is completed. */
export interface ParsedResource {
  readonly id: string;
  readonly resource: Resource;
  readonly digest: string;
  readonly references: readonly ParsedReference[];
  /** The document's place in the text, and the line of its first field. */
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly fieldLine: number;
}

/** What one blob says, wherever it lies: plain data that can be sent between threads. Problems have line and column, their file is not known here. */
export interface ParsedFile {
  readonly blob: string;
  readonly resources: readonly ParsedResource[];
  readonly problems: readonly Problem[];
}

/** Past this many, nobody reads on: the rest of the file is not looked at. */
const maxProblems = 5000;

/** Reads and checks one file by itself. Pure, so that it can run in a worker and be cached by blob. */
export function parseFile(file: Pick<SourceFile, "blob" | "size" | "text">, kinds: KindTable): ParsedFile {
  const { blob, text } = file;
  if (file.size > maxManifestBytes || (text?.length ?? 0) > maxManifestBytes)
    return {
      blob,
      resources: [],
      problems: [
        wholeFile(
          "manifest/too-large",
          `The file has ${file.size} bytes; a manifest may have ${maxManifestBytes}`,
          "Split it into several files.",
        ),
      ],
    };
  if (text === undefined)
    return { blob, resources: [], problems: [wholeFile("manifest/not-utf8", "The file is not valid UTF-8", "Save it as UTF-8.")] };
  const resources: ParsedResource[] = [],
    problems: Problem[] = [];
  for (const slice of yamlSlices(text)) {
    if (problems.length >= maxProblems) break;
    const parsed = parseSlice(text.slice(slice.start, slice.end), slice, kinds);
    if (parsed === undefined) continue;
    if (Array.isArray(parsed)) problems.push(...parsed);
    else resources.push(parsed);
  }
  return { blob, resources, problems };
}

const wholeFile = (code: string, summary: string, hint: string): Problem => ({
  code,
  severity: "error",
  summary,
  hint,
  where: { line: 1, column: 1 },
  retry: "never",
});

/** A document is read the fast way; the full reader takes over where that is unsure, and to give problems their places. */
function parseSlice(text: string, slice: YamlSlice, kinds: KindTable): ParsedResource | Problem[] | undefined {
  const simple = readSimpleYaml(text);
  if (simple?.value === undefined && simple !== undefined) return undefined;
  if (simple !== undefined && resourceProblems(simple.value, kinds).length === 0)
    return resourceOf(simple.value as Resource, text, slice, kinds);
  const read = readYamlDocument(text, slice.line);
  if (read.flaws.length > 0)
    return read.flaws.map(
      ({ line, column, ...flaw }) => ({ severity: "error", retry: "never", ...flaw, where: { line, column } }) as Problem,
    );
  if (read.empty) return undefined;
  const raw = resourceProblems(read.value, kinds);
  return raw.length === 0 ? resourceOf(read.value as Resource, text, slice, kinds) : raw.map((problem) => placed(problem, read));
}

/** A problem with its line and column; inside a one-line text the very character. */
export function placed(problem: RawProblem, read: YamlDocument): Problem {
  const { path, at, offset, quote, ...rest } = problem,
    written = offset === undefined && quote !== true ? undefined : read.written(path);
  const place = read.place(path, at),
    inside =
      offset !== undefined && written !== undefined && !written.includes("\n") && !written.includes("\\")
        ? offset + (/^["']/.test(written) ? 1 : 0)
        : 0;
  const hint = quote === true && written !== undefined ? `Write it in quotes: ${path.at(-1)}: "${written}"` : rest.hint;
  const resource = idOf(read.value);
  return {
    code: rest.code,
    severity: "error",
    summary: rest.summary,
    ...(rest.detail === undefined ? {} : { detail: rest.detail }),
    ...(hint === undefined ? {} : { hint }),
    where: {
      line: place.line,
      column: place.column + inside,
      ...(resource === undefined ? {} : { resource }),
      ...(path.length === 0 ? {} : { path: path.join(".") }),
    },
    retry: "never",
  };
}

function idOf(value: unknown): string | undefined {
  const { kind, metadata } = (value ?? {}) as { kind?: unknown; metadata?: { name?: unknown } | null };
  return typeof kind === "string" && typeof metadata?.name === "string" ? `${kind}/${metadata.name}` : undefined;
}

function resourceOf(value: Resource, text: string, { start, end, line }: YamlSlice, kinds: KindTable): ParsedResource {
  const kind = kinds.get(value.kind)!,
    { name } = value.metadata;
  const spec = kind.scope === "hosts" ? kind.complete(value.spec, name) : value.spec;
  const resource: Resource = spec === value.spec ? value : { ...value, spec };
  return {
    id: `${value.kind}/${name}`,
    resource,
    digest: resourceDigest(resource),
    references: referencesOf(resource, kinds),
    start,
    end,
    line,
    fieldLine: line + linesBefore(text),
  };
}

/** Digest of what a resource says: kind, name and spec. Its labels and annotations change nothing on hosts. */
export const resourceDigest = ({ kind, metadata, spec }: Resource): string =>
  createHash("sha256")
    .update(canonicalJson({ kind, name: metadata.name, spec }))
    .digest("hex");

/** Lines before the first field: a `---`, comments, empty lines. */
function linesBefore(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; count++) {
    const newline = text.indexOf("\n", at),
      line = text.slice(at, newline < 0 ? text.length : newline);
    if (!/^(?:---|\s*#|\s*$)/.test(line)) break;
    at = newline < 0 ? text.length : newline + 1;
  }
  return count;
}

function referencesOf({ kind: name, spec }: Resource, kinds: KindTable): ParsedReference[] {
  const { needs, onlyIf } = spec as { needs?: readonly string[]; onlyIf?: string },
    kind = kinds.get(name);
  const found: ParsedReference[] = (needs ?? []).map((id, i) => ({ id, path: `spec.needs.${i}`, order: "before" as const }));
  const condition = onlyIf === undefined ? undefined : parseCondition(onlyIf);
  if (condition !== undefined) found.push({ id: condition.resource, path: "spec.onlyIf", order: "none" });
  if (kind?.scope === "hosts") for (const { id, path, order } of kind.references(spec)) found.push({ id, path: `spec.${path}`, order });
  return found;
}
