import { constants } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";
import { error, type Problem, ProblemError } from "../../schemas/problem.ts";
import type { SourceFile } from "../core/model.ts";
import { areaOf, areaRoots } from "./places.ts";
import { notFollowed, tooMany } from "./read.ts";
import type { ObjectFormat } from "./repository.ts";
import { blobId, maxFiles, maxText, snapshot, type Snapshot, sourceFile } from "./snapshot.ts";

/**
 * Reads the same files as `readCommit` from a folder as it is now, committed or not, with the ids that git would give them: for previews and
 * `validate`. Links are problems and are not followed; what cannot be read is a problem too.
 */
export async function readWorktree(dir: string, format: ObjectFormat = "sha1"): Promise<Snapshot> {
  const problems: Problem[] = [],
    paths: string[] = [];
  for (const root of areaRoots) await walk(dir, root, paths, problems);
  if (paths.length > maxFiles) throw new ProblemError(tooMany(paths.length));
  const limit = pLimit(16),
    files = await Promise.all(paths.map((path) => limit(() => readOne(dir, path, format, problems))));
  return snapshot(
    "",
    files.filter((file) => file !== undefined),
    problems,
  );
}

async function walk(dir: string, path: string, paths: string[], problems: Problem[]): Promise<void> {
  if (paths.length > maxFiles) return;
  try {
    const stats = await lstat(join(dir, path));
    if (stats.isSymbolicLink()) problems.push(notFollowed(path, "a symbolic link"));
    else if (stats.isDirectory()) for (const name of await readdir(join(dir, path))) await walk(dir, `${path}/${name}`, paths, problems);
    else if (stats.isFile()) paths.push(...(areaOf(path) === undefined ? [] : [path]));
    else problems.push(notFollowed(path, "neither a file nor a folder"));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") problems.push(unreadable(path, thrown));
  }
}

async function readOne(dir: string, path: string, format: ObjectFormat, problems: Problem[]): Promise<SourceFile | undefined> {
  try {
    const file = await open(join(dir, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { size, mtimeMs } = await file.stat();
      // The id of a longer file only has to differ when the file does.
      if (size > maxText) return { path, blob: blobId(format, `${path} ${size} ${mtimeMs}`), size, text: undefined };
      const content = await file.readFile();
      return sourceFile(path, blobId(format, content), content);
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") problems.push(unreadable(path, thrown));
    return undefined;
  }
}

function unreadable(path: string, thrown: unknown): Problem {
  const { code, message } = thrown as NodeJS.ErrnoException;
  return error("workspace/unreadable", `Unable to read ${path}: ${code === "EACCES" ? "permission denied" : message}`, {
    where: { file: path },
    hint: "Let the controller's user read it",
  });
}
