import type { FileEdit, UndoView } from "../../schemas/api.ts";
import { splitInstance } from "../../schemas/ids.ts";
import type { Change } from "../../schemas/plan.ts";
import { canonicalJson } from "../../schemas/canonical.ts";
import { error, type Problem } from "../../schemas/problem.ts";
import { editManifest, type ManifestEdit } from "../core/edit.ts";
import type { LoadedResource } from "../core/model.ts";
import type { Run } from "../core/run.ts";
import type { InstanceKind, KindTable } from "../kinds/define.ts";

interface UndoOptions {
  readonly kinds: KindTable;
  readonly resources: ReadonlyMap<string, LoadedResource>;
  readonly fileText: (path: string) => Promise<string | undefined>;
}

/** Manifest edits that bring back what was before a run, from the facts it recorded; what cannot come back (a restart) is said in `left`. */
export async function undoEdits(run: Run, options: UndoOptions): Promise<Omit<UndoView, "plan">> {
  const left: string[] = [],
    problems: Problem[] = [],
    texts = new Map<string, string>();
  const byResource = new Map<string, Change[]>();
  for (const { change, state } of run.changes.values()) {
    if (state !== "done" || change.differences.length === 0) continue;
    if (change.cause === "drift") {
      left.push(`${change.id}: the run put drift back; the manifests say now what they said before`);
      continue;
    }
    byResource.set(change.resource, [...(byResource.get(change.resource) ?? []), change]);
  }
  for (const [id, changes] of byResource) {
    const loaded = options.resources.get(id),
      kind = options.kinds.get(splitInstance(id).kind);
    if (loaded === undefined || kind?.scope !== "hosts") {
      left.push(`${id}: it is not in the manifests any more; bring it back from git`);
      continue;
    }
    const fields = fieldsFor(changes, loaded, kind, run.before, left);
    if (fields === undefined) continue;
    const text = texts.get(loaded.file) ?? (await options.fileText(loaded.file));
    if (text === undefined) {
      problems.push(error("undo/no-file", `${loaded.file} is not in the workspace any more`));
      continue;
    }
    const edited = editManifest(text, specEdits(id, loaded.resource.spec, fields));
    if (edited.ok) texts.set(loaded.file, edited.text);
    else problems.push(edited.problem);
  }
  const edits: FileEdit[] = [...texts].map(([path, text]) => ({ path, text }));
  return { edits, problems, left };
}

/** The same fields for every host of the resource; hosts that were different before cannot be put back by one manifest. */
function fieldsFor(
  changes: readonly Change[],
  loaded: LoadedResource,
  kind: InstanceKind,
  before: Run["before"],
  left: string[],
): Record<string, unknown> | undefined {
  const answers = new Map<string, Record<string, unknown>>();
  for (const change of changes) {
    if (change.undo.how === "impossible") {
      left.push(`${change.id}: ${change.undo.note || "it cannot be taken back"}`);
      continue;
    }
    const fact = before.get(change.id);
    const fields = fact === undefined ? undefined : kind.revert(loaded.resource.spec, fact, change.differences);
    if (fields === undefined || Object.keys(fields).length === 0)
      left.push(`${change.id}: what was before is not known well enough to write it into a manifest`);
    else answers.set(canonicalJson(fields), fields);
  }
  if (answers.size > 1) {
    left.push(`${loaded.id}: its hosts were different from one another before; take them back one by one`);
    return undefined;
  }
  return [...answers.values()][0];
}

/** Fields of a spec as edits (`null` removes one): of a map only the entries that become others, so that the rest stays as somebody wrote it. */
function specEdits(resource: string, spec: unknown, fields: Readonly<Record<string, unknown>>): ManifestEdit[] {
  const now = spec as Readonly<Record<string, unknown>>;
  return Object.entries(fields).flatMap(([field, value]): ManifestEdit[] => {
    const path = ["spec", field],
      before = now[field];
    if (value === null) return [{ edit: "unset", resource, path }];
    if (!isMap(value) || !isMap(before)) return [{ edit: "set", resource, path, value }];
    return [
      ...Object.keys(before).flatMap((key): ManifestEdit[] =>
        Object.hasOwn(value, key) ? [] : [{ edit: "unset", resource, path: [...path, key] }],
      ),
      ...Object.entries(value).flatMap(([key, one]): ManifestEdit[] =>
        Object.hasOwn(before, key) && canonicalJson(before[key]) === canonicalJson(one)
          ? []
          : [{ edit: "set", resource, path: [...path, key], value: one }],
      ),
    ];
  });
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
