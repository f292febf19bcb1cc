import { error, type Problem, ProblemError } from "../../schemas/problem.ts";
import type { SourceFile } from "../core/model.ts";
import { gitFailed, runGit } from "./git.ts";
import { areaOf, areaRoots, pathProblem } from "./places.ts";
import { inObjects, type Repository } from "./repository.ts";
import { maxFiles, maxText, snapshot, type Snapshot, sourceFile, utf8 } from "./snapshot.ts";

/** Texts of blobs that were read: whoever reads commit after commit gives the same one, and each blob is read once. */
export interface BlobCache {
  get(blob: string): SourceFile | undefined;
  /** Takes the files of a reading; what the last few readings did not hold is dropped. */
  keep(files: readonly SourceFile[]): void;
}

/** A cache of the blobs of the last readings; two suffice for a branch that goes forth and back. */
export function blobCache(readings = 3): BlobCache {
  const generations: Map<string, SourceFile>[] = [];
  return {
    get: (blob) => generations.find((generation) => generation.has(blob))?.get(blob),
    keep(files) {
      generations.unshift(new Map(files.map((file) => [file.blob, file])));
      generations.length = Math.min(generations.length, readings);
    },
  };
}

interface Entry {
  readonly mode: string;
  readonly blob: string;
  readonly size: number;
  readonly path: string;
}

/** Reads settings, manifests, files and secrets at a commit. Links and submodules among them are problems and are not followed. */
export async function readCommit(repo: Repository, commit: string, cache: BlobCache = blobCache()): Promise<Snapshot> {
  const problems: Problem[] = [],
    entries = await listTree(repo, commit, problems);
  if (entries.length > maxFiles) throw new ProblemError(tooMany(entries.length));
  const files = await Promise.all(entries.map((entry) => readEntry(repo, entry, cache)));
  cache.keep(files);
  return snapshot(commit, files, problems);
}

async function listTree(repo: Repository, commit: string, problems: Problem[]): Promise<Entry[]> {
  const args = [
    ...inObjects(repo),
    "ls-tree",
    "-r",
    "-z",
    "--long",
    "--full-tree",
    commit,
    "--",
    ...areaRoots.map((root) => repo.prefix + root),
  ];
  const { code, stdout, stderr } = await runGit(repo.commonDir, args);
  if (code !== 0) throw new ProblemError(gitFailed(["ls-tree"], stderr));
  const entries: Entry[] = [];
  for (const record of splitAtZero(stdout)) {
    const tab = record.indexOf(9),
      path = record
        .subarray(tab + 1)
        .toString("utf8")
        .slice(repo.prefix.length);
    const [mode = "", , blob = "", size = ""] = record.toString("latin1", 0, tab).split(/ +/);
    const entry = { mode, blob, size: Number(size), path };
    if (!record.subarray(tab + 1).equals(Buffer.from(repo.prefix + path))) problems.push(badName(path));
    else if (mode === "120000" || mode === "160000")
      problems.push(notFollowed(path, mode === "120000" ? "a symbolic link" : "a submodule"));
    else if (areaOf(path) !== undefined) entries.push(entry);
  }
  return entries;
}

function* splitAtZero(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length; ) {
    const to = bytes.indexOf(0, from);
    yield bytes.subarray(from, to);
    from = to + 1;
  }
}

async function readEntry(repo: Repository, { blob, size, path }: Entry, cache: BlobCache): Promise<SourceFile> {
  const cached = cache.get(blob);
  if (cached !== undefined) return cached.path === path ? cached : { ...cached, path };
  if (size > maxText) return { path, blob, size, text: undefined };
  const content = await repo.blobs.read(blob);
  if (content === undefined)
    throw new ProblemError(
      error("repo/damaged", `Unable to read ${path}: the repository does not have its content (${blob})`, {
        where: { file: path },
        hint: "Run git fsck in the repository",
      }),
    );
  return sourceFile(path, blob, content);
}

/** Not followed: what a link points to is outside of what the commit says. */
export const notFollowed = (path: string, what: string): Problem =>
  error("workspace/not-a-file", `${path} is ${what}, which is not followed`, {
    where: { file: path },
    hint: "Put the content itself there",
  });

const badName = (path: string): Problem =>
  error("workspace/bad-name", `The name of ${path} is not valid UTF-8`, { where: { file: path }, hint: "Rename the file" });

export const tooMany = (count: number): Problem =>
  error("workspace/too-many-files", `Unable to read the workspace: it has ${count} files, more than ${maxFiles}`);

/** The text of one file of the workspace at a commit; undefined where there is none, or it is no text. */
export async function readFileAt(repo: Repository, commit: string, path: string): Promise<string | undefined> {
  if (areaOf(path) === undefined || pathProblem(path) !== undefined) return undefined;
  const { code, stdout, stderr } = await runGit(repo.commonDir, [
    ...inObjects(repo),
    "ls-tree",
    "-z",
    "--long",
    "--full-tree",
    "--end-of-options",
    commit,
    "--",
    repo.prefix + path,
  ]);
  if (code !== 0) throw new ProblemError(gitFailed(["ls-tree"], stderr));
  const [, blob, size] = /^100\d{3} blob ([0-9a-f]+) +(\d+)\t/.exec(stdout.toString("latin1")) ?? [];
  // Not even read where it is too long: it may be longer than this machine's memory.
  const content = blob === undefined || Number(size) > maxText ? undefined : await repo.blobs.read(blob);
  return content === undefined ? undefined : utf8(content);
}
