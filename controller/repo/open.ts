import { opendir, realpath, stat } from "node:fs/promises";
import { error, type Problem, ProblemError, warning } from "../../schemas/problem.ts";
import { BlobReader } from "./blobs.ts";
import { finishMove } from "./branch.ts";
import { checkoutsOf, operationAt } from "./checkouts.ts";
import { gitFailed, gitText, runGit } from "./git.ts";
import { inObjects, type ObjectFormat, type Repository } from "./repository.ts";

export interface Opened {
  readonly repository: Repository;
  /** What is harmless but worth knowing: uncommitted files, another branch checked out, a merge at work. */
  readonly warnings: readonly Problem[];
}

/**
 * Opens the git repository that `dir` is, or is a folder of. Throws a ProblemError that names the folder: `repo/missing`, `repo/unreadable`,
 * `repo/not-git`, `repo/dubious-owner`, `repo/no-commits`, `repo/no-branch`.
 */
export async function openRepository(dir: string, { branch = "main" }: { readonly branch?: string | undefined } = {}): Promise<Opened> {
  const found = await locate(dir);
  const repository: Repository = {
    ...found,
    branch,
    ref: `refs/heads/${branch}`,
    blobs: new BlobReader(found.commonDir),
    close: () => repository.blobs.close(),
  };
  await needBranch(repository);
  const unfinished = await finishMove(repository);
  return { repository, warnings: [...unfinished, ...(await repositoryWarnings(repository))] };
}

type Found = Pick<Repository, "dir" | "commonDir" | "prefix" | "bare" | "objectFormat">;

/** Where a repository lies, whatever its branches. */
export async function locate(given: string): Promise<Found> {
  const dir = await needFolder(given);
  const args = ["rev-parse", "--path-format=absolute", "--git-common-dir", "--is-inside-work-tree", "--show-object-format"];
  const { code, stdout, stderr } = await runGit(dir, args);
  if (code !== 0) throw new ProblemError(notGit(given, stderr));
  const [commonDir = "", inside = "", format = "sha1"] = stdout.toString("utf8").split("\n");
  const prefix = inside === "true" ? await gitText(dir, ["rev-parse", "--show-prefix"]) : "";
  return { dir, commonDir, prefix, bare: inside !== "true", objectFormat: format as ObjectFormat };
}

async function needFolder(dir: string): Promise<string> {
  try {
    if (!(await stat(dir)).isDirectory())
      throw new ProblemError(error("repo/missing", `Unable to open the workspace ${dir}: it is not a folder`));
    // Listed and entered.
    await (await opendir(dir)).close();
    await stat(`${dir}/.`);
    return await realpath(dir);
  } catch (thrown) {
    if (thrown instanceof ProblemError) throw thrown;
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT")
      throw new ProblemError(
        error("repo/missing", `Unable to open the workspace ${dir}: there is no such folder`, { hint: `Make one: backend-ai init ${dir}` }),
      );
    throw new ProblemError(
      error("repo/unreadable", `Unable to open the workspace ${dir}: ${code === "EACCES" ? "permission denied" : message}`, {
        retry: "later",
        hint: "Let the controller's user read it",
      }),
      { cause: thrown },
    );
  }
}

function notGit(dir: string, stderr: string): Problem {
  if (/dubious ownership/.test(stderr)) {
    return error("repo/dubious-owner", `Unable to open the workspace ${dir}: it belongs to another user than the controller's`, {
      detail: stderr,
      hint: `Give it to the controller's user, or trust its owner: git config --global --add safe.directory ${dir}`,
    });
  }
  if (/not a git repository/.test(stderr))
    return error("repo/not-git", `Unable to open the workspace ${dir}: it is not a git repository`, {
      hint: `Make a workspace of it: backend-ai init ${dir}`,
    });
  if (/[Pp]ermission denied/.test(stderr))
    return error("repo/unreadable", `Unable to open the workspace ${dir}: permission denied in its git folder`, {
      detail: stderr,
      retry: "later",
      hint: "Let the controller's user read it",
    });
  return gitFailed(["rev-parse"], stderr);
}

async function needBranch(repo: Repository): Promise<void> {
  const { dir, branch, ref } = repo;
  if ((await runGit(repo.commonDir, ["check-ref-format", ref])).code !== 0)
    throw new ProblemError(error("repo/no-branch", `Unable to use the branch ${JSON.stringify(branch)}: that is no name of a branch`));
  const { code } = await runGit(repo.commonDir, [
    ...inObjects(repo),
    "rev-parse",
    "--verify",
    "--quiet",
    "--end-of-options",
    `${ref}^{commit}`,
  ]);
  if (code === 0) return;
  const others = (
    await gitText(repo.commonDir, [...inObjects(repo), "for-each-ref", "--count=20", "--format=%(refname:short)", "refs/heads"])
  )
    .split("\n")
    .filter(Boolean);
  if (others.length === 0)
    throw new ProblemError(
      error("repo/no-commits", `Unable to use the workspace ${dir}: nothing has been committed yet`, {
        hint: `Commit something on the branch ${branch}, or run: backend-ai init ${dir}`,
      }),
    );
  throw new ProblemError(
    error("repo/no-branch", `Unable to use the workspace ${dir}: it has no branch ${branch}`, {
      hint: `It has ${others.join(", ")}: set git.branch in backend-ai.yaml, or make the branch`,
    }),
  );
}

/** What people should know about the state of a workspace; nothing of it stops reading commits of the branch. */
export async function repositoryWarnings(repo: Repository): Promise<Problem[]> {
  if (repo.bare) return [];
  const [head, dirty, operation] = await Promise.all([
    runGit(repo.dir, ["symbolic-ref", "--quiet", "HEAD"]),
    uncommitted(repo),
    operationAt(repo.dir),
  ]);
  const warnings: Problem[] = [],
    on = head.stdout.toString("utf8").trim(),
    checkouts = await checkoutsOf(repo);
  if (operation !== undefined)
    warnings.push(
      warning(
        "repo/operation",
        `A ${operation} is not finished in ${repo.dir}: what it leads to takes effect once it is committed on ${repo.branch}`,
      ),
    );
  else if (head.code !== 0)
    warnings.push(
      warning("repo/detached", `The HEAD of ${repo.dir} is detached: commits made there do not take effect, those on ${repo.branch} do`, {
        hint: `git switch ${repo.branch}`,
      }),
    );
  else if (on !== repo.ref && checkouts.every((one) => one.path !== repo.dir))
    warnings.push(
      warning("repo/other-branch", `${repo.dir} has ${on.replace("refs/heads/", "")} checked out: commits on ${repo.branch} take effect`),
    );
  if (dirty.length > 0)
    warnings.push(
      warning(
        "repo/dirty",
        `${dirty.length} ${dirty.length === 1 ? "file is" : "files are"} not committed in ${repo.dir} and ${dirty.length === 1 ? "does" : "do"} not take effect`,
        { detail: some(dirty) },
      ),
    );
  return warnings;
}

/** Files of a workspace that differ from what is checked out, or that git does not know; none of a bare one. */
export async function uncommitted(repo: Repository): Promise<string[]> {
  if (repo.bare) return [];
  const { stdout } = await runGit(repo.dir, ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=normal", "--", "."]);
  return stdout
    .toString("utf8")
    .split("\0")
    .filter(Boolean)
    .map((line) => line.slice(3));
}

const some = (paths: readonly string[]): string =>
  (paths.length > 10 ? [...paths.slice(0, 10), `and ${paths.length - 10} more`] : paths).join("\n");
