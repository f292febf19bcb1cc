import { readFile, stat } from "node:fs/promises";
import { failure } from "../failure.ts";
import { lastLines, runProgram } from "../program.ts";
import type { RunApart } from "../transient.ts";
import { findEntry, isBroken, isInstalled, parseDpkgStatus, type DpkgEntry } from "./dpkg-status.ts";
import { batch } from "./batch.ts";
import { ownMark, tellPackageChanges } from "./apt-history.ts";
import { anyLocked } from "./file-lock.ts";
import type { PackageJob, PackagePlatform, WantedPackage } from "./platform.ts";

const status = "/var/lib/dpkg/status";
const locks = ["/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock"];
const env = {
  DEBIAN_FRONTEND: "noninteractive",
  DEBIAN_PRIORITY: "critical",
  NEEDRESTART_SUSPEND: "1",
  APT_LISTCHANGES_FRONTEND: "none",
  LC_ALL: "C.UTF-8",
};

/** A busy lock is waited for ten minutes; configuration files that somebody changed are kept. */
const settings = [
  "-o",
  "DPkg::Lock::Timeout=600",
  "-o",
  "Dpkg::Options::=--force-confdef",
  "-o",
  "Dpkg::Options::=--force-confold",
  "-o",
  "Dpkg::Use-Pty=0",
  "-o",
  "APT::Color=0",
  ...ownMark,
];
const actionMs = 45 * 60_000;
const updateEveryMs = 10 * 60_000;

