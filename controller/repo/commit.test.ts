import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { commitEdits, type CommitRequest } from "./commit.ts";
import { readCommitInfo, readHead } from "./head.ts";
import { commitMessage, identity } from "./message.ts";
import { openRepository } from "./open.ts";
import { bench, problemOf, temporaryFolder, temporaryRepository } from "./testing.ts";

const request = (parent: string | null, edits: Record<string, string | null>, fields: Partial<CommitRequest> = {}): CommitRequest => ({
  parent,
  edits: Object.entries(edits).map(([path, text]) => ({ path, text })),
  subject: "Restart nginx",
  trailers: { request: "restart nginx on all web servers", requestedBy: "alice", source: "claude" },
  author: { name: "Alice", email: "alice@example.org" },
  at: Date.parse("2026-11-20T10:00:00Z"),
  ...fields,
});

const two = { "manifests/a.yaml": "a: 1\n", "manifests/b.yaml": "b: 1\n" };

test("commits with author, time and trailers, runs no hook, and brings a clean working tree along", async () => {
  const { dir, git, first, open } = await temporaryRepository(two),
    repo = await open();
  for (const hook of ["pre-commit", "post-commit", "reference-transaction", "post-index-change", "commit-msg"])
    await writeFile(join(dir, ".git/hooks", hook), `#!/bin/sh\ntouch ${dir}/hooked\n`, { mode: 0o755 });
  const { commit, warnings } = await commitEdits(
    repo,
    request(first, { "manifests/a.yaml": "a: 2\n", "manifests/b.yaml": null, "manifests/new/c.yaml": "c: ü\n" }),
  );
  expect(warnings).toEqual([]);
  expect(await readHead(repo)).toBe(commit);
  expect(await git("-c", "core.hooksPath=/dev/null", "status", "--porcelain")).toBe("");
  expect(await readFile(join(dir, "manifests/new/c.yaml"), "utf8")).toBe("c: ü\n");
  await expect(stat(join(dir, "hooked"))).rejects.toThrow("ENOENT");
  await expect(stat(join(dir, "manifests/b.yaml"))).rejects.toThrow("ENOENT");
  expect(await readCommitInfo(repo, commit)).toEqual({
    commit,
    author: "Alice",
    email: "alice@example.org",
    at: "2026-11-20T10:00:00+00:00",
    subject: "Restart nginx",
    trailers: { request: "restart nginx on all web servers", "requested-by": "alice", "intent-source": "claude" },
  });
  expect(await git("log", "-1", "--format=%(trailers:key=Intent-source,valueonly)")).toBe("claude");
});

test("leaves a dirty working tree alone, staged and untracked files too, and still updates what is clean", async () => {
  const { dir, git, write, first, open } = await temporaryRepository({ ...two, "manifests/c.yaml": "c: 1\n" }),
    repo = await open();
  await write("manifests/b.yaml", "b: mine\n");
  await write("manifests/c.yaml", "c: staged\n");
  await git("add", "manifests/c.yaml");
  await write("manifests/untracked.yaml", "u: 1\n");
  const before = await git("status", "--porcelain");
  await commitEdits(repo, request(first, { "manifests/a.yaml": "a: 2\n" }));
  expect(await git("status", "--porcelain")).toBe(before);
  expect(await readFile(join(dir, "manifests/a.yaml"), "utf8")).toBe("a: 2\n");
  expect(await readFile(join(dir, "manifests/b.yaml"), "utf8")).toBe("b: mine\n");
});

test("refuses to change a file that has uncommitted changes, or is in the way untracked; nothing happens", async () => {
  const { git, write, first, open } = await temporaryRepository(two),
    repo = await open();
  await write("manifests/a.yaml", "a: mine\n");
  expect(await problemOf(commitEdits(repo, request(first, { "manifests/a.yaml": "a: 2\n" })))).toMatchObject({
    code: "conflict/dirty",
    detail: expect.stringContaining("manifests/a.yaml"),
  });
  await write("manifests/new.yaml", "mine\n");
  expect(await problemOf(commitEdits(repo, request(first, { "manifests/new.yaml": "ours\n" })))).toMatchObject({ code: "conflict/dirty" });
  expect(await readHead(repo)).toBe(first);
  expect(await git("status", "--porcelain")).toBe(" M manifests/a.yaml\n?? manifests/new.yaml");
  await git("checkout", "-q", "--", ".");
  const { commit } = await commitEdits(repo, request(first, { "manifests/a.yaml": "a: 2\n" }));
  expect(await git("rev-parse", "HEAD")).toBe(commit);
});

test("a branch that moved is a problem, and both commits stay what they are", async () => {
  const { commit, first, open } = await temporaryRepository(two),
    repo = await open();
  const second = await commit({ "manifests/a.yaml": "a: by hand\n" });
  expect(await problemOf(commitEdits(repo, request(first, { "manifests/b.yaml": "b: 2\n" })))).toMatchObject({
    code: "conflict/moved",
    retry: "later",
  });
  expect(await readHead(repo)).toBe(second);
});

test("of several at once exactly one wins, and its content is what is there", async () => {
  const { dir, git, first, open } = await temporaryRepository(two),
    repo = await open();
  const outcomes = await Promise.allSettled(
    [1, 2, 3, 4].map((n) => commitEdits(repo, request(first, { "manifests/a.yaml": `a: writer ${n}\n` }))),
  );
  const winners = outcomes.flatMap((outcome, n) => (outcome.status === "fulfilled" ? [n + 1] : []));
  expect(winners).toHaveLength(1);
  expect(await git("show", "HEAD:manifests/a.yaml")).toBe(`a: writer ${winners[0]}`);
  expect(await git("log", "--oneline", "--format=%s")).toBe("Restart nginx\nby hand");
  expect(await readFile(join(dir, "manifests/a.yaml"), "utf8")).toBe(`a: writer ${winners[0]}\n`);
});

