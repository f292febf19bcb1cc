import { statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { Repository } from "./repository.ts";

/** Less free space than this, in bytes, and a disk counts as the full one. */
const little = 1_048_576;

/** A failed commit as it is; one that failed because a disk is full as a problem (`repo/disk-full`) that names the folder on it. */
export async function orDiskFull(thrown: unknown, repo: Repository): Promise<unknown> {
  const { code, message } = (thrown instanceof Error ? thrown : {}) as NodeJS.ErrnoException,
    byGit = thrown instanceof ProblemError && thrown.problems.some((one) => one.code === "repo/disk-full");
  if (!byGit && code !== "ENOSPC" && code !== "EDQUOT") return thrown;
  const detail = thrown instanceof ProblemError ? (thrown.problems[0]?.detail ?? thrown.problems[0]?.summary) : message;
  const folders = [repo.commonDir, ...(repo.bare ? [] : [repo.dir]), tmpdir()],
    full = (await Promise.all(folders.map(isFull))).findIndex(Boolean);
  return new ProblemError(
    error("repo/disk-full", `Unable to commit: the disk that holds ${folders[Math.max(0, full)]} is full`, {
      ...(detail === undefined ? {} : { detail }),
      retry: "later",
      hint: "Free some space there, and ask again: nothing was committed, and what is in force stays in force.",
    }),
    { cause: thrown },
  );
}

async function isFull(folder: string): Promise<boolean> {
  const room = await statfs(folder).catch(() => undefined);
  return room !== undefined && (room.bavail * room.bsize < little || (room.files > 0 && room.ffree === 0));
}