/** Packages by dpkg's status file and the apt programs. */
export function apt(runApart: RunApart): PackagePlatform {
  let known: { readonly stamp: string; readonly entries: readonly DpkgEntry[] } | undefined;
  const candidates = new Map<string, { readonly stamp: string; readonly version: string | undefined }>();
  let native: Promise<string> | undefined;
  let updatedAt = 0;

  async function entries(): Promise<readonly DpkgEntry[]> {
    const stamp = await stampOf([status]);
    if (known?.stamp !== stamp) known = { stamp, entries: parseDpkgStatus(await readFile(status, "utf8")) };
    return known.entries;
  }

  const architecture = (): Promise<string> =>
    (native ??= runProgram(["dpkg", "--print-architecture"], { timeoutMs: 10_000 }).then((result) => result.output.trim()));

  const policies = batch((names) =>
    runProgram(["apt-cache", "policy", "--", ...names], { timeoutMs: 20_000, ignoreErrors: true }).then((result) =>
      result.code === 0 ? parsePolicies(result.output) : undefined,
    ),
  );

  /** apt-cache reads large files: one call for all that is asked at a time, and its answer is kept until the lists, the settings or dpkg's status change. */
  async function candidate(name: string, busy: boolean): Promise<string | undefined> {
    const stamp = await stampOf([
      status,
      "/var/lib/apt/lists",
      "/etc/apt",
      "/etc/apt/sources.list",
      "/etc/apt/sources.list.d",
      "/etc/apt/preferences.d",
    ]);
    const cached = candidates.get(name);
    if (cached !== undefined && (busy || cached.stamp === stamp)) return cached.version;
    const found = await policies(name);
    if (found !== undefined) candidates.set(name, { stamp, version: found.get(name) });
    return found?.get(name);
  }

  async function run(argv: readonly string[], purpose: string, job: PackageJob): Promise<string> {
    const result = await runApart(argv, { step: job.step, purpose, env, signal: job.signal, progress: job.progress, timeoutMs: actionMs });
    if (result.code === 0) return lastLines(result.output);
    const held = /held packages/i.test(result.output);
    throw failure(
      "package/failed",
      `Unable to finish ${purpose}: ${reasonIn(result.output) ?? `${argv[0] ?? ""} ended with ${result.code ?? "a signal"}`}`,
      {
        detail: lastLines(result.output),
        ...(held ? { hint: "The package is held: apt-mark unhold NAME lets it change" } : {}),
        retry: /Could not get lock|Temporary failure|Failed to fetch/.test(result.output) ? "later" : "never",
      },
    );
  }

  /** Refreshes the lists at most every ten minutes; old lists are better than none, so a failure is only told. */
  async function update(job: PackageJob, always: boolean): Promise<void> {
    if (!always && Date.now() - updatedAt < updateEveryMs) return;
    job.progress("apt-get update");
    await run(["apt-get", "update", "-q", "-o", "DPkg::Lock::Timeout=600", "-o", "Acquire::Retries=2"], "apt-get update", job).then(
      () => (updatedAt = Date.now()),
      (cause: unknown) => job.progress(cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause)),
    );
  }

  /** Finishes what an earlier, broken off run left half done: apt refuses everything else until then. */
  async function repair(job: PackageJob): Promise<void> {
    const broken = (await entries()).filter(isBroken);
    if (broken.length === 0) return;
    job.progress(
      `finishing half-configured packages: ${broken
        .map((entry) => entry.name)
        .join(" ")
        .slice(0, 500)}`,
    );
    await run(["dpkg", "--force-confdef", "--force-confold", "--configure", "-a"], "dpkg --configure -a", job);
  }

  async function install(name: string, version: string | undefined, job: PackageJob): Promise<string> {
    await repair(job);
    const wanted = version === undefined ? name : `${name}=${version}`;
    return run(
      [
        "apt-get",
        "install",
        "-y",
        "-q",
        ...(version === undefined ? [] : ["--allow-downgrades"]),
        "--no-remove",
        ...settings,
        "--",
        wanted,
      ],
      `apt-get install ${wanted}`,
      job,
    );
  }

  return {
    manager: "apt",
    watched: [
      status,
      "/var/lib/dpkg/lock",
      "/var/lib/dpkg/lock-frontend",
      "/var/lib/apt/lists/lock",
      "/var/lib/apt/periodic/update-success-stamp",
    ],
    async read(name) {
      const entry = findEntry(await entries(), name, await architecture());
      const changing = await anyLocked(locks);
      const version = await candidate(name, changing);
      const installed = entry !== undefined && isInstalled(entry);
      const broken = entry !== undefined && isBroken(entry);
      return {
        name,
        manager: "apt",
        installed,
        ...(installed || broken ? { version: entry.version } : {}),
        ...(version === undefined ? {} : { candidate: version }),
        ...(entry?.want === "hold" ? { held: true } : {}),
        ...(broken ? { broken } : {}),
        ...(changing ? { changing } : {}),
      };
    },
    async set(wanted: WantedPackage, job) {
      const entry = findEntry(await entries(), wanted.name, await architecture());
      if (wanted.state === "absent") return remove(wanted, entry, job);
      if (entry !== undefined && isInstalled(entry) && (wanted.version === undefined || entry.version === wanted.version)) return "";
      if (await unavailable(wanted)) await update(job, true);
      else await update(job, false);
      return install(wanted.name, wanted.version, job);
    },
    async upgrade(name, job) {
      await update(job, true);
      return install(name, undefined, job);
    },
    events: (emit) => tellPackageChanges(emit),
    async list() {
      const manual = await runProgram(["apt-mark", "showmanual"], { timeoutMs: 20_000, ignoreErrors: true }).then(
        (result) => new Set(result.output.split("\n")),
      );
      const main = await architecture();
      return (await entries()).filter(isInstalled).map((entry) => {
        const name = entry.architecture === main || entry.architecture === "all" ? entry.name : `${entry.name}:${entry.architecture}`;
        return { name, version: entry.version, manual: manual.has(name) };
      });
    },
  };

  async function remove(wanted: WantedPackage, entry: DpkgEntry | undefined, job: PackageJob): Promise<string> {
    if (entry === undefined || entry.state === "not-installed" || (entry.state === "config-files" && wanted.purge !== true)) return "";
    if (!isBroken(entry)) await repair(job);
    const verb = wanted.purge === true ? "purge" : "remove";
    await refuseOthers(wanted.name, verb);
    return run(["apt-get", verb, "-y", "-q", ...settings, "--", wanted.name], `apt-get ${verb} ${wanted.name}`, job);
  }

  /** Removing a package takes those that need it along: refused where somebody installed one of them on purpose. */
  async function refuseOthers(name: string, verb: string): Promise<void> {
    const [simulated, manual] = await Promise.all([
      runProgram(["apt-get", "-s", verb, "--", name], { timeoutMs: 60_000, env }),
      runProgram(["apt-mark", "showmanual"], { timeoutMs: 20_000, ignoreErrors: true }),
    ]);
    const wantedByHand = new Set(manual.output.split("\n"));
    const others = removals(simulated.output).filter((other) => other !== name && wantedByHand.has(other));
    if (others.length > 0)
      throw failure("package/needed", `Unable to remove ${name}: ${others.slice(0, 20).join(", ")} would be removed with it`, {
        hint: "Remove what needs it first",
      });
  }

  async function unavailable(wanted: WantedPackage): Promise<boolean> {
    const result = await runProgram(["apt-cache", "madison", "--", wanted.name], { timeoutMs: 20_000, ignoreErrors: true });
    const versions = result.output.split("\n").map((line) => line.split("|")[1]?.trim());
    return wanted.version === undefined ? !versions.some((version) => version !== undefined) : !versions.includes(wanted.version);
  }
}

/** Candidates by name from `apt-cache policy NAME…`; `(none)` and unknown packages are left out. */
export function parsePolicies(output: string): Map<string, string> {
  const candidates = new Map<string, string>();
  let name = "";
  for (const line of output.split("\n")) {
    if (/^\S.*:$/.test(line)) name = line.slice(0, -1);
    const version = /^\s+Candidate:\s+(\S+)/.exec(line)?.[1];
    if (version !== undefined && version !== "(none)") candidates.set(name, version);
  }
  return candidates;
}

/** Packages that a simulated run (`apt-get -s`) would remove: lines such as `Remv nginx [1.22.1]`. */
export const removals = (output: string): string[] => [...output.matchAll(/^(?:Remv|Purg) (\S+)/gm)].map((match) => match[1] as string);

/** The first error that apt or dpkg names. */
const reasonIn = (output: string): string | undefined => /^(?:E|dpkg: error[^:]*): (.+)$/m.exec(output)?.[1];

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
