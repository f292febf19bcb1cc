import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { accounts } from "../platform/files/accounts.ts";
import { probeFile } from "../probes/file.ts";
import { hostClock } from "../runtime/clock.ts";
import type { Memory } from "../runtime/memory.ts";
import type { ActionContext } from "../runtime/verbs.ts";
import { volatileMemory } from "../runtime/volatile-memory.ts";
import { deleteFile } from "./file-remove.ts";
import { restoreFile } from "./file-restore.ts";
import { writeValues } from "./file-values.ts";
import { writeFile as write } from "./file-write.ts";

let folder: string;
let memory: Memory;
let steps = 0;
const names = accounts();
// Bun knows no name of its own user.
const owner = await names.userName(userInfo().uid);
const group = String(userInfo().gid);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "files-"));
  memory = volatileMemory(hostClock);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const around = () => ({ stateDir: join(folder, "state"), accounts: names });
const context = (step = `File/x@h#${(steps += 1)}`): ActionContext => ({
  memory,
  signal: new AbortController().signal,
  sealKey: Buffer.from("key"),
  step,
  resource: "File/x",
  progress: () => undefined,
  accepts: () => Promise.resolve(undefined),
});
const probe = (path: string, extra: object = {}) => probeFile(names)({ path, ...extra }, context());
const at = (name: string): string => join(folder, name);

test("a new file in new folders gets its content, mode and owner, is ours, and is due for its units", async () => {
  const path = at("new/deep/a.conf");
  await write(around())({ path, content: "one\n", mode: "0640", owner, group, marks: ["nginx.service"] }, context());
  const fact = await probe(path, { content: true });
  expect(fact).toMatchObject({ type: "file", text: "one\n", mode: "0640", owner, due: ["nginx.service"] });
  expect(memory.owned()).toMatchObject([{ claim: `file:${path}`, created: true, sha256: fact.sha256 }]);
  expect(await readdir(at("new/deep"))).toEqual(["a.conf"]);
});

test("a write keeps mode and owner where none are given, and restore brings the bytes back", async () => {
  const path = at("a.conf");
  await writeFile(path, "old");
  await chmod(path, 0o600);
  const step = context();
  await write(around())({ path, content: "new" }, step);
  expect(await probe(path, { content: true })).toMatchObject({ text: "new", mode: "0600" });
  await restoreFile(around())({ path, step: step.step }, context());
  expect(await probe(path, { content: true })).toMatchObject({ text: "old", mode: "0600" });
});

test("a step that is done twice keeps its first backup", async () => {
  const path = at("a.conf");
  const step = context();
  await write(around())({ path, content: "new" }, step);
  await write(around())({ path, content: "new" }, step);
  expect(memory.owned()).toMatchObject([{ created: true }]);
  await restoreFile(around())({ path, step: step.step }, context());
  expect(await probe(path)).toEqual({ path, type: "missing" });
});

test("attributes alone leave the content and the inode", async () => {
  const path = at("a.conf");
  await writeFile(path, "old");
  const before = await stat(path);
  await write(around())({ path, mode: "0400" }, context());
  expect(await stat(path)).toMatchObject({ ino: before.ino });
  expect(await probe(path, { content: true })).toMatchObject({ text: "old", mode: "0400" });
});

test("a link is refused, and what it points to is not touched", async () => {
  await writeFile(at("target"), "old");
  await symlink(at("target"), at("link"));
  await expect(write(around())({ path: at("link"), content: "new" }, context())).rejects.toThrow("it is a symbolic link");
  await expect(deleteFile(around())({ path: at("link") }, context())).rejects.toThrow("it is a symbolic link");
  expect(await readFile(at("target"), "utf8")).toBe("old");
  expect(await probe(at("link"))).toMatchObject({ type: "link", target: at("target") });
});

test("no more backups are kept than asked for, the newest ones", async () => {
  const path = at("a.conf");
  for (const content of ["1", "2", "3", "4"]) await write(around())({ path, content, backups: 2 }, context());
  expect(await readdir(join(folder, "state", "backups"))).toHaveLength(2);
});

test("single values leave the rest; removing and restoring a file", async () => {
  const path = at("a.ini");
  await writeFile(path, "; note\n[a]\nx = 1\ny = 2\n");
  await writeValues(around())({ path, format: "ini", values: { "a.x": 5 } }, context());
  expect(await readFile(path, "utf8")).toBe("; note\n[a]\nx = 5\ny = 2\n");
  expect(await probe(path, { values: { format: "ini", keys: ["a.x", "a.z"] } })).toMatchObject({ values: { "a.x": "5", "a.z": null } });
  const step = context();
  await deleteFile(around())({ path }, step);
  expect(memory.owned()).toEqual([]);
  await restoreFile(around())({ path, step: step.step }, context());
  expect(await readFile(path, "utf8")).toBe("; note\n[a]\nx = 5\ny = 2\n");
});

test("a file that holds a secret shows neither text nor digest, and equal contents have equal seals", async () => {
  await writeFile(at("a"), "secret");
  await writeFile(at("b"), "secret");
  const [a, b] = [await probe(at("a"), { seal: true, content: true }), await probe(at("b"), { seal: true })];
  expect(a.seal).toMatch(/^[0-9a-f]{64}$/);
  expect(a.seal).toBe(b.seal);
  expect(a).not.toHaveProperty("sha256");
  expect(a).not.toHaveProperty("text");
});

test("an unknown owner, a folder in the way and a missing backup are named", async () => {
  await expect(write(around())({ path: at("a"), content: "x", owner: "no-such-user" }, context())).rejects.toThrow(
    "there is no user no-such-user on this host",
  );
  await expect(write(around())({ path: folder, content: "x" }, context())).rejects.toThrow("it is a directory");
  await expect(restoreFile(around())({ path: at("a"), step: "other" }, context())).rejects.toThrow("no backup");
});