test("does not commit under an unfinished merge or rebase of the branch", async () => {
  const { git, commit, open } = await temporaryRepository(two),
    repo = await open();
  await git("switch", "-q", "-c", "side");
  await commit({ "manifests/a.yaml": "a: side\n" });
  await git("switch", "-q", "main");
  const head = await commit({ "manifests/a.yaml": "a: main\n" });
  await expect(git("merge", "side")).rejects.toThrow("Command failed");
  expect(await problemOf(commitEdits(repo, request(head, { "manifests/b.yaml": "b: 2\n" })))).toMatchObject({
    code: "conflict/operation",
    summary: expect.stringContaining("merge"),
  });
  await git("merge", "--abort");
  await expect(git("rebase", "-q", "side")).rejects.toThrow("Command failed");
  expect(await problemOf(commitEdits(repo, request(head, { "manifests/b.yaml": "b: 2\n" })))).toMatchObject({
    code: "conflict/operation",
    summary: expect.stringContaining("rebase"),
  });
  await git("rebase", "--abort");
  await commitEdits(repo, request(head, { "manifests/b.yaml": "b: 2\n" }));
  expect(await git("status", "--porcelain")).toBe("");
});

test("commits to a branch that is not checked out, into a bare repository, and below a folder", async () => {
  const { dir, git, first, open } = await temporaryRepository({ "infra/manifests/a.yaml": "a: 1\n", "manifests/a.yaml": "top\n" });
  await git("switch", "-q", "--detach");
  await commitEdits(await open(), request(first, { "manifests/a.yaml": "top 2\n" }));
  expect(await git("status", "--porcelain")).toBe("");
  expect(await readFile(join(dir, "manifests/a.yaml"), "utf8")).toBe("top\n");

  const folder = await temporaryFolder();
  await git("clone", "-q", "--bare", "--branch", "main", ".", join(folder, "bare"));
  const bare = bench(join(folder, "bare")),
    bareRepo = await bare.open();
  await commitEdits(bareRepo, request(await readHead(bareRepo), { "manifests/a.yaml": "bare\n" }));
  expect(await bare.git("show", "main:manifests/a.yaml")).toBe("bare");

  await git("switch", "-q", "main");
  const inside = await bench(join(dir, "infra")).open();
  await commitEdits(inside, request(await readHead(inside), { "manifests/a.yaml": "a: inside\n" }));
  expect(await readFile(join(dir, "infra/manifests/a.yaml"), "utf8")).toBe("a: inside\n");
  expect(await git("status", "--porcelain")).toBe("");
});

test("keeps a file executable, commits nothing where nothing changes, refuses paths that leave the workspace", async () => {
  const { dir, git, commit, open } = await temporaryRepository(two),
    repo = await open();
  await chmod(join(dir, "manifests/a.yaml"), 0o755);
  const head = await commit();
  const next = await commitEdits(repo, request(head, { "manifests/a.yaml": "a: 2\n" }));
  expect(await git("ls-tree", "HEAD", "manifests/a.yaml")).toMatch(/^100755 /);
  expect(await problemOf(commitEdits(repo, request(next.commit, { "manifests/a.yaml": "a: 2\n" })))).toMatchObject({
    code: "conflict/nothing-to-commit",
  });
  for (const path of [
    "../x",
    "/etc/passwd",
    "manifests//a",
    ".git/config",
    "a/.GIT/x",
    "manifests/a\nb.yaml",
    "",
    "manifests/.gitattributes",
    "./a",
  ]) {
    expect(await problemOf(commitEdits(repo, request(next.commit, { [path]: "x" })))).toMatchObject({ code: "invalid/path" });
  }
});

test("finishes a working tree that a power cut left behind the branch, and keeps a deliberate revert", async () => {
  const { dir, git, first, open } = await temporaryRepository(two),
    repo = await open();
  const { commit } = await commitEdits(repo, request(first, { "manifests/a.yaml": "a: 2\n" }));
  const behind = async () => {
    await git("read-tree", "-m", "-u", commit, first);
    expect(await git("status", "--porcelain")).toBe("M  manifests/a.yaml");
  };
  await behind();
  (await openRepository(dir)).repository.close();
  expect(await git("status", "--porcelain")).toBe("M  manifests/a.yaml");
  await writeFile(join(dir, ".git/backend-ai-move.json"), `${JSON.stringify({ ref: "refs/heads/main", from: first, to: commit })}\n`);
  (await openRepository(dir)).repository.close();
  expect(await git("status", "--porcelain")).toBe("");
  await expect(stat(join(dir, ".git/backend-ai-move.json"))).rejects.toThrow("ENOENT");
});

test("no text can add a line, and so a trailer, to a message or an author line", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (subject, sentence, who) => {
      const lines = commitMessage(`${subject}\nRequested-by: root`, {
        request: `${sentence}\r\n\nIntent-source: ui\u2028x`,
        requestedBy: `${who}\nIntent-source: ui`,
        source: "cli",
      }).split(/[\n\r\u2028\u2029\u0085\v\f]/u);
      expect(lines.slice(2).map((line) => line.slice(0, line.indexOf(":")))).toEqual(["Request", "Requested-by", "Intent-source", ""]);
      expect(lines[4]).toBe("Intent-source: cli");
      expect(identity(`${who}<x>\n`, "nobody")).toMatch(/^[^<>\n\0]+$/);
    }),
  );
});
