import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { environment } from "../program.ts";
import type { RunApart } from "../transient.ts";
import { apk } from "./apk.ts";
import { dnf } from "./dnf.ts";
import type { PackageJob } from "./platform.ts";

const never: RunApart = () => Promise.reject(new Error("nothing may be run to change packages here"));
const job: PackageJob = { step: "run-1/a", signal: new AbortController().signal, progress: () => undefined };
const unread = (reason: string) => ({
  problems: [{ code: "package/unread", retry: "later", summary: `Unable to read which packages are installed: ${reason}` }],
});

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "packages-"));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** Programs of the host, each a script of these lines. */
async function programs(scripts: Readonly<Record<string, string>>): Promise<void> {
  const bin = await folder(),
    before = environment.PATH;
  for (const [name, lines] of Object.entries(scripts)) await writeFile(join(bin, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  environment.PATH = `${bin}:${before}`;
  onTestFinished(() => {
    environment.PATH = before;
  });
}

async function hostWithRpm(rpm: string): Promise<ReturnType<typeof dnf>> {
  await programs({ rpm, dnf: "exit 0" });
  return dnf(never, await folder());
}

test("rpm answers of each package: a row, or that it is not installed", async () => {
  // With a status of one for each that is missing.
  const packages = await hostWithRpm("echo 'hello|0|1.0-1|noarch'; echo 'package nosuch is not installed'; exit 1");
  const [hello, nosuch] = await Promise.all(["hello", "nosuch"].map((name) => packages.read(name, job.signal)));
  expect([hello, nosuch]).toMatchObject([{ installed: true, version: "1.0-1" }, { installed: false }]);
  expect(await packages.set({ name: "nosuch", state: "absent" }, job)).toBe("");
});

test.each([
  // As rpm 4.18 says it where its database is damaged.
  [
    "a database that cannot be read",
    "echo 'package hello is not installed'; echo 'error: cannot open Packages database in /var/lib/rpm' >&2; exit 1",
    "cannot open Packages database in /var/lib/rpm",
  ],
  ["a program that fails", "exit 127", "rpm said nothing of hello and ended with 127"],
  ["an answer about others alone", "echo 'package other is not installed'; exit 1", "rpm said nothing of hello and ended with 1"],
  ["a program that is killed", "kill -9 $$", "rpm was ended by a signal"],
])("%s leaves unknown what rpm holds: nothing is missing, and nothing is done", async (_, lines, reason) => {
  const packages = await hostWithRpm(lines);
  await expect(packages.read("hello", job.signal)).rejects.toMatchObject(unread(reason));
  await expect(packages.set({ name: "hello", state: "absent" }, job)).rejects.toMatchObject(unread(reason));
});

test("a list of packages that cannot be read is not an empty one", async () => {
  const packages = await hostWithRpm("echo 'error: cannot open Packages database in /var/lib/rpm' >&2; exit 1");
  await expect(packages.list()).rejects.toMatchObject(unread("cannot open Packages database in /var/lib/rpm"));
});

test("a database of apk that cannot be read leaves unknown what it holds", async () => {
  await programs({ apk: "echo hello-1.0-r0" });
  const packages = apk(never, await folder()),
    reason = "EISDIR: illegal operation on a directory, read";
  await expect(packages.read("hello", job.signal)).rejects.toMatchObject(unread(reason));
  await expect(packages.set({ name: "hello", state: "absent" }, job)).rejects.toMatchObject(unread(reason));
  await expect(packages.list()).rejects.toMatchObject(unread(reason));
});
