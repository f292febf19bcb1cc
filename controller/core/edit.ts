import { stringify } from "yaml";
import { canonicalJson } from "../../schemas/canonical.ts";
import type { Resource } from "../../schemas/manifest.ts";
import { error, type Problem } from "../../schemas/problem.ts";
import { nearest } from "./nearest.ts";
import { type FieldPath, readYamlDocument, type YamlDocument } from "./positions.ts";
import { removeSplice, setSplice, type Splice } from "./yaml-splice.ts";
import { readSimpleYaml } from "./yaml-simple.ts";
import { type YamlSlice, yamlSlices } from "./yaml-slices.ts";

/** One change of a manifest. Paths start at the document's top: `["spec", "state"]`; a list's length as index appends to it. */
export type ManifestEdit =
  | { readonly edit: "set"; readonly resource: string; readonly path: FieldPath; readonly value: unknown }
  | { readonly edit: "unset"; readonly resource: string; readonly path: FieldPath }
  | { readonly edit: "add"; readonly resource: Resource }
  | { readonly edit: "remove"; readonly resource: string };

export type EditedManifest = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: Problem };

/**
 * Carries out edits on the text of one manifest, in their order. Only what changes is written anew: comments, order, spacing and quotes elsewhere stay
 * byte for byte. Every edit is proven by reading the result: it says exactly what it said before plus the edit, or the edit is refused.
 */
export function editManifest(text: string, edits: readonly ManifestEdit[]): EditedManifest {
  let now = text;
  for (const edit of edits) {
    const done = one(now, edit);
    if (!done.ok) return done;
    now = done.text;
  }
  return { ok: true, text: now };
}

const refuse = (code: string, summary: string, hint?: string): EditedManifest => ({
  ok: false,
  problem: error(code, summary, hint === undefined ? {} : { hint }),
});

function one(text: string, edit: ManifestEdit): EditedManifest {
  if (edit.edit === "add") return addResource(text, edit.resource);
  const found = findResource(text, edit.resource);
  if ("ok" in found) return found;
  const { slice, read } = found;
  if (edit.edit === "remove") return { ok: true, text: `${text.slice(0, slice.start)}${modeline(text, slice)}${text.slice(slice.end)}` };
  const document = text.slice(slice.start, slice.end),
    edited = editDocument(document, read, edit);
  if (edited === undefined)
    return refuse(
      "manifest/not-editable",
      `Unable to change ${edit.path.join(".")} of ${edit.resource}: its YAML is written in a way that only a person can edit`,
      "Edit the file by hand.",
    );
  return { ok: true, text: `${text.slice(0, slice.start)}${edited}${text.slice(slice.end)}` };
}

const idOf = (value: unknown): string => {
  const { kind, metadata } = (value ?? {}) as { kind?: unknown; metadata?: { name?: unknown } };
  return `${String(kind)}/${String(metadata?.name)}`;
};

function findResource(text: string, id: string): { slice: YamlSlice; read: YamlDocument } | EditedManifest {
  const slices = yamlSlices(text),
    name = id.slice(id.indexOf("/") + 1);
  for (const slice of slices) {
    const document = text.slice(slice.start, slice.end);
    if (!document.includes(name)) continue;
    const read = readYamlDocument(document, slice.line);
    if (read.value !== undefined && idOf(read.value) === id) return { slice, read };
  }
  const near = nearest(
    id,
    slices.map(({ start, end }) => idOf((readSimpleYaml(text.slice(start, end)) ?? readYamlDocument(text.slice(start, end))).value)),
  );
  return refuse(
    "manifest/unknown-resource",
    `There is no ${id} in this manifest`,
    near === undefined ? undefined : `Did you mean ${near}?`,
  );
}

/** The comment that tells editors the schema stays when the first resource goes. */
function modeline(text: string, { start, end }: YamlSlice): string {
  const line = start === 0 && end < text.length ? /^#.*yaml-language-server:.*\n/.exec(text)?.[0] : undefined;
  return line ?? "";
}

/** A new document at the end, in a form that people write. */
function addResource(text: string, resource: Resource): EditedManifest {
  const id = `${resource.kind}/${resource.metadata.name}`;
  if (!("ok" in findResource(text, id)))
    return refuse("manifest/duplicate", `${id} is there already`, "Change its fields, or choose another name.");
  const written = stringify(resource, { lineWidth: 0 }),
    ended = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  return { ok: true, text: `${ended}${ended.trim() === "" ? "" : "---\n"}${written}` };
}

/** Tries the smallest change first; where the text there cannot be edited, the field above it is written anew. */
function editDocument(text: string, read: YamlDocument, edit: ManifestEdit & { edit: "set" | "unset" }): string | undefined {
  const wanted = edit.edit === "set" ? setAt(read.value, edit.path, edit.value) : unsetAt(read.value, edit.path),
    { document } = read;
  if (canonicalJson(wanted) === canonicalJson(read.value)) return text;
  if (document === undefined) return undefined;
  const first = edit.edit === "set" ? setSplice(document, text, edit.path, edit.value) : removeSplice(document, text, edit.path);
  const done = proven(text, first, wanted);
  if (done !== undefined) return done;
  for (let depth = edit.path.length - 1; depth > 0; depth--) {
    const above = edit.path.slice(0, depth),
      again = proven(text, setSplice(document, text, above, valueAt(wanted, above)), wanted);
    if (again !== undefined) return again;
  }
  return undefined;
}

function proven(text: string, splice: Splice | undefined, wanted: unknown): string | undefined {
  if (splice === undefined) return undefined;
  const edited = `${text.slice(0, splice.from)}${splice.text}${text.slice(splice.to)}`;
  const slices = yamlSlices(edited),
    { value, flaws } = readYamlDocument(edited);
  return slices.length === 1 && flaws.length === 0 && canonicalJson(value) === canonicalJson(wanted) ? edited : undefined;
}

const valueAt = (value: unknown, path: FieldPath): unknown =>
  path.reduce<unknown>((here, step) => (here as Record<string, unknown> | undefined)?.[step], value);

/** The value with a field set; containers on the way are copied, or made. */
function setAt(value: unknown, [step, ...rest]: FieldPath, to: unknown): unknown {
  if (step === undefined) return to;
  if (Array.isArray(value)) return value.toSpliced(Math.min(Number(step), value.length), 1, setAt(value[Number(step)], rest, to));
  const map = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  return { ...map, [step]: setAt(Object.hasOwn(map, step) ? map[step] : undefined, rest, to) };
}

function unsetAt(value: unknown, [step, ...rest]: FieldPath): unknown {
  if (step === undefined || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value))
    return rest.length === 0
      ? value.toSpliced(Number(step), Number(step) < value.length ? 1 : 0)
      : value.map((item, i) => (i === Number(step) ? unsetAt(item, rest) : item));
  const map = value as Record<string, unknown>;
  if (!Object.hasOwn(map, step)) return value;
  const { [step]: old, ...others } = map;
  return rest.length === 0 ? others : { ...map, [step]: unsetAt(old, rest) };
}
