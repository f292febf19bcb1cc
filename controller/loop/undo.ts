import type { FileEdit, UndoView } from "../../schemas/api.ts";
import { splitInstance } from "../../schemas/ids.ts";
import type { Change } from "../../schemas/plan.ts";
import { canonicalJson } from "../../schemas/canonical.ts";
import { error, type Problem } from "../../schemas/problem.ts";
import type { LoadedResource } from "../core/model.ts";
import type { Run } from "../core/run.ts";
import type { InstanceKind, KindTable } from "../kinds/define.ts";

export interface UndoOptions {
  readonly kinds: KindTable;
  readonly resources: ReadonlyMap<string, LoadedResource>;
  readonly fileText: (path: string) => Promise<string | undefined>;
  /** Sets fields of a resource's spec (`null` removes one) in the text of its manifest; a problem where that cannot be done. */
  readonly edit: (
    text: string,
    resource: string,
    fields: Record<string, unknown>,
  ) => { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: Problem };
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
    const edited = options.edit(text, id, fields);
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
