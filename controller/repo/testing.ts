import { execFile } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { openRepository } from "./open.ts";
import type { Repository } from "./repository.ts";

const run = promisify(execFile);

/** A real repository in a folder that goes with the test, used as a person would use it. */
export interface Bench {
  readonly dir: string;
  git(...args: string[]): Promise<string>;
  write(path: string, text: string | Buffer): Promise<void>;
  /** Writes files, commits everything, answers the commit. */
  commit(files?: Readonly<Record<string, string | Buffer>>): Promise<string>;
  open(branch?: string): Promise<Repository>;
}

/** A folder that goes with the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "backend-ai-repo-")));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A person's git in a folder, with hooks that would be noticed if we ran them. */
export function bench(dir: string): Bench {
  const env = {
    PATH: process.env.PATH ?? "",
    HOME: dir,
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_AUTHOR_NAME: "Ann",
    GIT_AUTHOR_EMAIL: "ann@example.org",
    GIT_COMMITTER_NAME: "Ann",
    GIT_COMMITTER_EMAIL: "ann@example.org",
  };
  const git = async (...args: string[]): Promise<string> => (await run("git", args, { cwd: dir, env })).stdout.trimEnd();
  const write = async (path: string, text: string | Buffer): Promise<void> => {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  };
  return {
    dir,
    git,
    write,
    async commit(files = {}) {
      for (const [path, text] of Object.entries(files)) await write(path, text);
      await git("add", "-A");
      await git("commit", "--quiet", "--allow-empty", "-m", "by hand");
      return git("rev-parse", "HEAD");
    },
    async open(branch) {
      const { repository } = await openRepository(dir, { branch });
      onTestFinished(() => repository.close());
      return repository;
    },
  };
}

/** A repository with one commit on main. */
export async function temporaryRepository(
  files: Readonly<Record<string, string | Buffer>> = { "manifests/a.yaml": "a: 1\n" },
): Promise<Bench & { readonly first: string }> {
  const made = bench(await temporaryFolder());
  await made.git("init", "--quiet", "--initial-branch=main");
  return { ...made, first: await made.commit(files) };
}

/** The first problem of a promise that rejects with some. */
export async function problemOf(
  work: Promise<unknown>,
): Promise<{ code: string; summary: string; detail?: string; hint?: string; retry: string }> {
  const thrown: unknown = await work.then(
    () => new Error("there was no problem"),
    (reason: unknown) => reason,
  );
  if (thrown instanceof Error && "problems" in thrown) return (thrown.problems as never[])[0] as never;
  throw thrown;
}

/** Does something without root's right to read and write everything; does it as we are where we are not root. */
export async function unprivileged<T>(work: () => T): Promise<Awaited<T>> {
  if (process.getuid?.() !== 0) return await work();
  process.seteuid?.(65534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
