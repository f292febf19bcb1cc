import { failure } from "../../../agent/platform/failure.ts";
import type { PackageFact } from "../../../schemas/verbs/package.ts";
import type { PackageState, PretendHost } from "../pretend-host.ts";
import { dropFile, fileAt, putFile } from "./files.ts";
import { withDependencies } from "./image.ts";
import type { PretendPackage } from "./parts.ts";
import { newestOf, versionsOf } from "./repository.ts";
import { type Doing, restartUnit, startUnit } from "./services.ts";
import { isInstalled, stateOf, unitOn } from "./units.ts";
import { log, take, tell } from "./world.ts";

/** Where a package's configuration lies: kept when it is removed and not purged. */
const isConfiguration = (path: string): boolean => path.startsWith("/etc/");

const bare = (name: string): string => name.replace(/:[a-z0-9-]+$/, "");

/** Installed version and state; undefined: not installed. */
export function packageOn(host: PretendHost, name: string): PackageState | undefined {
  const own = host.packages.get(name);
  if (own !== undefined) return own ?? undefined;
  const version = host.image.packages.get(name);
  return version === undefined ? undefined : { version };
}

/** Every installed package by name. */
export function packagesOn(host: PretendHost): [string, PackageState][] {
  const names = new Set([...host.image.packages.keys(), ...host.packages.keys()]);
  return [...names].toSorted().flatMap((name) => {
    const state = packageOn(host, name);
    return state === undefined ? [] : [[name, state] as [string, PackageState]];
  });
}

/** The package as the package manager tells of it. */
export function readPackage(host: PretendHost, name: string, upgradedAt: number | undefined): PackageFact {
  const { repository, system } = host.image,
    state = packageOn(host, bare(name)),
    offered = repository.get(bare(name));
  const candidate = offered === undefined ? undefined : newestOf(offered, system.name);
  return {
    name,
    manager: system.manager,
    installed: state !== undefined,
    ...(state === undefined ? {} : { version: state.version }),
    ...(candidate === undefined ? {} : { candidate }),
    ...(state?.held === true ? { held: true } : {}),
    ...(state?.broken === true ? { broken: true } : {}),
    ...(upgradedAt === undefined ? {} : { upgradedAt }),
    ...(host.packagesBusy ? { changing: true } : {}),
  };
}

/** Refuses a package manager that is not the host's. */
export function refuseManager(host: PretendHost, name: string, manager: string | undefined): void {
  const { manager: own } = host.image.system;
  if (manager !== undefined && manager !== own)
    throw failure("package/other-manager", `Unable to look at package ${name} by ${manager}: this host has ${own}`);
}

/** Installs a package with what it needs, or brings it to a version; an installed one without a wanted version stays as it is. */
export async function installPackage(host: PretendHost, name: string, version?: string, doing: Doing = {}): Promise<string | undefined> {
  const own = packageOn(host, bare(name));
  if (own !== undefined && own.broken !== true && (version === undefined || version === own.version)) return undefined;
  const pack = mustOffer(host, name),
    goal = versionFor(host, pack, version ?? own?.version);
  if (own?.held === true) throw failure("package/held", `Unable to install ${name} ${goal}: it is held at ${own.version}`);
  return working(host, async () => {
    const done: string[] = [];
    for (const each of withDependencies([pack], host.image.repository)) {
      if (each !== pack && isInstalled(host, each.name)) continue;
      const wanted = each === pack ? goal : newestOf(each, host.image.system.name)!;
      await take(host, 600, `install ${each.name}`, doing.signal);
      await unpack(host, each, wanted, doing);
      done.push(`Setting up ${each.name} (${wanted}) ...`);
    }
    return done.join("\n");
  });
}

/** Brings an installed package to the newest version. */
export async function upgradePackage(host: PretendHost, name: string, doing: Doing = {}): Promise<string | undefined> {
  if (packageOn(host, bare(name)) === undefined) throw failure("package/not-installed", `Unable to upgrade ${name}: it is not installed`);
  return installPackage(host, name, newestOf(mustOffer(host, name), host.image.system.name), doing);
}

/** Removes a package and what needs it. Its configuration stays unless it is purged, as dpkg has it; apk keeps none that nobody changed. */
export async function removePackage(host: PretendHost, name: string, purge: boolean, doing: Doing = {}): Promise<string | undefined> {
  const pack = host.image.repository.get(bare(name));
  if (packageOn(host, bare(name)) === undefined || pack === undefined) return undefined;
  return working(host, async () => {
    const done: string[] = [];
    for (const each of [...needing(host, pack), pack]) {
      await take(host, 300, `remove ${each.name}`, doing.signal);
      takeAway(host, each, purge, doing);
      done.push(`Removing ${each.name} ...`);
    }
    return done.join("\n");
  });
}

