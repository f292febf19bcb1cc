import { appendFile, chmod, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PathWatch } from "./watch.ts";

let folder: string;
let seen: string[];
let watch: PathWatch;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "watch-"));
  seen = [];
  watch = new PathWatch((path) => seen.push(path));
});
afterEach(async () => {
  watch.close();
  await rm(folder, { recursive: true, force: true });
});

/** Waits until a path was told of, after an act. */
async function told(path: string, act: () => Promise<unknown>): Promise<void> {
  seen.length = 0;
  await act();
  await vi.waitFor(() => expect(seen).toContain(path), { timeout: 10_000, interval: 5 });
}

test("tells of writes, modes, replacement and removal, and of nothing else in the folder", async () => {
  const path = join(folder, "a.conf");
  await writeFile(path, "1");
  await watch.set([path]);
  await told(path, () => appendFile(path, "2"));
  await told(path, () => chmod(path, 0o600));
  await told(path, () => writeFile(`${path}.new`, "3").then(() => rename(`${path}.new`, path)));
  await told(path, () => rm(path));
  await told(path, () => writeFile(path, "4"));
  const other = join(folder, "b.conf");
  await watch.set([path, other]);
  // On Bun what was told is told once more a moment later.
  await new Promise((resolve) => setTimeout(resolve, 20));
  seen.length = 0;
  await told(other, () => writeFile(other, "x"));
  expect(seen).not.toContain(path);
});

test("finds the file in folders that are made, removed and made again", async () => {
  const path = join(folder, "one", "two", "a.conf");
  await watch.set([path]);
  await told(path, () => mkdir(join(folder, "one", "two"), { recursive: true }).then(() => writeFile(path, "1")));
  await vi.waitFor(async () => {
    seen.length = 0;
    await appendFile(path, "2");
    await vi.waitFor(() => expect(seen).toContain(path), { timeout: 200, interval: 5 });
  });
  await told(path, () => rm(join(folder, "one"), { recursive: true }));
  await told(path, () => mkdir(join(folder, "one", "two"), { recursive: true }));
  await told(path, () => writeFile(path, "3"));
});

test("notices that a folder further up was moved away", async () => {
  const path = join(folder, "one", "two", "a.conf");
  await mkdir(join(folder, "one", "two"), { recursive: true });
  await watch.set([path]);
  await told(path, () => rename(join(folder, "one"), join(folder, "elsewhere")));
  expect(new Set(seen)).toEqual(new Set([path]));
});

test("a path that is no longer wanted is not told of", async () => {
  const [a, b] = [join(folder, "a"), join(folder, "b")];
  await watch.set([a, b]);
  await watch.set([b]);
  await told(b, () => writeFile(a, "1").then(() => writeFile(b, "1")));
  expect(seen).not.toContain(a);
});
