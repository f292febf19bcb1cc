import { execFileSync } from "node:child_process";
import { chmod, lchown, link, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { error } from "../../../schemas/problem.ts";
import { deleteFile } from "../../actions/file-remove.ts";
import { restoreFile } from "../../actions/file-restore.ts";
import { writeValues } from "../../actions/file-values.ts";
import { writeFile as write } from "../../actions/file-write.ts";
import { hostClock } from "../../runtime/clock.ts";
import type { Memory } from "../../runtime/memory.ts";
import type { ActionContext } from "../../runtime/verbs.ts";
import { volatileMemory } from "../../runtime/volatile-memory.ts";
import { accounts } from "./accounts.ts";

let folder: string, memory: Memory, asked: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hostile-"));
  [memory, asked] = [volatileMemory(hostClock), []];
  for (const name of ["alice", "secret"]) await mkdir(at(name));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const around = () => ({ stateDir: at("state"), accounts: accounts() });
/** `meanwhile` is what another user does between the agent's look at the path and its work. */
const context = (meanwhile: () => Promise<void> = () => Promise.resolve(), step = "File/x@h#1"): ActionContext => ({
  memory,
  signal: new AbortController().signal,
  sealKey: undefined,
  step,
  resource: "File/x",
  progress: () => undefined,
  accepts: async (path) => {
    asked.push(path);
    await meanwhile();
    return path.startsWith(at("secret/")) ? error("agent/path-refused", "Unable to use it") : undefined;
  },
});
const swap = (name: string) => async () => {
  await rename(at(name), at("aside"));
  await symlink(at("secret"), at(name));
};

test("a folder that becomes a link after the path was accepted leads nowhere", async () => {
  await mkdir(at("alice/conf"));
  await expect(write(around())({ path: at("alice/conf/x"), content: "new" }, context(swap("alice/conf")))).rejects.toThrow(
    "is not a folder",
  );
  expect(await readdir(at("secret"))).toEqual([]);
});

test("a folder further up that becomes a link is noticed as well, for each action", async () => {
  await mkdir(at("secret/conf"));
  await writeFile(at("secret/conf/x"), "theirs");
  for (const [step, act] of [
    ["1", (use: ActionContext) => write(around())({ path: at("alice/conf/x"), content: "new" }, use)],
    ["2", (use: ActionContext) => deleteFile(around())({ path: at("alice/conf/x") }, use)],
    ["3", (use: ActionContext) => restoreFile(around())({ path: at("alice/conf/x"), step: "before" }, use)],
  ] as const) {
    await mkdir(at("alice/conf"), { recursive: true });
    await writeFile(at("alice/conf/x"), "ours");
    await write(around())({ path: at("alice/conf/x"), content: "later" }, context(undefined, "before"));
    await expect(act(context(swap("alice"), step))).rejects.toThrow("its folder was moved at this very moment");
    expect(await readFile(at("secret/conf/x"), "utf8")).toBe("theirs");
    await rm(at("alice"));
    await rm(at("aside"), { recursive: true });
  }
});

test("the agent's file is asked about where a link leads, before any folder is made there", async () => {
  await symlink(at("secret"), at("alice/conf"));
  await expect(write(around())({ path: at("alice/conf/new/x"), content: "new" }, context())).rejects.toThrow("Unable to use it");
  expect(asked).toEqual([at("secret/new/x")]);
  expect(await readdir(at("secret"))).toEqual([]);
});

test.runIf(process.getuid?.() === 0)("a link of an ordinary user is followed to that user's folders alone", async () => {
  await mkdir(at("root"));
  await symlink(at("root"), at("alice/conf"));
  await lchown(at("alice/conf"), 1234, 1234);
  await expect(write(around())({ path: at("alice/conf/x"), content: "new" }, context())).rejects.toThrow("is a link of user 1234");
  await lchown(at("root"), 1234, 1234);
  await write(around())({ path: at("alice/conf/x"), content: "new" }, context());
  expect(await readFile(at("root/x"), "utf8")).toBe("new");
});

test("a second name of a file in a folder of everybody is not changed, nor are its values read", async () => {
  await writeFile(at("secret/shadow"), "a = 1\n");
  await link(at("secret/shadow"), at("alice/x"));
  await chmod(at("alice"), 0o777);
  await expect(write(around())({ path: at("alice/x"), mode: "0666" }, context())).rejects.toThrow("it has 2 names");
  await expect(writeValues(around())({ path: at("alice/x"), format: "ini", values: { a: 2 } }, context())).rejects.toThrow(
    "it has 2 names",
  );
  expect((await stat(at("secret/shadow"))).mode & 0o777).toBe(0o644);
});

test("a pipe in the way is refused at once, and a folder at the temporary name does not stop a write", async () => {
  execFileSync("mkfifo", [at("alice/pipe")]);
  await expect(write(around())({ path: at("alice/pipe"), content: "new" }, context())).rejects.toThrow("not a regular file");
  const path = at("alice/x");
  const before = new Set(await readdir(at("alice")));
  await write(around())({ path, content: "1" }, context());
  const { createHash } = await import("node:crypto");
  await mkdir(at(`alice/.backend-ai-${createHash("sha256").update(path).digest("hex").slice(0, 24)}`));
  await write(around())({ path, content: "2" }, context(undefined, "2"));
  expect(await readFile(path, "utf8")).toBe("2");
  expect((await readdir(at("alice"))).filter((name) => !before.has(name) && !name.startsWith(".backend-ai-"))).toEqual(["x"]);
});

/** A memory that is cut off from its disk at its nth write: nothing after that is done. */
function cutAt(count: number): { memory: Memory; cut: () => boolean } {
  let left = count;
  const writes = new Set(["own", "disown", "mark", "addBackup"]);
  return {
    cut: () => left < 0,
    memory: new Proxy(memory, {
      get: (target, name) =>
        !writes.has(String(name))
          ? Reflect.get(target, name)
          : (...args: unknown[]) => {
              left -= 1;
              return left < 0
                ? Promise.reject(new Error("the power is cut"))
                : (Reflect.get(target, name) as (...of: unknown[]) => unknown)(...args);
            },
    }),
  };
}

test("wherever the power is cut: what was changed is known as ours and due, and what was removed is not", async () => {
  const path = at("alice/x");
  for (let count = 0; ; count++) {
    memory = volatileMemory(hostClock);
    await rm(path, { force: true });
    const cut = cutAt(count);
    const work = write(around())({ path, content: "new", marks: ["a.service"] }, { ...context(), memory: cut.memory });
    await work.catch(() => undefined);
    const there = await readFile(path, "utf8").catch(() => undefined);
    if (there !== undefined) expect([memory.owned().length, memory.marks().length, memory.backups(path).length]).toEqual([1, 1, 1]);
    if (!cut.cut()) break;
    expect(there).toBeUndefined();
  }
  for (let count = 0; ; count++) {
    memory = volatileMemory(hostClock);
    await write(around())({ path, content: "new" }, context(undefined, "made"));
    const cut = cutAt(count);
    const work = deleteFile(around())({ path }, { ...context(undefined, "gone"), memory: cut.memory });
    await work.catch(() => undefined);
    const there = await readFile(path, "utf8").catch(() => undefined);
    if (there === undefined) expect([memory.owned(), memory.backups(path).length]).toEqual([[], 2]);
    if (!cut.cut()) break;
    expect(there).toBe("new");
  }
});
