import { chmod, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openRepository } from "./open.ts";
import { bench, problemOf, temporaryFolder, temporaryRepository, unprivileged } from "./testing.ts";

const codes = async (dir: string): Promise<string[]> => {
  const { repository, warnings } = await openRepository(dir);
  repository.close();
  return warnings.map((warning) => warning.code);
};

test("names the folder where something is wrong with it, and says what to do", async () => {
  const folder = await temporaryFolder();
  expect(await problemOf(openRepository(join(folder, "no")))).toMatchObject({
    code: "repo/missing",
    summary: expect.stringContaining(join(folder, "no")),
    hint: expect.stringContaining("backend-ai init"),
  });
  expect(await problemOf(openRepository(folder))).toMatchObject({
    code: "repo/not-git",
    summary: `Unable to open the workspace ${folder}: it is not a git repository`,
  });
  await writeFile(join(folder, "file"), "");
  expect(await problemOf(openRepository(join(folder, "file")))).toMatchObject({
    code: "repo/missing",
    summary: expect.stringContaining("not a folder"),
  });
});

test("an unreadable folder is named", async () => {
  const { dir } = await temporaryRepository();
  await chmod(dir, 0o000);
  expect(await problemOf(unprivileged(() => openRepository(dir)))).toMatchObject({
    code: "repo/unreadable",
    summary: `Unable to open the workspace ${dir}: permission denied`,
  });
  await chmod(dir, 0o700);
});

test("a repository without commits, or without the branch", async () => {
  const empty = bench(await temporaryFolder());
  await empty.git("init", "--quiet", "--initial-branch=main");
  expect(await problemOf(openRepository(empty.dir))).toMatchObject({ code: "repo/no-commits" });
  const { dir, git } = await temporaryRepository();
  await git("branch", "-m", "trunk");
  expect(await problemOf(openRepository(dir))).toMatchObject({ code: "repo/no-branch", hint: expect.stringContaining("trunk") });
  expect(await problemOf(openRepository(dir, { branch: "--evil" }))).toMatchObject({ code: "repo/no-branch" });
  expect(await problemOf(openRepository(dir, { branch: "a..b" }))).toMatchObject({ code: "repo/no-branch" });
});

test("says what is harmless: dirty, detached, another branch, a merge at work", async () => {
  const { dir, git, write, commit } = await temporaryRepository();
  expect(await codes(dir)).toEqual([]);
  await write("manifests/a.yaml", "a: 2\n");
  expect(await codes(dir)).toEqual(["repo/dirty"]);
  await git("checkout", "-q", "--", ".");
  await git("switch", "-q", "-c", "side");
  expect(await codes(dir)).toEqual(["repo/other-branch"]);
  await commit({ "manifests/a.yaml": "a: side\n" });
  await git("switch", "-q", "main");
  await git("switch", "-q", "--detach");
  expect(await codes(dir)).toEqual(["repo/detached"]);
  await git("switch", "-q", "main");
  await commit({ "manifests/a.yaml": "a: main\n" });
  await expect(git("merge", "side")).rejects.toThrow("Command failed");
  expect(await codes(dir)).toEqual(["repo/operation", "repo/dirty"]);
});

test("opens bare repositories, working trees of others, and a folder inside", async () => {
  const main = await temporaryRepository({ "infra/manifests/a.yaml": "a: 1\n" }),
    folder = await temporaryFolder();
  await main.git("clone", "-q", "--bare", ".", join(folder, "bare"));
  await main.git("worktree", "add", "-q", "-b", "side", join(folder, "tree"));
  const bare = await bench(join(folder, "bare")).open(),
    tree = await bench(join(folder, "tree")).open(),
    inside = await bench(join(main.dir, "infra")).open();
  expect([bare.bare, bare.prefix, tree.bare, tree.commonDir, inside.prefix]).toEqual([true, "", false, join(main.dir, ".git"), "infra/"]);
});

test("does not listen to the git variables of whoever started it, nor run the repository's programs", async () => {
  const { dir, git } = await temporaryRepository(),
    trap = join(dir, ".git", "trap");
  await writeFile(join(dir, "monitor"), `#!/bin/sh\ntouch ${trap}\n`, { mode: 0o755 });
  await git("config", "core.fsmonitor", join(dir, "monitor"));
  process.env.GIT_DIR = "/nonexistent";
  try {
    expect(await codes(dir)).toEqual(["repo/dirty"]);
  } finally {
    delete process.env.GIT_DIR;
  }
  await expect(stat(trap)).rejects.toThrow("ENOENT");
});
