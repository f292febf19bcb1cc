import { createHash } from "node:crypto";
import type { SourceFile } from "../core/model.ts";
import type { Problem } from "../../schemas/problem.ts";
import { areaOf, pathProblem } from "./places.ts";
import type { ObjectFormat } from "./repository.ts";

/** The largest text that is read, in bytes: a manifest or the content of a file. */
export const maxText = 1_048_576;
/** The most files that are read. */
export const maxFiles = 100_000;

/**
 * The workspace at one moment: its files by path, in the order of their paths. `commit` is empty for uncommitted text. `tree` stands for the paths
 * and contents of these files alone (SHA-256, hex), so that a preview, its commit and a commit that only changes a README have the same.
 */
export interface Snapshot {
  readonly commit: string;
  readonly tree: string;
  readonly files: readonly SourceFile[];
  readonly problems: readonly Problem[];
}

/** A change of one file: its new text, or null to remove it. Paths are from the workspace's top. */
export interface Edit {
  readonly path: string;
  readonly text: string | null;
}

/** Puts a snapshot together. */
export function snapshot(commit: string, files: readonly SourceFile[], problems: readonly Problem[]): Snapshot {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)),
    hash = createHash("sha256");
  for (const file of sorted) hash.update(`${file.path}\0${file.blob}\0`);
  return { commit, tree: hash.digest("hex"), files: sorted, problems };
}

/** The id that git gives a blob with this content. */
export function blobId(format: ObjectFormat, content: string | Buffer): string {
  return createHash(format)
    .update(`blob ${Buffer.byteLength(content)}\0`)
    .update(content)
    .digest("hex");
}

/** A source file of a content: without its text where that is too long or not UTF-8. */
export function sourceFile(path: string, blob: string, content: Buffer): SourceFile {
  return { path, blob, size: content.length, text: content.length > maxText ? undefined : utf8(content) };
}

/** The text of bytes that are valid UTF-8 (a byte order mark is kept); undefined for others. */
export function utf8(content: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
}

/** What the workspace would be with edits, for a preview: pure, and with the `tree` that their commit will have. */
export function withEdits(before: Snapshot, edits: readonly Edit[], format: ObjectFormat): Snapshot {
  const files = new Map(before.files.map((file) => [file.path, file]));
  const problems = [...before.problems];
  for (const { path, text } of edits) {
    const problem = pathProblem(path);
    if (problem !== undefined) problems.push(problem);
    else if (text === null) files.delete(path);
    else if (areaOf(path) !== undefined) files.set(path, sourceFile(path, blobId(format, text), Buffer.from(text)));
  }
  return snapshot("", [...files.values()], problems);
}
