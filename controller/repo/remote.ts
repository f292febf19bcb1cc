import { error, type Problem, ProblemError } from "../../schemas/problem.ts";
import { moveBranch } from "./branch.ts";
import { gitFailed, gitText, maskPasswords, runGit } from "./git.ts";
import { readHead } from "./head.ts";
import { inObjects, type Repository } from "./repository.ts";
import { type SignatureSettings, unsigned } from "./signatures.ts";

/** `git:` of the settings, as far as it concerns another repository. */
export interface RemoteSettings extends SignatureSettings {
  /** Name of a configured remote, or a URL. */
  readonly remote: string;
  /** The branch there; by default it has the name of ours. */
  readonly branch?: string | undefined;
  /** Milliseconds between two fetches; absent: never by itself. */
  readonly pullMs?: number | undefined;
  readonly push: boolean;
}

const timeoutMs = 60_000;
const fetched = "refs/backend-ai/remote";

/** `current`: nothing new there; `forwarded`: our branch moved; `ahead`: ours has commits that are not there. */
export interface Pulled {
  readonly state: "current" | "forwarded" | "ahead";
  readonly head: string;
  readonly warnings: readonly Problem[];
}

/**
 * Fetches the branch and moves ours forward to it. Never merges: where both have commits of their own it throws `repo/diverged`; a commit
 * that is not signed as it has to be is not taken (`repo/unsigned`); unreachable is `repo/remote-failed`.
 */
export async function pull(repo: Repository, settings: RemoteSettings): Promise<Pulled> {
  const theirs = await fetch(repo, settings),
    ours = await readHead(repo);
  if (theirs === ours) return { state: "current", head: ours, warnings: [] };
  if (await isAncestor(repo, theirs, ours)) return { state: "ahead", head: ours, warnings: [] };
  if (!(await isAncestor(repo, ours, theirs))) throw new ProblemError(diverged(repo, settings, ours, theirs));
  const untrusted = await unsigned(repo, theirs, settings);
  if (untrusted !== undefined) throw new ProblemError(untrusted);
  return { state: "forwarded", head: theirs, warnings: await moveBranch(repo, ours, theirs, "backend-ai: pull") };
}

/** Sends our branch there; only forward. */
export async function push(repo: Repository, settings: RemoteSettings): Promise<void> {
  const args = [
    ...inObjects(repo),
    "push",
    "--no-verify",
    "--no-follow-tags",
    "--quiet",
    "--",
    needRemote(settings),
    `${repo.ref}:refs/heads/${settings.branch ?? repo.branch}`,
  ];
  const { code, stderr } = await runGit(repo.commonDir, args, { timeoutMs });
  if (code !== 0)
    throw new ProblemError(
      /\[rejected\]|non-fast-forward|fetch first/.test(stderr) ? rejected(repo, settings, stderr) : failed("push to", settings, stderr),
    );
}

async function fetch(repo: Repository, settings: RemoteSettings): Promise<string> {
  const source = `+refs/heads/${settings.branch ?? repo.branch}:${fetched}`;
  const { code, stderr } = await runGit(
    repo.commonDir,
    [
      ...inObjects(repo),
      "fetch",
      "--no-tags",
      "--no-write-fetch-head",
      "--no-recurse-submodules",
      "--quiet",
      "--",
      needRemote(settings),
      source,
    ],
    { timeoutMs },
  );
  if (code !== 0) throw new ProblemError(failed("fetch from", settings, stderr));
  return gitText(repo.commonDir, [...inObjects(repo), "rev-parse", "--verify", `${fetched}^{commit}`]);
}

/** A remote that git could take for an option is none. */
function needRemote({ remote }: RemoteSettings): string {
  if (remote === "" || remote.startsWith("-"))
    throw new ProblemError(error("repo/bad-remote", `Unable to use git.remote ${JSON.stringify(remote)}: it is neither a name nor a URL`));
  return remote;
}

async function isAncestor(repo: Repository, older: string, newer: string): Promise<boolean> {
  const { code, stderr } = await runGit(repo.commonDir, [...inObjects(repo), "merge-base", "--is-ancestor", older, newer]);
  if (code > 1) throw new ProblemError(gitFailed(["merge-base"], stderr));
  return code === 0;
}

const place = ({ remote }: RemoteSettings): string => maskPasswords(remote);

const failed = (verb: string, settings: RemoteSettings, stderr: string): Problem =>
  error("repo/remote-failed", `Unable to ${verb} ${place(settings)}`, {
    detail: stderr,
    retry: "later",
    hint: "Work goes on with the branch as it is here",
  });

const rejected = (repo: Repository, settings: RemoteSettings, stderr: string): Problem =>
  error("repo/push-rejected", `Unable to push ${repo.branch} to ${place(settings)}: it was rejected`, {
    detail: stderr,
    retry: "later",
    hint: "The branch there has other commits, or is protected",
  });

const diverged = (repo: Repository, settings: RemoteSettings, ours: string, theirs: string): Problem =>
  error(
    "repo/diverged",
    `Unable to pull from ${place(settings)}: ${repo.branch} has commits of its own on both sides (${ours.slice(0, 12)} here, ${theirs.slice(0, 12)} there)`,
    {
      retry: "later",
      hint: "Merge or rebase by hand, in a clone or in the workspace",
    },
  );
