import { chmod, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { blobCache, readCommit, readFileAt } from "./read.ts";
import { readWorktree } from "./read-worktree.ts";
import { maxText, withEdits } from "./snapshot.ts";
import { bench, temporaryFolder, temporaryRepository, unprivileged } from "./testing.ts";

const files = {
  "backend-ai.yaml": "# settings\n",
  "manifests/web/nginx.yaml": "kind: Service\n",
  "manifests/ünï.yml": "a: ü\n",
  "manifests/notes.txt": "not a manifest",
  "files/site.conf": "server {}\n",
  "files/logo.png": Buffer.from([0x89, 0x50, 0xff, 0xfe]),
  "secrets/db.age.yaml": "password: x\n",
  "README.md": "hello",
  "elsewhere/x.yaml": "no",
};
const paths = [
  "backend-ai.yaml",
  "files/logo.png",
  "files/site.conf",
  "manifests/web/nginx.yaml",
  "manifests/ünï.yml",
  "secrets/db.age.yaml",
];

test("reads the files of the workspace at a commit, and the same from the working tree", async () => {
  const { dir, first, open } = await temporaryRepository(files),
    repo = await open();
  const read = await readCommit(repo, first);
  expect(read.files.map((file) => file.path)).toEqual(paths);
  expect(read.files.map((file) => file.text)).toEqual(
    ["# settings\n", undefined, "server {}\n", "kind: Service\n", "a: ü\n", "x"].with(5, "password: x\n"),
  );
  expect(read.problems).toEqual([]);
  expect(await readWorktree(dir)).toEqual({ ...read, commit: "" });
});

test("has one tree for a preview and its commit, whatever else changes", async () => {
  const { commit, first, open } = await temporaryRepository(files),
    repo = await open(),
    before = await readCommit(repo, first);
  const edits = [
    { path: "manifests/web/nginx.yaml", text: "kind: Other\n" },
    { path: "files/site.conf", text: null },
    { path: "manifests/new.yaml", text: "n: 1\n" },
  ];
  const preview = withEdits(before, edits, repo.objectFormat);
  expect([preview.commit, preview.tree === before.tree]).toEqual(["", false]);
  await commit({ "manifests/web/nginx.yaml": "kind: Other\n", "manifests/new.yaml": "n: 1\n", "README.md": "other words" });
  await repo.blobs.read(first);
  const { git } = bench(repo.dir);
  await git("rm", "-q", "files/site.conf");
  const after = await readCommit(repo, await commit());
  expect(after.tree).toBe(preview.tree);
  expect(after.files).toEqual(preview.files);
  expect(withEdits(before, [{ path: "manifests/../../x", text: "" }], "sha1").problems).toMatchObject([{ code: "invalid/path" }]);
});

test("reads one blob when one file of many changed", async () => {
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`manifests/${n}.yaml`, `n: ${n}\n`]));
  const { first, commit, open } = await temporaryRepository(many),
    repo = await open(),
    cache = blobCache();
  const read: string[] = [],
    counted = { ...repo, blobs: { read: (id: string) => (read.push(id), repo.blobs.read(id)) } } as never;
  const before = await readCommit(counted, first, cache);
  expect(read).toHaveLength(1000);
  const after = await readCommit(counted, await commit({ "manifests/7.yaml": "n: seven\n" }), cache);
  expect(read).toHaveLength(1001);
  expect(after.files.filter((file, n) => file !== before.files[n]).map((file) => file.text)).toEqual(["n: seven\n"]);
});

test("links and submodules are problems and are not followed", async () => {
  const { dir, git, commit, open } = await temporaryRepository(files),
    other = await temporaryRepository();
  await symlink("/etc/passwd", join(dir, "files/passwd"));
  await symlink("../elsewhere/x.yaml", join(dir, "manifests/x.yaml"));
  await git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.dir, "manifests/sub");
  const repo = await open(),
    read = await readCommit(repo, await commit());
  expect(read.problems.map((problem) => `${problem.code} ${problem.where?.file}`)).toEqual([
    "workspace/not-a-file files/passwd",
    "workspace/not-a-file manifests/sub",
    "workspace/not-a-file manifests/x.yaml",
  ]);
  expect(read.files.map((file) => file.path)).toEqual(paths);
  const worktree = await readWorktree(dir);
  expect(worktree.problems.map((problem) => problem.where?.file).toSorted()).toEqual(["files/passwd", "manifests/x.yaml"]);
});

