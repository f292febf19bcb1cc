import { dirname, join } from "node:path";
import { watch } from "chokidar";
import { error, type Problem, ProblemError } from "../../schemas/problem.ts";
import { readHead } from "./head.ts";
import type { Repository } from "./repository.ts";

export interface HeadWatch {
  /** Looks now; resolves once what it found was called back. */
  check(): Promise<void>;
  close(): Promise<void>;
}

export interface HeadListener {
  /** A commit that the branch is at, the first one included; each move once, those that follow at once on each other perhaps as one. */
  onHead(commit: string): void;
  /** The branch cannot be read; told once until it can be again. */
  onProblem(problem: Problem): void;
  /** How often it is looked at even when the file system stays silent, in milliseconds; by default 3 000. */
  rescanMs?: number | undefined;
}

/** Follows the branch: its own file, packed references and the reftable, wherever the repository keeps them. */
export async function watchHead(repo: Repository, listener: HeadListener): Promise<HeadWatch> {
  let last: string | undefined,
    troubled = false,
    looking: Promise<void> | undefined,
    again = false,
    closed = false;

  const look = async (): Promise<void> => {
    try {
      const head = await readHead(repo);
      troubled = false;
      if (closed || head === last) return;
      last = head;
      listener.onHead(head);
    } catch (thrown) {
      const problem =
        thrown instanceof ProblemError
          ? (thrown.problems[0] as Problem)
          : error("repo/unreadable", `Unable to look at the branch ${repo.branch}: ${(thrown as Error).message}`, { retry: "later" });
      if (!troubled && !closed) listener.onProblem(problem);
      troubled = true;
    }
  };
  const check = async (): Promise<void> => {
    again = true;
    looking ??= (async () => {
      while (again && !closed) {
        again = false;
        await look();
      }
    })().finally(() => (looking = undefined));
    await looking;
  };

  // The folder of the branch's file, so that replacing the file is seen however it is done.
  const places = [dirname(join(repo.commonDir, repo.ref)), join(repo.commonDir, "packed-refs"), join(repo.commonDir, "reftable")];
  const watcher = watch(places, { ignoreInitial: true, atomic: false, depth: 0, ignored: (path) => path.endsWith(".lock") });
  watcher.on("all", () => void check());
  // Watching only saves time: without it the rescan finds the same.
  watcher.on("error", () => {});
  await new Promise<void>((resolve) => watcher.once("ready", () => resolve()));
  const timer = setInterval(() => void check(), listener.rescanMs ?? 3000);
  await check();
  return {
    check,
    async close() {
      closed = true;
      clearInterval(timer);
      await watcher.close();
      await looking;
    },
  };
}
