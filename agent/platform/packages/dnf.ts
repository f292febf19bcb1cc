import { stat } from "node:fs/promises";
import { failure, reasonOf } from "../failure.ts";
import { lastLines, type ProgramOptions, type ProgramResult, runProgram } from "../program.ts";
import type { RunApart } from "../transient.ts";
import { batch } from "./batch.ts";
import { alsoRemoved, index, notInstalled, parseRows, type RpmPackage, reasonIn } from "./dnf-output.ts";
import { anyLocked } from "./file-lock.ts";
import type { PackageJob, PackagePlatform } from "./platform.ts";

/** What rpm may keep its database in: sqlite with its log, ndb, and Berkeley DB on older hosts. */
const databaseFiles = ["rpmdb.sqlite", "rpmdb.sqlite-wal", "Packages.db", "Packages"];
/** Whose change may bring other candidates. */
const sources = ["/etc/yum.repos.d", "/etc/dnf", "/var/cache/dnf", "/var/cache/libdnf5"];
const installedForm = "%{NAME}|%{EPOCHNUM}|%{VERSION}-%{RELEASE}|%{ARCH}\n";
const offeredForm = "%{name}|%{epoch}|%{version}-%{release}|%{arch}\n";
const actionMs = 45 * 60_000;
const lookMs = 10 * 60_000;

/** Where rpm of this host keeps its database: /var/lib/rpm, /usr/lib/sysimage/rpm, or what its macros say. */
export async function rpmFolder(): Promise<string> {
  const result = await runProgram(["rpm", "--eval", "%_dbpath"], { timeoutMs: 10_000, ignoreErrors: true }).catch(() => undefined);
  const folder = result?.output.trim() ?? "";
  return folder.startsWith("/") ? folder : "/var/lib/rpm";
}

