import { error, type Problem, ProblemError } from "../../schemas/problem.ts";
import { moveBranch, moved } from "./branch.ts";
import { orDiskFull } from "./disk-full.ts";
import { gitText } from "./git.ts";
import { readHead } from "./head.ts";
import { commitMessage, identity, type Trailers } from "./message.ts";
import { inObjects, type Repository } from "./repository.ts";
import { type SignatureSettings, unsigned } from "./signatures.ts";
import type { Edit } from "./snapshot.ts";
import { writeTree } from "./tree.ts";

export interface CommitRequest {
  /** The commit that the edits were made for; null for the first one of a branch. */
  readonly parent: string | null;
  readonly edits: readonly Edit[];
  readonly subject: string;
  readonly trailers: Trailers;
  readonly author: { readonly name: string; readonly email: string };
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Where commits have to be signed: the parent has to be, so that our signature never covers what nobody vouched for, and ours gets one. */
  readonly signatures?: SignatureSettings | undefined;
}

export interface Committed {
  readonly commit: string;
  readonly warnings: readonly Problem[];
}

/**
 * Commits edits on top of `parent` and moves the branch there (branch.ts says what becomes of working trees). Throws a ProblemError and changes nothing
 * where the branch is elsewhere by now (`conflict/moved`), nothing would change (`conflict/nothing-to-commit`), it would not be safe (`conflict/dirty`, `conflict/operation`), or a disk is full (`repo/disk-full`).
 */
export async function commitEdits(repo: Repository, request: CommitRequest): Promise<Committed> {
  try {
    return await commitOn(repo, request);
  } catch (thrown) {
    throw await orDiskFull(thrown, repo);
  }
}

async function commitOn(repo: Repository, request: CommitRequest): Promise<Committed> {
  const { parent, signatures } = request;
  const head = await readHead(repo).catch(() => null);
  if (head !== parent) throw new ProblemError(moved(repo, parent, head));
  const untrusted = parent === null ? undefined : await unsigned(repo, parent, signatures);
  if (untrusted !== undefined) throw new ProblemError(untrusted);
  const tree = await writeTree(repo, parent, request.edits);
  if (parent !== null && tree === (await gitText(repo.commonDir, [...inObjects(repo), "rev-parse", "--verify", `${parent}^{tree}`]))) {
    throw new ProblemError(error("conflict/nothing-to-commit", "Unable to commit: the edits change nothing"));
  }
  const commit = await commitTree(repo, tree, request);
  const warnings = await moveBranch(repo, parent, commit, `backend-ai: ${commitMessage(request.subject, request.trailers).split("\n")[0]}`);
  return { commit, warnings };
}

async function commitTree(
  repo: Repository,
  tree: string,
  { parent, subject, trailers, author, at, signatures }: CommitRequest,
): Promise<string> {
  const date = `@${Math.floor(at / 1000)} +0000`;
  const env = {
    GIT_AUTHOR_NAME: identity(author.name, "unknown"),
    GIT_AUTHOR_EMAIL: identity(author.email, "unknown@localhost"),
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: "Backend AI",
    GIT_COMMITTER_EMAIL: "backend-ai@localhost",
    GIT_COMMITTER_DATE: date,
  };
  const signing = signatures?.signingKey === undefined ? [] : ["-c", "gpg.format=ssh", "-c", `user.signingKey=${signatures.signingKey}`];
  const args = [
    ...inObjects(repo),
    ...signing,
    "commit-tree",
    tree,
    ...(parent === null ? [] : ["-p", parent]),
    ...(signing.length > 0 ? ["-S"] : ["--no-gpg-sign"]),
    "-F",
    "-",
  ];
  return gitText(repo.commonDir, args, { env, input: commitMessage(subject, trailers) });
}
