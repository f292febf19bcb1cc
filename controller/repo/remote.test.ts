import { execFileSync } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commitEdits } from "./commit.ts";
import { followRemote } from "./follow-remote.ts";
import { readHead } from "./head.ts";
import { pull, push } from "./remote.ts";
import { type SignatureSettings, unsigned } from "./signatures.ts";
import { type Bench, bench, problemOf, temporaryFolder, temporaryRepository } from "./testing.ts";

/** A workspace, a colleague's clone, and the bare repository between them. */
async function three(): Promise<{ ours: Bench; theirs: Bench; url: string }> {
  const ours = await temporaryRepository(),
    folder = await temporaryFolder(),
    url = join(folder, "hub");
  await ours.git("clone", "-q", "--bare", ".", url);
  await ours.git("clone", "-q", url, join(folder, "clone"));
  return { ours, theirs: bench(join(folder, "clone")), url };
}

const edit = (parent: string, text: string, signatures?: SignatureSettings) => ({
  parent,
  edits: [{ path: "manifests/ours.yaml", text }],
  subject: "x",
  trailers: { requestedBy: "alice", source: "cli" as const },
  author: { name: "A", email: "a@b" },
  at: 0,
  signatures,
});

test("pulls forward with the working tree, pushes what is ours, never merges", async () => {
  const { ours, theirs, url } = await three(),
    repo = await ours.open(),
    settings = { remote: url, push: true };
  expect(await pull(repo, settings)).toMatchObject({ state: "current" });
  const next = await theirs.commit({ "manifests/a.yaml": "a: theirs\n" });
  await theirs.git("push", "-q", "origin", "main");
  expect(await pull(repo, settings)).toEqual({ state: "forwarded", head: next, warnings: [] });
  expect(await readFile(join(ours.dir, "manifests/a.yaml"), "utf8")).toBe("a: theirs\n");
  expect(await ours.git("status", "--porcelain")).toBe("");

  const { commit } = await commitEdits(repo, edit(next, "o: 1\n"));
  expect(await pull(repo, settings)).toMatchObject({ state: "ahead" });
  await push(repo, settings);
  expect(await bench(url).git("rev-parse", "main")).toBe(commit);

  await theirs.commit({ "manifests/b.yaml": "b\n" });
  await theirs.git("push", "-q", "--force", "origin", "main");
  expect(await problemOf(pull(repo, settings))).toMatchObject({ code: "repo/diverged", retry: "later" });
  expect(await problemOf(push(repo, settings))).toMatchObject({ code: "repo/push-rejected" });
  expect(await readHead(repo)).toBe(commit);
});

test("what is unreachable is a problem, told once, until it is well again; passwords stay out of it", async () => {
  const { ours, url } = await three(),
    repo = await ours.open(),
    told: (string | undefined)[] = [];
  const gone = followRemote(repo, { remote: `${url}-gone`, push: true }, (problem) => told.push(problem?.code));
  await gone.pullNow();
  await gone.pullNow();
  await gone.committed();
  await ours.git("clone", "-q", "--bare", url, `${url}-gone`);
  await gone.pullNow();
  await gone.close();
  expect(told).toEqual(["repo/remote-failed", "repo/remote-failed", undefined]);
  expect(await problemOf(pull(repo, { remote: "--upload-pack=touch x", push: false }))).toMatchObject({ code: "repo/bad-remote" });
  expect(await problemOf(pull(repo, { remote: "ext::sh -c true", push: false }))).toMatchObject({ code: "repo/remote-failed" });
  const secret = await problemOf(pull(repo, { remote: "http://bob:hunter2@127.0.0.1:1/x", push: false }));
  expect(JSON.stringify(secret)).not.toContain("hunter2");
});

/** An SSH key pair; answers the path of the private key and the line for allowed signers. */
async function key(who: string): Promise<{ path: string; line: string }> {
  const path = join(await temporaryFolder(), who);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", who, "-f", path]);
  return { path, line: `${who}@example.org ${(await readFile(`${path}.pub`, "utf8")).trim()}\n` };
}

test("takes commits that an allowed signer signed, and none besides", async () => {
  const ann = await key("ann"),
    eve = await key("eve"),
    ours = await key("controller"),
    allowedSigners = join(await temporaryFolder(), "allowed");
  await writeFile(allowedSigners, ann.line + ours.line);
  const { git, first, open, dir } = await temporaryRepository(),
    repo = await open(),
    settings = { allowedSigners, signingKey: ours.path };
  const signed = async (by: string): Promise<string> => {
    await git("-c", "gpg.format=ssh", "-c", `user.signingKey=${by}`, "commit", "-q", "--allow-empty", "-S", "-m", "signed");
    return git("rev-parse", "HEAD");
  };
  expect(await unsigned(repo, first, undefined)).toBeUndefined();
  expect(await unsigned(repo, first, settings)).toMatchObject({ code: "repo/unsigned" });
  expect(await unsigned(repo, await signed(eve.path), settings)).toMatchObject({ code: "repo/unsigned" });
  // Our signature must not cover what nobody vouched for.
  expect(await problemOf(commitEdits(repo, edit(await readHead(repo), "x: 1\n", settings)))).toMatchObject({ code: "repo/unsigned" });
  const good = await signed(ann.path);
  expect(await unsigned(repo, good, settings)).toBeUndefined();
  const { commit } = await commitEdits(repo, edit(good, "x: 1\n", settings));
  expect(await unsigned(repo, commit, settings)).toBeUndefined();

  const folder = await temporaryFolder();
  await git("clone", "-q", dir, join(folder, "clone"));
  const clone = bench(join(folder, "clone"));
  await clone.commit({ "manifests/a.yaml": "unsigned\n" });
  expect(await problemOf(pull(repo, { ...settings, remote: clone.dir, push: false }))).toMatchObject({ code: "repo/unsigned" });
  expect(await readHead(repo)).toBe(commit);
});

test("what goes wrong on the disk is told, and the next pull is tried", async () => {
  const { ours, theirs, url } = await three(),
    repo = await ours.open(),
    told: (string | undefined)[] = [],
    before = await readHead(repo),
    follower = followRemote(repo, { remote: url, push: false }, (problem) => told.push(problem?.code));
  const next = await theirs.commit({ "manifests/a.yaml": "a: theirs\n" });
  await theirs.git("push", "-q", "origin", "main");
  // Where the note of a move is to be written, something else lies.
  const note = join(repo.commonDir, "backend-ai-move.json");
  await mkdir(join(note, "full"), { recursive: true });
  await follower.pullNow();
  expect(await readHead(repo)).toBe(before);
  await rm(note, { recursive: true });
  await follower.pullNow();
  expect([told, await readHead(repo)]).toEqual([["repo/remote-failed", undefined], next]);
  await follower.close();
});
