import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { gitText, runGit } from "./git.ts";
import { inObjects, type Repository } from "./repository.ts";

/** A working tree that has the branch checked out. */
export interface Checkout {
  readonly path: string;
}

/** The working trees of a repository that have its branch checked out; git allows one, force allows more. Those whose folder is gone are left out. */
export async function checkoutsOf(repo: Repository): Promise<Checkout[]> {
  const found: Checkout[] = [];
  for (const tree of await workingTrees(repo)) if (tree.branch === repo.ref && (await exists(tree.path))) found.push({ path: tree.path });
  return found;
}

interface WorkingTree {
  readonly path: string;
  readonly branch: string | undefined;
}

async function workingTrees(repo: Repository): Promise<WorkingTree[]> {
  const text = await gitText(repo.commonDir, [...inObjects(repo), "worktree", "list", "--porcelain", "-z"]);
  return text
    .split("\0\0")
    .filter(Boolean)
    .flatMap((block) => {
      const lines = block.split("\0"),
        value = (key: string) => lines.find((line) => line.startsWith(`${key} `))?.slice(key.length + 1);
      const path = value("worktree");
      return path === undefined || lines.includes("bare") ? [] : [{ path, branch: value("branch") }];
    });
}

/** Files in a working tree's git folder that show an operation which the user has not finished. */
const marks = [
  ["MERGE_HEAD", "merge"],
  ["rebase-merge", "rebase"],
  ["rebase-apply", "rebase"],
  ["CHERRY_PICK_HEAD", "cherry-pick"],
  ["REVERT_HEAD", "revert"],
] as const;

/** What is going on in a working tree; undefined: nothing. */
export async function operationAt(path: string): Promise<string | undefined> {
  const gitDir = await gitText(path, ["rev-parse", "--absolute-git-dir"]);
  for (const [file, operation] of marks) if (await exists(join(gitDir, file))) return operation;
  return undefined;
}

/** Whether some working tree is about to move the branch at the end of a rebase. */
export async function rebasedAt(repo: Repository): Promise<string | undefined> {
  for (const { path, branch } of await workingTrees(repo)) {
    if (branch !== undefined || !(await exists(path))) continue;
    const { code, stdout } = await runGit(path, ["rev-parse", "--absolute-git-dir"]);
    if (code !== 0) continue;
    for (const folder of ["rebase-merge", "rebase-apply"]) {
      const name = await readFile(join(stdout.toString("utf8").trim(), folder, "head-name"), "utf8").catch(() => "");
      if (name.trim() === repo.ref) return path;
    }
  }
  return undefined;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
