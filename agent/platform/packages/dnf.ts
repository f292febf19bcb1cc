import { stat } from "node:fs/promises";
import { failure } from "../failure.ts";
import { lastLines, runProgram } from "../program.ts";
import type { RunApart } from "../transient.ts";
import { anyLocked } from "./file-lock.ts";
import type { PackageJob, PackagePlatform } from "./platform.ts";

const databases = ["/var/lib/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages"];
const locks = ["/var/lib/rpm/.rpm.lock", "/usr/lib/sysimage/rpm/.rpm.lock"];
const form = "%{NAME}|%{EPOCHNUM}|%{VERSION}-%{RELEASE}|%{ARCH}\n";
const actionMs = 45 * 60_000;
const lookMs = 10 * 60_000;

/** Packages by rpm and dnf. dnf waits by itself while another one works. */
export function dnf(runApart: RunApart): PackagePlatform {
  const candidates = new Map<string, { readonly stamp: string; readonly at: number; readonly version: string | undefined }>();

  const installed = async (name: string): Promise<string | undefined> => {
    const result = await runProgram(["rpm", "-q", "--queryformat", form, "--", name], { timeoutMs: 30_000, ignoreErrors: true });
    return result.code === 0 ? parseRpm(result.output).at(-1)?.version : undefined;
  };

  async function candidate(name: string, signal: AbortSignal): Promise<string | undefined> {
    const stamp = await stampOf(databases);
    const known = candidates.get(name);
    if (known?.stamp === stamp && Date.now() - known.at < lookMs) return known.version;
    const result = await runProgram(
      ["dnf", "-q", "-C", "repoquery", "--latest-limit=1", "--queryformat", "%{name}|%{epoch}|%{version}-%{release}|%{arch}\n", "--", name],
      { timeoutMs: 60_000, signal, ignoreErrors: true },
    );
    const version = result.code === 0 ? parseRpm(result.output).at(-1)?.version : known?.version;
    candidates.set(name, { stamp, at: Date.now(), version });
    return version;
  }

  async function run(argv: readonly string[], job: PackageJob): Promise<string> {
    const purpose = argv.slice(0, 2).join(" ");
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
      `Unable to finish ${purpose}: ${/^Error: (.+)$/m.exec(result.output)?.[1] ?? `dnf ended with ${result.code ?? "a signal"}`}`,
      { detail: lastLines(result.output), retry: /Failed to download|Cannot download/.test(result.output) ? "later" : "never" },
    );
  }

  return {
    manager: "dnf",
    watched: [...databases, ...locks],
    async read(name, signal) {
      const [version, newest, changing] = await Promise.all([installed(name), candidate(name, signal), anyLocked(locks)]);
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
      if (state === "absent") return now === undefined ? "" : run(["dnf", "remove", "-y", "--noautoremove", "--", name], job);
      if (now !== undefined && (version === undefined || now === version)) return "";
      const wanted = version === undefined ? name : `${name}-${version}`;
      const older = now !== undefined && version !== undefined && (await isOlder(version, now));
      return run(["dnf", older ? "downgrade" : "install", "-y", "--", wanted], job);
    },
    async upgrade(name, job) {
      return run(["dnf", (await installed(name)) === undefined ? "install" : "upgrade", "-y", "--refresh", "--", name], job);
    },
    async list() {
      const result = await runProgram(["rpm", "-qa", "--queryformat", form], {
        timeoutMs: 60_000,
        maxOutput: 8 * 1024 * 1024,
        ignoreErrors: true,
      });
      return parseRpm(result.output).map(({ name, version }) => ({ name, version }));
    },
  };
}

async function isOlder(version: string, than: string): Promise<boolean> {
  const result = await runProgram(["rpmdev-vercmp", version, than], { timeoutMs: 10_000, ignoreErrors: true }).catch(() => undefined);
  return result === undefined ? version.localeCompare(than, "en", { numeric: true }) < 0 : result.code === 12;
}

/** Lines of `NAME|EPOCH|VERSION-RELEASE|ARCH`; an epoch of nought is left out, as dnf prints it. */
export function parseRpm(output: string): { name: string; version: string }[] {
  return output.split("\n").flatMap((line) => {
    const [name, epoch, version] = line.split("|");
    if (name === undefined || version === undefined || name === "gpg-pubkey") return [];
    return [{ name, version: epoch === "0" || epoch === "(none)" || epoch === "" ? version : `${epoch}:${version}` }];
  });
}

const stampOf = async (paths: readonly string[]): Promise<string> =>
  (
    await Promise.all(
      paths.map((path) =>
        stat(path).then(
          (info) => `${info.ino}.${info.mtimeMs}`,
          () => "-",
        ),
      ),
    )
  ).join(" ");
