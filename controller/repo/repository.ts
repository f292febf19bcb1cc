import type { BlobReader } from "./blobs.ts";

export type ObjectFormat = "sha1" | "sha256";

/** An opened workspace: one branch of a git repository, at its top or in a folder below it. */
export interface Repository {
  /** The folder that was opened: working tree (or folder in it), or a bare repository. */
  readonly dir: string;
  /** Git's own folder that all working trees share: objects, references. */
  readonly commonDir: string;
  /** The branch that the controller works on, and its full reference. */
  readonly branch: string;
  readonly ref: string;
  /** Where the workspace lies below the repository's top: empty, or a path that ends with a slash. */
  readonly prefix: string;
  readonly bare: boolean;
  readonly objectFormat: ObjectFormat;
  readonly blobs: BlobReader;
  /** Ends the process that reads blobs. */
  close(): void;
}

/** Arguments before the subcommand for calls that concern objects and references alone. */
export const inObjects = (repo: Pick<Repository, "commonDir">): string[] => [`--git-dir=${repo.commonDir}`];
