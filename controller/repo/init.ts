import { lstat, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { error, ProblemError } from "../../schemas/problem.ts";
import { commitEdits } from "./commit.ts";
import { gitText, runGit } from "./git.ts";
import { readHead } from "./head.ts";
import { BlobReader } from "./blobs.ts";
import { locate } from "./open.ts";
import { settingsFile } from "./places.ts";
import type { Repository } from "./repository.ts";
import { workspaceFiles } from "./workspace-files.ts";

export interface Initialised {
  readonly dir: string;
  readonly branch: string;
  readonly commit: string;
  /** Files that were made, and those that were there and stay as they are. */
  readonly made: readonly string[];
  readonly kept: readonly string[];
  /** Whether the git repository was made too. */
  readonly madeRepository: boolean;
}

/**
 * Makes a workspace of a folder (which is made where it is missing): a git repository with the branch `main` where it is none yet, settings, example
 * manifests that select no host, and the commit of them. In a repository that exists the branch that is checked out is used.
 * Overwrites nothing: files that are there are kept, and a folder that has a backend-ai.yaml is refused (`repo/not-empty`).
 */
export async function initWorkspace(dir: string, { at }: { readonly at: number }): Promise<Initialised> {
  await mkdir(dir, { recursive: true });
  const kept = await existing(dir);
  const madeRepository = (await lstat(join(dir, ".git")).catch(() => undefined)) === undefined && !(await isBare(dir));
  if (madeRepository) await gitText(dir, ["init", "--quiet", "--initial-branch=main"]);
  const found = await locate(dir),
    branch = await currentBranch(dir);
  const repository: Repository = { ...found, branch, ref: `refs/heads/${branch}`, blobs: new BlobReader(found.commonDir), close: () => {} };
  const made = Object.keys(workspaceFiles).filter((path) => !kept.includes(path));
  const parent = await readHead(repository).catch(() => null);
  const { commit } = await commitEdits(repository, {
    parent,
    edits: made.map((path) => ({ path, text: workspaceFiles[path] as string })),
    subject: "Begin a Backend AI workspace",
    trailers: { requestedBy: "backend-ai init", source: "cli" },
    author: await configuredAuthor(dir),
    at,
  });
  return { dir: found.dir, branch, commit, made, kept, madeRepository };
}

async function existing(dir: string): Promise<string[]> {
  const there: string[] = [];
  for (const path of Object.keys(workspaceFiles)) if ((await lstat(join(dir, path)).catch(() => undefined)) !== undefined) there.push(path);
  if (!there.includes(settingsFile)) return there;
  throw new ProblemError(
    error("repo/not-empty", `Unable to make a workspace in ${dir}: it has a ${settingsFile}`, {
      hint: "It is a workspace already: backend-ai controller",
    }),
  );
}

const isBare = async (dir: string): Promise<boolean> =>
  (await readdir(dir)).includes("HEAD") &&
  (await runGit(dir, ["rev-parse", "--is-bare-repository"])).stdout.toString("utf8").trim() === "true";

async function currentBranch(dir: string): Promise<string> {
  const { code, stdout } = await runGit(dir, ["symbolic-ref", "--quiet", "--short", "HEAD"]);
  if (code === 0) return stdout.toString("utf8").trim();
  throw new ProblemError(
    error("repo/detached", `Unable to make a workspace in ${dir}: its HEAD is detached`, { hint: "Check out a branch: git switch main" }),
  );
}

/** Whom git knows as the author here, as far as it does. */
export async function configuredAuthor(dir: string): Promise<{ name: string; email: string }> {
  const value = async (key: string): Promise<string> => (await runGit(dir, ["config", "--get", key])).stdout.toString("utf8").trim();
  return { name: (await value("user.name")) || "Backend AI", email: (await value("user.email")) || "backend-ai@localhost" };
}
