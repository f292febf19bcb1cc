import { error, ProblemError } from "../../schemas/problem.ts";
import { runGit } from "./git.ts";
import { inObjects, type Repository } from "./repository.ts";

/** The commit that the branch is at; a ProblemError (`repo/no-branch`) where the branch is gone. */
export async function readHead(repo: Repository): Promise<string> {
  const { code, stdout, stderr } = await runGit(repo.commonDir, [
    ...inObjects(repo),
    "rev-parse",
    "--verify",
    "--quiet",
    "--end-of-options",
    `${repo.ref}^{commit}`,
  ]);
  if (code === 0) return stdout.toString("latin1").trim();
  throw new ProblemError(
    error("repo/no-branch", `Unable to read the branch ${repo.branch} of ${repo.dir}`, {
      ...(stderr === "" ? {} : { detail: stderr }),
      retry: "later",
      hint: "Was it deleted, or the repository moved?",
    }),
  );
}

/** What git says of a commit: who, when, its first line. */
export interface CommitInfo {
  readonly commit: string;
  readonly author: string;
  readonly email: string;
  /** RFC 3339. */
  readonly at: string;
  readonly subject: string;
  readonly trailers: Readonly<Record<string, string>>;
}

/** Reads a commit's own data, with the trailers that our commits carry (lower case names). */
export async function readCommitInfo(repo: Repository, commit: string): Promise<CommitInfo | undefined> {
  if (!/^[0-9a-f]{7,64}$/.test(commit)) return undefined;
  const format = "%H%x00%an%x00%ae%x00%cI%x00%s%x00%(trailers:only,unfold)";
  const { code, stdout } = await runGit(repo.commonDir, [
    ...inObjects(repo),
    "show",
    "--no-patch",
    "--no-notes",
    `--format=${format}`,
    "--end-of-options",
    `${commit}^{commit}`,
  ]);
  if (code !== 0) return undefined;
  const [id = "", author = "", email = "", at = "", subject = "", trailers = ""] = stdout.toString("utf8").split("\0");
  const pairs = trailers.split("\n").flatMap((line) => {
    const colon = line.indexOf(": ");
    return colon < 0 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 2).trim()] as const];
  });
  return { commit: id, author, email, at, subject, trailers: Object.fromEntries(pairs) };
}
