import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProblemError } from "../../schemas/problem.ts";
import { gitFailed, gitText, runGit } from "./git.ts";
import { pathProblem } from "./places.ts";
import { inObjects, type Repository } from "./repository.ts";
import type { Edit } from "./snapshot.ts";

/** Writes the whole tree of a commit with edits laid over, by an index of its own; the working tree and its index are not touched. Answers the tree's id. */
export async function writeTree(repo: Repository, parent: string | null, edits: readonly Edit[]): Promise<string> {
  const problems = edits.map(({ path }) => pathProblem(path)).filter((problem) => problem !== undefined);
  if (problems.length > 0) throw new ProblemError(problems);
  const folder = await mkdtemp(join(tmpdir(), "backend-ai-commit-"));
  try {
    const env = { GIT_INDEX_FILE: join(folder, "index") },
      git = inObjects(repo);
    if (parent !== null) await gitText(repo.commonDir, [...git, "read-tree", parent], { env });
    const blobs = await writeBlobs(repo, edits, folder),
      modes = await currentModes(repo, parent, edits);
    await gitText(repo.commonDir, [...git, "update-index", "-z", "--index-info"], {
      env,
      input: edits.map((edit) => indexLine(repo, edit, blobs, modes)).join(""),
    });
    return await gitText(repo.commonDir, [...git, "write-tree"], { env });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const indexLine = (
  repo: Repository,
  { path, text }: Edit,
  blobs: ReadonlyMap<string, string>,
  modes: ReadonlyMap<string, string>,
): string =>
  text === null
    ? `0 ${"0".repeat(repo.objectFormat === "sha1" ? 40 : 64)}\t${repo.prefix}${path}\0`
    : `${modes.get(path) ?? "100644"} ${blobs.get(path)}\t${repo.prefix}${path}\0`;

/** Stores the new texts, all with one process: it reads them from files whose names are numbers. */
async function writeBlobs(repo: Repository, edits: readonly Edit[], folder: string): Promise<Map<string, string>> {
  const texts = edits.flatMap(({ path, text }) => (text === null ? [] : [{ path, text }]));
  if (texts.length === 0) return new Map();
  await Promise.all(texts.map(({ text }, n) => writeFile(join(folder, String(n)), text, { mode: 0o600 })));
  const input = texts.map((_, n) => `${join(folder, String(n))}\n`).join("");
  const ids = (await gitText(repo.commonDir, [...inObjects(repo), "hash-object", "-w", "--no-filters", "--stdin-paths"], { input })).split(
    "\n",
  );
  return new Map(texts.map(({ path }, n) => [path, ids[n] ?? ""]));
}

/** Modes of the edited files that are executable now, so that they stay so. */
async function currentModes(repo: Repository, parent: string | null, edits: readonly Edit[]): Promise<Map<string, string>> {
  if (parent === null) return new Map();
  const { code, stdout, stderr } = await runGit(repo.commonDir, [
    ...inObjects(repo),
    "ls-tree",
    "-z",
    "--full-tree",
    parent,
    "--",
    ...edits.map(({ path }) => repo.prefix + path),
  ]);
  if (code !== 0) throw new ProblemError(gitFailed(["ls-tree"], stderr));
  const executable = stdout
    .toString("utf8")
    .split("\0")
    .filter((record) => record.startsWith("100755 "));
  return new Map(executable.map((record) => [record.slice(record.indexOf("\t") + 1 + repo.prefix.length), "100755"]));
}
