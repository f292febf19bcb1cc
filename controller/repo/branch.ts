import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { error, type Problem, ProblemError, warning } from "../../schemas/problem.ts";
import { writeDurably } from "../hub/durable-file.ts";
import { type Checkout, checkoutsOf, operationAt, rebasedAt } from "./checkouts.ts";
import { gitFailed, runGit } from "./git.ts";
import { readHead } from "./head.ts";
import { inObjects, type Repository } from "./repository.ts";

/**
 * Moves the branch from one commit to another, and brings working trees that have it checked out along, without losing anything:
 *
 * - The branch moves by compare-and-set; if somebody was quicker, `conflict/moved`, and nothing has happened.
 * - Working trees are updated by git's two-tree merge (`read-tree -m -u FROM TO`). It touches only files that differ between the two commits, and only
 *   where the file and its index entry are still as in FROM; uncommitted work elsewhere stays as it is. If a file that we change has uncommitted
 *   changes, or an untracked file is in the way, the move is refused before it begins (`conflict/dirty`): the next commit made there would silently take ours back.
 * - The same goes while a merge, rebase, cherry-pick or revert on this branch waits to be finished (`conflict/operation`).
 * - A note in git's folder lets the next start finish what a power cut between the branch and the working tree left undone.
 *
 * `from` is null for the first commit. Answers warnings about working trees that could not follow.
 */
export function moveBranch(repo: Repository, from: string | null, to: string, why: string): Promise<Problem[]> {
  const moving = (moves.get(repo.commonDir) ?? Promise.resolve()).then(() => move(repo, from, to, why));
  const settled = moving.then(
    () => {},
    () => {},
  );
  moves.set(repo.commonDir, settled);
  return moving.finally(() => {
    if (moves.get(repo.commonDir) === settled) moves.delete(repo.commonDir);
  });
}

/** One move at a time for each repository, so that two of ours do not meet at the note and the index. */
const moves = new Map<string, Promise<void>>();

async function move(repo: Repository, from: string | null, to: string, why: string): Promise<Problem[]> {
  const checkouts = await checkoutsOf(repo);
  await refuseUnsafe(repo, checkouts, from, to);
  const note = notePath(repo);
  if (checkouts.length > 0) await writeDurably(note, `${JSON.stringify({ ref: repo.ref, from, to })}\n`);
  try {
    await updateRef(repo, from, to, why);
  } catch (thrown) {
    await rm(note, { force: true });
    throw thrown;
  }
  const warnings = await follow(repo, checkouts, from, to);
  await rm(note, { force: true });
  return warnings;
}

/** Finishes a move that was cut off after the branch had moved; answers warnings about working trees that could not follow. */
export async function finishMove(repo: Repository): Promise<Problem[]> {
  const note = notePath(repo),
    text = await readFile(note, "utf8").catch(() => undefined);
  if (text === undefined) return [];
  const move = /^\{"ref":("(?:[^"\\]|\\.)*"),"from":(null|"[0-9a-f]+"),"to":"([0-9a-f]+)"\}\n$/.exec(text);
  const from = move?.[2] === "null" ? null : (move?.[2]?.slice(1, -1) ?? null),
    to = move?.[3];
  const mine = move?.[1] === JSON.stringify(repo.ref) && to !== undefined && (await readHead(repo)) === to;
  const warnings = mine ? await follow(repo, await checkoutsOf(repo), from, to) : [];
  await rm(note, { force: true });
  return warnings;
}

const notePath = (repo: Repository): string => join(repo.commonDir, "backend-ai-move.json");

async function refuseUnsafe(repo: Repository, checkouts: readonly Checkout[], from: string | null, to: string): Promise<void> {
  const rebased = await rebasedAt(repo);
  if (rebased !== undefined) throw new ProblemError(inTheWay("rebase", rebased));
  for (const checkout of checkouts) {
    const operation = await operationAt(checkout.path);
    if (operation !== undefined) throw new ProblemError(inTheWay(operation, checkout.path));
    const { code, stderr } = await mergeTrees(repo, checkout, from, to, "dry");
    if (code !== 0) throw new ProblemError(/\.lock'/.test(stderr) ? gitFailed(["read-tree"], stderr) : dirty(checkout.path, stderr));
  }
}

async function follow(repo: Repository, checkouts: readonly Checkout[], from: string | null, to: string): Promise<Problem[]> {
  const warnings: Problem[] = [];
  for (const checkout of checkouts) {
    const { code, stderr } = await mergeTrees(repo, checkout, from, to, "real");
    if (code !== 0)
      warnings.push(
        warning("repo/not-followed", `The files in ${checkout.path} are older than the branch ${repo.branch}`, {
          detail: stderr,
          hint: "Look at git status there; git restore brings single files up to date",
        }),
      );
  }
  return warnings;
}

async function mergeTrees(
  repo: Repository,
  { path }: Checkout,
  from: string | null,
  to: string,
  how: "dry" | "real",
): Promise<{ code: number; stderr: string }> {
  // Files that were touched but not changed would otherwise count as changed.
  if (how === "dry") await runGit(path, ["update-index", "-q", "--refresh"]);
  const args = ["read-tree", ...(how === "dry" ? ["-n"] : []), "-m", "-u", from ?? emptyTree[repo.objectFormat], to];
  for (let tries = 1; ; tries += 1) {
    const result = await runGit(path, args);
    // Somebody's editor or prompt asks git for the status: it holds the index for a moment.
    if (result.code === 0 || tries === 10 || !/index\.lock'/.test(result.stderr)) return result;
    await sleep(50);
  }
}

/** Ids of the empty tree, which git knows without having it. */
const emptyTree = {
  sha1: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
  sha256: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
} as const;

async function updateRef(repo: Repository, from: string | null, to: string, why: string): Promise<void> {
  const { code, stderr } = await runGit(repo.commonDir, [
    ...inObjects(repo),
    "update-ref",
    "-m",
    why,
    "--",
    repo.ref,
    to,
    from ?? "0".repeat(to.length),
  ]);
  if (code === 0) return;
  const head = await readHead(repo).catch(() => null);
  throw new ProblemError(head === from ? gitFailed(["update-ref"], stderr) : moved(repo, from, head));
}

/** Somebody committed in the meantime. */
export const moved = (repo: Repository, from: string | null, head: string | null): Problem =>
  error("conflict/moved", `Unable to commit: the branch ${repo.branch} has moved from ${short(from)} to ${short(head)}`, {
    retry: "later",
    hint: "Nothing is lost: look at the change again on top of the new commit",
  });

const short = (commit: string | null): string => commit?.slice(0, 12) ?? "nothing";

const inTheWay = (operation: string, path: string): Problem =>
  error("conflict/operation", `Unable to commit: a ${operation} is not finished in ${path}, and finishing it would take our change back`, {
    retry: "later",
    hint: `Finish it, or give it up: git ${operation} --abort`,
  });

const dirty = (path: string, stderr: string): Problem =>
  error("conflict/dirty", `Unable to commit: files that would change have uncommitted changes in ${path}`, {
    detail: stderr,
    retry: "later",
    hint: "Commit them, or put them away with git stash",
  });
