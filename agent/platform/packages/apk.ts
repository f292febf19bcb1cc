import { readFile, stat } from "node:fs/promises";
import { failure } from "../failure.ts";
import { lastLines, runProgram } from "../program.ts";
import type { RunApart } from "../transient.ts";
import { anyLocked } from "./file-lock.ts";
import type { PackageJob, PackagePlatform } from "./platform.ts";

const database = "/lib/apk/db/installed";
const world = "/etc/apk/world";
const locks = ["/lib/apk/db/lock"];
const actionMs = 30 * 60_000;
const updateEveryMs = 10 * 60_000;

/** Packages by apk's own database and its program; a busy lock is waited for ten minutes. */
export function apk(runApart: RunApart): PackagePlatform {
  const candidates = new Map<string, { readonly stamp: string; readonly version: string | undefined }>();
  let updatedAt = 0;

  const installed = async (): Promise<Map<string, string>> => parseInstalled(await readFile(database, "utf8").catch(() => ""));

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
    const purpose = argv.slice(0, 2).join(" ");
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
      `Unable to finish ${purpose}: ${/^ERROR: (.+)$/m.exec(result.output)?.[1] ?? `apk ended with ${result.code ?? "a signal"}`}`,
      { detail: lastLines(result.output), retry: /temporary error|Unable to lock/.test(result.output) ? "later" : "never" },
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
      if (state === "absent")
        return now === undefined ? "" : run(["apk", "del", "--wait", "600", ...(purge === true ? ["--purge"] : []), "--", name], job);
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

/** The version in a line `NAME-VERSION` of `apk search --exact NAME`. */
export const parseSearch = (output: string, name: string): string | undefined =>
  output
    .split("\n")
    .findLast((line) => line.startsWith(`${name}-`))
    ?.slice(name.length + 1);
