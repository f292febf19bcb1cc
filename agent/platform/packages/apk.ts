import { readFile, stat } from "node:fs/promises";
import { failure, reasonOf } from "../failure.ts";
import { lastLines, runProgram } from "../program.ts";
import type { RunApart } from "../transient.ts";
import { anyLocked } from "./file-lock.ts";
import type { PackageJob, PackagePlatform } from "./platform.ts";

const world = "/etc/apk/world";
/** apk 2 locks the first two, by where its database is; apk 3 the last, and what it finds of the others. */
const locks = ["/lib/apk/db/lock", "/usr/lib/apk/db/lock", "/run/apk/db.lock"];
const databases = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];
const actionMs = 30 * 60_000;
const updateEveryMs = 10 * 60_000;

/** Where apk keeps what is installed: below /lib, or below /usr/lib where there is no other; undefined where there is no apk. */
export async function apkDatabase(): Promise<string | undefined> {
  for (const path of databases)
    if (
      await stat(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  return undefined;
}

/** Packages by apk's own database and its program; a busy lock is waited for ten minutes. */
export function apk(runApart: RunApart, database: string): PackagePlatform {
  const candidates = new Map<string, { readonly stamp: string; readonly version: string | undefined }>();
  let updatedAt = 0;

  const installed = async (): Promise<Map<string, string>> =>
    parseInstalled(
      await readFile(database, "utf8").catch((cause: unknown) => {
        throw failure("package/unread", `Unable to read which packages are installed: ${reasonOf(cause)}`, { retry: "later", cause });
      }),
    );

  async function candidate(name: string, signal: AbortSignal): Promise<string | undefined> {
    const stamp = (
      await Promise.all(
        [database, "/var/cache/apk", "/etc/apk/repositories"].map((path) =>
          stat(path).then(
            (info) => String(info.mtimeMs),
            () => "-",
          ),
        ),
      )
    ).join(" ");
    const known = candidates.get(name);
    if (known?.stamp === stamp) return known.version;
    const result = await runProgram(["apk", "search", "--exact", "--", name], { timeoutMs: 30_000, signal, ignoreErrors: true });
    const version = parseSearch(result.output, name);
    candidates.set(name, { stamp, version });
    return version;
  }

  async function run(argv: readonly string[], job: PackageJob): Promise<string> {
    const purpose = [...argv.slice(0, 2), argv.at(-1)].join(" ");
    const result = await runApart(argv, {
      step: job.step,
      purpose,
      env: {},
      signal: job.signal,
      progress: job.progress,
      timeoutMs: actionMs,
    });
    if (result.code === 0) return lastLines(result.output);
    throw failure(
      "package/failed",
      `Unable to finish ${purpose}: ${reasonIn(result.output) ?? `apk ended with ${result.code ?? "a signal"}`}`,
      { detail: lastLines(result.output), retry: /temporary error|transient error|Unable to lock/.test(result.output) ? "later" : "never" },
    );
  }

  async function update(job: PackageJob, always: boolean): Promise<void> {
    if (!always && Date.now() - updatedAt < updateEveryMs) return;
    await run(["apk", "update", "--wait", "600"], job).then(
      () => (updatedAt = Date.now()),
      () => job.progress("the package lists could not be refreshed"),
    );
  }

  return {
    manager: "apk",
    watched: [database, world, ...locks],
    async read(name, signal) {
      const [packages, newest, changing] = await Promise.all([installed(), candidate(name, signal), anyLocked(locks)]);
      const version = packages.get(name);
      return {
        name,
        manager: "apk",
        installed: version !== undefined,
        ...(version === undefined ? {} : { version }),
        ...(newest === undefined ? {} : { candidate: newest }),
        ...(changing ? { changing } : {}),
      };
    },
    async set({ name, state, version, purge }, job) {
      const now = (await installed()).get(name);
      if (state === "absent") {
        if (now === undefined) return "";
        const output = await run(["apk", "del", "--wait", "600", ...(purge === true ? ["--purge"] : []), "--", name], job);
        return stillNeeded(output, name) ?? output;
      }
      if (now !== undefined && (version === undefined || now === version)) return "";
      await update(job, false);
      return run(["apk", "add", "--wait", "600", "--", version === undefined ? name : `${name}=${version}`], job);
    },
    async upgrade(name, job) {
      await update(job, true);
      return run(["apk", "add", "--upgrade", "--wait", "600", "--", name], job);
    },
    async list() {
      const wanted = new Set((await readFile(world, "utf8").catch(() => "")).split(/\s+/).map((name) => name.replace(/[=<>~].*$/, "")));
      return [...(await installed())].map(([name, version]) => ({ name, version, manual: wanted.has(name) }));
    },
  };
}

/** Paragraphs of apk's database: `P:` the name, `V:` the version. */
export function parseInstalled(text: string): Map<string, string> {
  const packages = new Map<string, string>();
  for (const paragraph of text.split("\n\n")) {
    const name = /^P:(.+)$/m.exec(paragraph)?.[1];
    const version = /^V:(.+)$/m.exec(paragraph)?.[1];
    if (name !== undefined && version !== undefined) packages.set(name, version);
  }
  return packages;
}

/** The version in a line `NAME-VERSION` of `apk search --exact NAME`, which also lists what provides the name; a version begins with a digit. */
export const parseSearch = (output: string, name: string): string | undefined =>
  output
    .split("\n")
    .filter((line) => line.startsWith(`${name}-`))
    .map((line) => line.slice(name.length + 1))
    .findLast((version) => /^[0-9]/.test(version));

/** What apk names as the reason: `ERROR: …`, with the first package below and what is said of it where that ends with a colon. */
export function reasonIn(output: string): string | undefined {
  const match = /^ERROR: (.+)((?:\n +.+)*)/m.exec(output);
  if (match?.[1] === undefined) return undefined;
  const [, first, below = ""] = match;
  if (!first.endsWith(":")) return first;
  const lines = below.split("\n").flatMap((line) => (line.trim() === "" ? [] : [line.trim()]));
  return [first, ...lines.slice(0, 2)].join(" ");
}

/** Who needs a package that `apk del` took from the wanted ones and left installed, as it does with success. */
export function neededBy(output: string): string[] | undefined {
  const match = /packages are not removed due to:\n((?: +.+\n?)+)/.exec(output);
  return match?.[1]
    ?.replace(/^ *\S+: */gm, " ")
    .split(/\s+/)
    .filter((name) => name !== "");
}

function stillNeeded(output: string, name: string): undefined {
  const others = neededBy(output);
  if (others !== undefined)
    throw failure(
      "package/needed",
      `Unable to remove ${name}: ${others.slice(0, 20).join(", ")} ${others.length === 1 ? "needs" : "need"} it`,
      {
        detail: output,
        hint: "Remove what needs it first",
      },
    );
}
