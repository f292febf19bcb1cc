import { access } from "node:fs/promises";
import { runDetached } from "./detached.ts";
import { findProgram } from "./find-program.ts";
import { noServices } from "./services/none.ts";
import { openrcServices } from "./services/openrc.ts";
import type { ServicePlatform } from "./services/platform.ts";
import { apk, apkDatabase } from "./packages/apk.ts";
import { apt } from "./packages/apt.ts";
import { dnf, rpmFolder } from "./packages/dnf.ts";
import type { PackagePlatform } from "./packages/platform.ts";
import { SystemdBus } from "./systemd/bus.ts";
import { systemdServices } from "./systemd/services.ts";
import { runInUnit } from "./transient.ts";

/** The init system and package manager that this host has. */
export interface Platform {
  readonly services: ServicePlatform;
  readonly packages: PackagePlatform | undefined;
}

const there = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Looks at what the host is: systemd where it is the running init (sd_booted(3)), the package manager by its own state. */
export async function detectPlatform(): Promise<Platform> {
  const systemd = await there("/run/systemd/system");
  const openrc = !systemd && (await there("/run/openrc"));
  const services = systemd ? systemdServices(new SystemdBus()) : openrc ? openrcServices() : noServices();
  const runApart = systemd ? runInUnit : runDetached;
  if ((await there("/var/lib/dpkg/status")) && (await findProgram("apt-get")) !== undefined) return { services, packages: apt(runApart) };
  if ((await findProgram("dnf")) !== undefined) return { services, packages: dnf(runApart, await rpmFolder()) };
  const database = await apkDatabase();
  if (database !== undefined && (await findProgram("apk")) !== undefined) return { services, packages: apk(runApart, database) };
  return { services, packages: undefined };
}
