import { error, type Problem, ProblemError } from "../../schemas/problem.ts";
import { pull, push, type RemoteSettings } from "./remote.ts";
import type { Repository } from "./repository.ts";

export interface RemoteFollower {
  /** Pulls now, after what is under way. */
  pullNow(): Promise<void>;
  /** Pushes after a commit of ours, where the settings say so. Never rejects: what goes wrong is told as a problem, and tried again with the next pull. */
  committed(): Promise<void>;
  close(): Promise<void>;
}

/** Pulls on an interval, pushes what is ours; one at a time. `tell` gets each new problem once, and undefined when all is well again. */
export function followRemote(repo: Repository, settings: RemoteSettings, tell: (problem: Problem | undefined) => void): RemoteFollower {
  let told: string | undefined,
    working = Promise.resolve(),
    timer: NodeJS.Timeout | undefined,
    closed = false;

  const say = (problem: Problem | undefined): void => {
    const key = problem === undefined ? undefined : `${problem.code} ${problem.summary}`;
    if (key === told || closed) return;
    told = key;
    tell(problem);
  };
  const attempt = (work: () => Promise<void>): Promise<void> => {
    working = working.then(async () => {
      if (closed) return;
      try {
        await work();
        say(undefined);
      } catch (thrown) {
        say(problemOf(thrown));
      }
    });
    return working;
  };
  const pullNow = (): Promise<void> =>
    attempt(async () => {
      const { state } = await pull(repo, settings);
      if (state === "ahead" && settings.push) await push(repo, settings);
    });
  const schedule = (): void => {
    if (settings.pullMs === undefined || closed) return;
    // Up to a tenth more, so that many controllers do not ask at once.
    timer = setTimeout(() => void pullNow().finally(schedule), settings.pullMs * (1 + Math.random() / 10));
  };
  schedule();
  return {
    pullNow,
    committed: () => (settings.push ? attempt(() => push(repo, settings)) : Promise.resolve()),
    async close() {
      closed = true;
      clearTimeout(timer);
      await working.catch(() => {});
    },
  };
}

/** Anything else than a ProblemError (a full disk under the note of a move) is told too: the next pull may succeed. */
const problemOf = (thrown: unknown): Problem | undefined =>
  thrown instanceof ProblemError
    ? thrown.problems[0]
    : error("repo/remote-failed", `Unable to bring the workspace and its remote together: ${(thrown as Error).message}`, {
        retry: "later",
      });
