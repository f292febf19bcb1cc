import type { FileEdit } from "../../schemas/api.ts";
import type { Problem } from "../../schemas/problem.ts";
import { commitEdits } from "../repo/commit.ts";
import { followRemote, type RemoteFollower } from "../repo/follow-remote.ts";
import { readHead } from "../repo/head.ts";
import { uncommitted } from "../repo/open.ts";
import { blobCache, readCommit } from "../repo/read.ts";
import type { RemoteSettings } from "../repo/remote.ts";
import type { Repository } from "../repo/repository.ts";
import { requestersOf } from "../repo/requesters.ts";
import { type SignatureSettings, unsigned } from "../repo/signatures.ts";
import { type Snapshot, withEdits } from "../repo/snapshot.ts";
import { watchHead } from "../repo/watch.ts";
import { createLoader, type LoaderOptions } from "./loader.ts";
import type { Workspace } from "./workspace.ts";

export interface GitWorkspaceOptions extends LoaderOptions {
  readonly repository: Repository;
  readonly signatures?: SignatureSettings | undefined;
  readonly remote?: RemoteSettings | undefined;
  readonly tell: (problem: Problem) => void;
}

/** A workspace in a git repository. */
export function gitWorkspace(options: GitWorkspaceOptions): Workspace {
  const { repository, now } = options;
  const blobs = blobCache(),
    loader = createLoader(options);
  let last: Snapshot | undefined, remote: RemoteFollower | undefined;

  const read = async (commit: string): Promise<Snapshot> =>
    last?.commit === commit ? last : (last = await readCommit(repository, commit, blobs));
  return {
    folder: repository.dir,
    branch: repository.branch,
    head: () => readHead(repository),
    async load(commit) {
      const untrusted = await unsigned(repository, commit, options.signatures);
      if (untrusted !== undefined) return { ok: false, commit, problems: [untrusted] };
      return loader.load(await read(commit));
    },
    loadEdited: async (commit, edits) => loader.preview(withEdits(await read(commit), edits, repository.objectFormat)),
    uncommitted: () => uncommitted(repository),
    fileText: async (commit, path) => (commit === "" ? undefined : (await read(commit)).files.find((file) => file.path === path)?.text),
    requesters: (commit, files) => requestersOf(repository, commit, files),
    async commit(parent, edits: readonly FileEdit[], note, author) {
      const done = await commitEdits(repository, {
        parent,
        edits,
        subject: note.message,
        at: now(),
        author: { name: author, email: "" },
        signatures: options.signatures,
        trailers: { request: note.request, requestedBy: author, source: note.source, tainted: note.tainted },
      });
      await remote?.committed();
      return done;
    },
    async watch(onCommit, onProblem) {
      const head = await watchHead(repository, { onHead: onCommit, onProblem });
      if (options.remote !== undefined)
        remote = followRemote(repository, options.remote, (problem) => {
          if (problem !== undefined) options.tell(problem);
        });
      return {
        async close() {
          remote?.close();
          await head.close();
        },
      };
    },
    async close() {
      await loader.close();
      repository.close();
    },
  };
}
