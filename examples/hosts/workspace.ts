import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A git repository that people commit to by hand, with git itself. */
export interface TestWorkspace {
  readonly folder: string;
  /** Writes files (null removes one), commits them all and returns the commit. */
  commit(files: Readonly<Record<string, string | null>>, message?: string): Promise<string>;
}

export async function makeWorkspace(folder: string): Promise<TestWorkspace> {
  const git = async (...args: string[]): Promise<string> => (await run("git", ["-C", folder, ...args])).stdout.trim();
  await mkdir(folder, { recursive: true });
  await git("init", "--quiet", "--initial-branch=main");
  await git("config", "user.name", "Test");
  await git("config", "user.email", "test@example.org");
  return {
    folder,
    async commit(files, message = "change") {
      for (const [path, text] of Object.entries(files)) {
        const file = join(folder, path);
        await mkdir(dirname(file), { recursive: true });
        if (text === null) await rm(file);
        else await writeFile(file, text);
      }
      await git("add", "--all");
      await git("commit", "--quiet", "--allow-empty", "--message", message);
      return git("rev-parse", "HEAD");
    },
  };
}