/** Packages by rpm, whose database is in `folder`, and dnf. dnf waits by itself while another one works. */
export function dnf(runApart: RunApart, folder: string): PackagePlatform {
  const databases = databaseFiles.map((name) => `${folder}/${name}`),
    locks = [`${folder}/.rpm.lock`];
  const candidates = new Map<string, { readonly stamp: string; readonly at: number; readonly version: string | undefined }>();
  let askedSources = 0;

  const queried = batch(async (names) => {
    const { code, output } = await rpm(["-q", "--queryformat", installedForm, "--", ...names], { timeoutMs: 30_000 });
    return { versions: index(parseRows(output)), missing: notInstalled(output), code };
  });
  const installed = async (name: string): Promise<string | undefined> => {
    const { versions, missing, code } = await queried(name);
    if (!versions.has(name) && !missing.has(name)) throw unread(`rpm said nothing of ${name} and ended with ${code ?? "a signal"}`);
    return versions.get(name);
  };

  const repoquery = (options: readonly string[], names: readonly string[]): Promise<RpmPackage[] | undefined> =>
    runProgram(["dnf", "-q", ...options, "--queryformat", offeredForm, "--", ...names], { timeoutMs: 90_000, ignoreErrors: true }).then(
      ({ code, output }) => (code === 0 ? parseRows(output) : undefined),
    );

  /** By the lists that dnf has; where they lack a name, or there are none yet, dnf may fetch them, at most every ten minutes. */
  const offered = batch(async (names) => {
    const cached = index((await repoquery(["-C", "repoquery", "--latest-limit=1"], names)) ?? []);
    if (names.every((name) => cached.has(name)) || Date.now() - askedSources < lookMs) return cached;
    askedSources = Date.now();
    const fetched = await repoquery(["repoquery", "--latest-limit=1"], names);
    return fetched === undefined ? cached : index(fetched);
  });

  async function candidate(name: string, busy: boolean): Promise<string | undefined> {
    const stamp = await stampOf([...databases, ...sources]);
    const known = candidates.get(name);
    if (known !== undefined && (busy || (known.stamp === stamp && Date.now() - known.at < lookMs))) return known.version;
    const version = (await offered(name)).get(name) ?? known?.version;
    // What dnf fetched meanwhile does not count as a change.
    candidates.set(name, { stamp: await stampOf([...databases, ...sources]), at: Date.now(), version });
    return version;
  }

  async function run(argv: readonly string[], purpose: string, job: PackageJob): Promise<string> {
    const result = await runApart(argv, {
      step: job.step,
      purpose,
      env: { LC_ALL: "C.UTF-8" },
      signal: job.signal,
      progress: job.progress,
      timeoutMs: actionMs,
    });
    if (result.code === 0) return lastLines(result.output);
    throw failure(
      "package/failed",
      `Unable to finish ${purpose}: ${reasonIn(result.output) ?? `dnf ended with ${result.code ?? "a signal"}`}`,
      {
        detail: lastLines(result.output),
        retry: /Failed to download|Cannot download|Cannot prepare internal mirrorlist/.test(result.output) ? "later" : "never",
      },
    );
  }

  /** `dnf install NAME-1.0` takes any epoch and release: what is not exactly offered is refused before anything changes. */
  async function refuseUnoffered(name: string, version: string): Promise<void> {
    const known = await repoquery(["repoquery", "--showduplicates"], [name]);
    if (known === undefined || known.length === 0 || known.some((row) => row.version === version)) return;
    const versions = [...new Set(known.map((row) => row.version))];
    throw failure("package/version", `Unable to install ${name} ${version}: the host's package sources do not have this version`, {
      detail: `They have ${versions.slice(-20).join(", ")}`,
      hint: "Write it with its epoch, where it has one, and its release, as in 2:1.0-3.el9; or as a glob",
    });
  }

  /** Removing a package takes those that need it along: refused where somebody installed one of them on purpose. */
  async function refuseOthers(name: string): Promise<void> {
    const [tried, wanted] = await Promise.all([
      runProgram(["dnf", "-C", "remove", "--assumeno", "--noautoremove", "--", name], { timeoutMs: 90_000 }),
      byHand(),
    ]);
    const others = alsoRemoved(tried.output).filter((other) => wanted.has(other));
    if (others.length > 0)
      throw failure("package/needed", `Unable to remove ${name}: ${others.slice(0, 20).join(", ")} would be removed with it`, {
        hint: "Remove what needs it first",
      });
  }

  const byHand = (): Promise<Set<string>> =>
    runProgram(["dnf", "-q", "-C", "repoquery", "--userinstalled", "--queryformat", "%{name}\n"], {
      timeoutMs: 90_000,
      maxOutput: 4 * 1024 * 1024,
      ignoreErrors: true,
    }).then(({ output }) => new Set(output.split("\n").filter((line) => line !== "")));

  return {
    manager: "dnf",
    watched: [...databases, ...locks],
    async read(name) {
      const changing = await anyLocked(locks);
      const [version, newest] = await Promise.all([installed(name), candidate(name, changing)]);
      return {
        name,
        manager: "dnf",
        installed: version !== undefined,
        ...(version === undefined ? {} : { version }),
        ...(newest === undefined ? {} : { candidate: newest }),
        ...(changing ? { changing } : {}),
      };
    },
    async set({ name, state, version }, job) {
      const now = await installed(name);
      if (state === "absent") {
        if (now === undefined) return "";
        await refuseOthers(name);
        return run(["dnf", "remove", "-y", "--noautoremove", "--", name], `dnf remove ${name}`, job);
      }
      if (now !== undefined && (version === undefined || now === version)) return "";
      if (version !== undefined) await refuseUnoffered(name, version);
      const wanted = version === undefined ? name : nevra(name, version);
      // With a version it goes up or down, as is needed (dnf(8), install).
      return run(["dnf", "install", "-y", "--", wanted], `dnf install ${wanted}`, job);
    },
    async upgrade(name, job) {
      const verb = (await installed(name)) === undefined ? "install" : "upgrade";
      return run(["dnf", verb, "-y", "--refresh", "--", name], `dnf ${verb} ${name}`, job);
    },
    async list() {
      const [all, wanted] = await Promise.all([
        rpm(["-qa", "--queryformat", installedForm], { timeoutMs: 60_000, maxOutput: 8 * 1024 * 1024 }),
        byHand(),
      ]);
      return parseRows(all.output).map(({ name, version }) => ({ name, version, manual: wanted.has(name) }));
    },
  };
}

/** What rpm answers; a problem where it ended early or could not read its database: then it says of every package that it is not installed. */
async function rpm(args: readonly string[], limits: Pick<ProgramOptions, "timeoutMs" | "maxOutput">): Promise<ProgramResult> {
  const result = await runProgram(["rpm", ...args], limits).catch((cause: unknown) => {
    throw unread(reasonOf(cause), cause);
  });
  if (result.timedOut) throw unread(`rpm did not answer within ${limits.timeoutMs / 1000} s`);
  if (result.code === null) throw unread("rpm was ended by a signal");
  const wrong = /^error: (.+)$/m.exec(result.output)?.[1];
  if (wrong !== undefined) throw unread(wrong);
  return result;
}

const unread = (reason: string, cause?: unknown): Error =>
  failure("package/unread", `Unable to read which packages are installed: ${reason}`, { retry: "later", cause });

/** NAME-VERSION, with the architecture behind where the name has one. */
export function nevra(name: string, version: string): string {
  const [, bare = name, architecture = ""] = /^(.+)(\.(?:x86_64|i[3-6]86|aarch64|armv7hl|ppc64le|riscv64|s390x|noarch))$/.exec(name) ?? [];
  return `${bare}-${version}${architecture}`;
}

const stampOf = async (paths: readonly string[]): Promise<string> =>
  (
    await Promise.all(
      paths.map((path) =>
        stat(path, { bigint: true }).then(
          (info) => `${info.ino}.${info.mtimeNs}`,
          () => "-",
        ),
      ),
    )
  ).join(" ");