function mustOffer(host: PretendHost, name: string): PretendPackage {
  const pack = host.image.repository.get(bare(name));
  if (pack === undefined) throw failure("package/unknown", `Unable to install ${name}: the host's sources have no such package`);
  return pack;
}

function versionFor(host: PretendHost, pack: PretendPackage, version: string | undefined): string {
  const versions = versionsOf(pack, host.image.system.name);
  if (version !== undefined && !versions.includes(version))
    throw failure("package/no-version", `Unable to install ${pack.name} ${version}: the host's sources have ${versions.join(", ")}`);
  return version ?? versions.at(-1)!;
}

const needing = (host: PretendHost, pack: PretendPackage): PretendPackage[] =>
  [...host.image.repository.values()]
    .filter((each) => each.depends.includes(pack.name) && isInstalled(host, each.name))
    .flatMap((each) => [...needing(host, each), each]);

/** One package manager at a time: a second one waits for the lock on a real host, and finds it soon free here. */
async function working<T>(host: PretendHost, work: () => Promise<T>): Promise<T> {
  while (host.packagesBusy) await new Promise<void>((resolve) => void host.clock.after(20, resolve));
  host.packagesBusy = true;
  try {
    return await work();
  } finally {
    host.packagesBusy = false;
    tell(host, { probe: "package" });
  }
}

async function unpack(host: PretendHost, pack: PretendPackage, version: string, doing: Doing): Promise<void> {
  const before = packageOn(host, pack.name);
  const { by } = doing;
  host.packages.set(pack.name, { version, ...(before?.held === true ? { held: true } : {}) });
  for (const [path, brought] of pack.files) {
    const there = fileAt(host, path);
    if (there === undefined || (!isConfiguration(path) && there !== brought)) putFile(host, path, brought, by);
  }
  log(
    host,
    undefined,
    6,
    `${host.image.system.manager}: ${before === undefined ? "install" : "upgrade"} ${pack.name} ${before?.version ?? "<none>"} ${version}`,
  );
  tell(host, { probe: "package", key: pack.name, by });
  await (before === undefined ? beginUnits(host, pack, doing) : restartUnits(host, pack, doing));
  if (pack.reboot && before !== undefined) {
    host.rebootRequired = true;
    tell(host, { probe: "host" });
  }
}

/** Debian enables what it installs, and starts it unless its policy-rc.d forbids that; Alpine does neither. A service that cannot start fails alone. */
async function beginUnits(host: PretendHost, pack: PretendPackage, doing: Doing): Promise<void> {
  const starts = host.image.system.manager !== "apk",
    forbidden = fileAt(host, "/usr/sbin/policy-rc.d")?.content.text?.includes("exit 101") === true;
  for (const definition of pack.units) {
    const enabled = starts || definition.enabled === "static" ? definition.enabled : "disabled";
    host.units.set(definition.unit, {
      active: "inactive",
      enabled,
      starts: host.units.get(definition.unit)?.starts ?? 0,
      result: "success",
      dropIns: {},
    });
    tell(host, { probe: "service", key: definition.unit, by: doing.by });
    if (starts && !forbidden && enabled === "enabled") await startUnit(host, definition.unit, doing).catch(() => undefined);
  }
}

async function restartUnits(host: PretendHost, pack: PretendPackage, doing: Doing): Promise<void> {
  for (const { unit } of pack.units) {
    const definition = unitOn(host, unit);
    if (definition !== undefined && stateOf(host, definition).active === "active")
      await restartUnit(host, unit, doing).catch(() => undefined);
  }
}

function takeAway(host: PretendHost, pack: PretendPackage, purge: boolean, { by }: Doing): void {
  const apk = host.image.system.manager === "apk",
    before = packageOn(host, pack.name);
  if (host.image.packages.has(pack.name)) host.packages.set(pack.name, null);
  else host.packages.delete(pack.name);
  for (const [path, brought] of pack.files) {
    const changed = fileAt(host, path)?.content !== brought.content;
    if (!isConfiguration(path) || purge || (apk && !changed)) dropFile(host, path, by);
  }
  for (const { unit } of pack.units) {
    host.units.delete(unit);
    tell(host, { probe: "service", key: unit, by });
  }
  log(host, undefined, 6, `${host.image.system.manager}: remove ${pack.name} ${before?.version ?? ""} <none>`);
  tell(host, { probe: "package", key: pack.name, by });
}
