import { createTwoFilesPatch, FILE_HEADERS_ONLY } from "diff";
import type { Paint } from "../paint.ts";

/** A unified diff with its additions and removals coloured, indented by `margin`. */
export function diffView(diff: string, paint: Paint, margin = ""): string[] {
  return diff
    .replace(/^={20,}\n/gm, "")
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => `${margin}${colour(line, paint)}`.trimEnd());
}

function colour(line: string, paint: Paint): string {
  if (line.startsWith("+++") || line.startsWith("---")) return paint("bold", line);
  if (line.startsWith("+")) return paint("good", line);
  if (line.startsWith("-")) return paint("bad", line);
  return line.startsWith("@@") ? paint("info", line) : line;
}

/** A file of the workspace before and after: undefined where it is not there. */
export interface FileChange {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Edits of files as git shows them. */
export const fileChangesView = (changes: readonly FileChange[], paint: Paint): string =>
  changes.flatMap((change) => diffView(patchOf(change), paint)).join("\n");

/** One change as a unified diff with its file names. */
export function patchOf({ path, before, after }: FileChange): string {
  const old = before === undefined ? "/dev/null" : `a/${path}`,
    next = after === undefined ? "/dev/null" : `b/${path}`;
  return createTwoFilesPatch(old, next, before ?? "", after ?? "", undefined, undefined, { context: 3, headerOptions: FILE_HEADERS_ONLY });
}