test("keeps a file that is too long without its text", async () => {
  const { dir, first, open } = await temporaryRepository({
    "manifests/long.yaml": "a".repeat(2 * 1024 * 1024),
    "manifests/short.yaml": "b",
  });
  for (const read of [await readCommit(await open(), first), await readWorktree(dir)]) {
    expect(read.files.map(({ path, size, text }) => [path, size, text])).toEqual([
      ["manifests/long.yaml", 2 * 1024 * 1024, undefined],
      ["manifests/short.yaml", 1, "b"],
    ]);
  }
});

test("goes on when the process that reads blobs dies, with answers outstanding too", async () => {
  const { first, open } = await temporaryRepository({ "manifests/a.yaml": "x".repeat(900_000), "manifests/b.yaml": "b" }),
    repo = await open();
  await readCommit(repo, first);
  process.kill(repo.blobs.pid ?? 0, "SIGKILL");
  const [one, two] = await Promise.all([readCommit(repo, first), readCommit(repo, first)]);
  expect(one.files.map((file) => file.text?.length)).toEqual([900_000, 1]);
  expect(two.tree).toBe(one.tree);
  expect(repo.blobs.started).toBe(2);
  expect(await repo.blobs.read("0".repeat(40))).toBeUndefined();
});

test("reads a workspace in a folder of the repository", async () => {
  const { dir, first } = await temporaryRepository({
    "infra/manifests/a.yaml": "inside\n",
    "manifests/a.yaml": "outside\n",
    "infra/backend-ai.yaml": "",
  });
  const repo = await bench(join(dir, "infra")).open(),
    read = await readCommit(repo, first);
  expect(read.files.map((file) => [file.path, file.text])).toEqual([
    ["backend-ai.yaml", ""],
    ["manifests/a.yaml", "inside\n"],
  ]);
  expect(await readFileAt(repo, first, "manifests/a.yaml")).toBe("inside\n");
  expect(await readFileAt(repo, first, "manifests/b.yaml")).toBeUndefined();
  expect(await readFileAt(repo, first, "../manifests/a.yaml")).toBeUndefined();
});

test("a file that is too long is not even read", async () => {
  const { first, open } = await temporaryRepository({ "files/long": "x".repeat(maxText + 1), "files/most": "x".repeat(maxText) });
  const repo = await open();
  expect([await readFileAt(repo, first, "files/long"), repo.blobs.started]).toEqual([undefined, 0]);
  expect((await readFileAt(repo, first, "files/most"))?.length).toBe(maxText);
});

test("reads a folder that is no repository, for validation", async () => {
  const dir = await temporaryFolder();
  await writeFile(join(dir, "backend-ai.yaml"), "x: 1\n");
  expect(await readWorktree(dir)).toMatchObject({ files: [{ path: "backend-ai.yaml", text: "x: 1\n" }], problems: [] });
});

test("an unreadable file or folder is a problem that names it; the rest is read", async () => {
  const dir = await temporaryFolder(),
    { write } = bench(dir);
  for (const path of ["manifests/a.yaml", "manifests/locked.yaml", "files/locked/x", "files/y"]) await write(path, "x");
  for (const path of [".", "manifests", "files"]) await chmod(join(dir, path), 0o755);
  await chmod(join(dir, "manifests/locked.yaml"), 0o000);
  await chmod(join(dir, "files/locked"), 0o000);
  const { files, problems } = await unprivileged(() => readWorktree(dir));
  await chmod(join(dir, "files/locked"), 0o755);
  expect(problems.map((problem) => problem.summary).toSorted()).toEqual([
    "Unable to read files/locked: permission denied",
    "Unable to read manifests/locked.yaml: permission denied",
  ]);
  expect(files.map((file) => file.path)).toEqual(["files/y", "manifests/a.yaml"]);
});
