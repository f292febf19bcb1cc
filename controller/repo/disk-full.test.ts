import { execFileSync } from "node:child_process";
import { rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { statusOf } from "../http/problem.ts";
import type { Problem } from "../../schemas/problem.ts";
import { commitEdits } from "./commit.ts";
import { bench, problemOf, temporaryFolder, temporaryRepository } from "./testing.ts";

const isRoot = process.getuid?.() === 0;
const request = (parent: string) =>
  ({
    parent,
    edits: [{ path: "manifests/b.yaml", text: `# ${"x".repeat(60_000)}\n` }],
    subject: "b",
    trailers: { requestedBy: "ann", source: "cli" },
    author: { name: "ann", email: "" },
    at: 1_000_000,
  }) as const;

/** A disk of two mebibytes that goes with the test. */
async function tinyDisk(): Promise<string> {
  const folder = await temporaryFolder();
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]);
  onTestFinished(() => void execFileSync("umount", ["--lazy", folder]));
  return folder;
}

/** Takes all that is free but `left` bytes; answers with what gives it back. */
async function fill(folder: string, left = 0): Promise<() => Promise<void>> {
  const { bavail, bsize } = await statfs(folder),
    file = join(folder, "ballast");
  await writeFile(file, Buffer.alloc(bavail * bsize - left));
  return () => rm(file);
}

test.skipIf(!isRoot).each([0, 16_384])(
  "a commit on a full disk (%i bytes left) is a problem that names the disk; nothing is lost, and it works once there is room (root: it mounts a tmpfs)",
  async (left) => {
    const made = bench(await tinyDisk());
    await made.git("init", "--quiet", "--initial-branch=main");
    const first = await made.commit({ ".gitignore": "ballast\n", "manifests/a.yaml": "a: 1\n" }),
      repo = await made.open(),
      free = await fill(made.dir, left);
    const problem = await problemOf(commitEdits(repo, request(first)));
    expect([problem.code, problem.summary, problem.retry, statusOf(problem as Problem)]).toEqual([
      "repo/disk-full",
      `Unable to commit: the disk that holds ${join(made.dir, ".git")} is full`,
      "later",
      507,
    ]);
    expect(await made.git("rev-parse", "main")).toBe(first);
    await free();
    expect(await made.git("status", "--porcelain")).toBe("");
    const { commit } = await commitEdits(repo, request(first));
    expect([await made.git("rev-parse", "main"), await made.git("status", "--porcelain")]).toEqual([commit, ""]);
    await made.git("fsck", "--strict");
  },
);

test.skipIf(!isRoot)("a full disk of temporary files is named as such (root: it mounts a tmpfs)", async () => {
  const made = await temporaryRepository(),
    repo = await made.open(),
    disk = await tinyDisk(),
    before = process.env["TMPDIR"];
  process.env["TMPDIR"] = disk;
  onTestFinished(() => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  });
  const free = await fill(disk);
  expect(await problemOf(commitEdits(repo, request(made.first)))).toMatchObject({
    code: "repo/disk-full",
    summary: `Unable to commit: the disk that holds ${disk} is full`,
  });
  await free();
  await commitEdits(repo, request(made.first));
});
