import type { FileEdit } from "../../schemas/api.ts";
import type { Problem } from "../../schemas/problem.ts";
import type { CommitNote } from "./controller.ts";
import type { Loaded } from "./loaded.ts";

/** A commit read and checked: what it asks for, or why it cannot take effect. Warnings stop nothing. */
export type LoadedCommit =
  | { readonly ok: true; readonly loaded: Loaded; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly commit: string; readonly problems: readonly Problem[] };

/** The git workspace as the loop uses it. */
export interface Workspace {
  readonly folder: string;
  readonly branch: string;
  head(): Promise<string>;
  load(commit: string): Promise<LoadedCommit>;
  /** The workspace as it would be with these edits on top of a commit; nothing is written. Its tree is the one that a commit of them would have. */
  loadEdited(commit: string, edits: readonly FileEdit[]): Promise<LoadedCommit>;
  /** Files that are not committed, and so not in force; paths as git says them. */
  uncommitted(): Promise<readonly string[]>;
  fileText(commit: string, path: string): Promise<string | undefined>;
  /** Names of those who asked for what a commit holds in these files. */
  requesters(commit: string, files: readonly string[]): Promise<ReadonlySet<string>>;
  /** Commits edits on top of `parent`; a ProblemError `conflict/moved` where the branch moved on meanwhile. */
  commit(
    parent: string,
    edits: readonly FileEdit[],
    note: CommitNote,
    author: string,
  ): Promise<{ readonly commit: string; readonly warnings: readonly Problem[] }>;
  /** Calls back with each new commit of the branch. */
  watch(onCommit: (commit: string) => void, onProblem: (problem: Problem) => void): Promise<{ close(): Promise<void> }>;
  close(): Promise<void>;
}
