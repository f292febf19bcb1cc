import { execFile } from "node:child_process";
import { cp, mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const template = fileURLToPath(new URL("./workspace", import.meta.url));

/** Who made the first commit, whatever the machine's own git says; no hooks and no signing of the machine either. */
const git = [
  "-c",
  "user.name=Backend AI sandbox",
  "-c",
  "user.email=sandbox@localhost",
  "-c",
  "commit.gpgSign=false",
  "-c",
  "core.hooksPath=/dev/null",
];

/** Copies the sandbox's workspace into a new folder and makes it a git repository with one commit on `main`. */
export async function makeWorkspace(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await cp(template, folder, { recursive: true });
  await run("git", ["init", "--quiet", "--template=", "--initial-branch=main", folder]);
  // Whoever commits here by hand may have no git identity of their own, or one that signs.
  for (const [key, value] of Object.entries({ "user.name": "You", "user.email": "you@localhost", "commit.gpgSign": "false" }))
    await run("git", ["-C", folder, "config", key, value]);
  await run("git", ["-C", folder, ...git, "add", "--all"]);
  await run("git", ["-C", folder, ...git, "commit", "--quiet", "--message=A fleet to try things on"]);
}
