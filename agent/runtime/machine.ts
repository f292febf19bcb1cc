import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";

/** The machine as its own files describe it: what binds an identity to it, and what `hello` says. */
export interface Machine {
  readonly hostname: string;
  readonly machineId: string;
  /** DMI product UUID; absent in containers and where it is not readable. */
  readonly hardwareId?: string | undefined;
  readonly bootId: string;
  readonly platform: { readonly os: string; readonly arch: string; readonly init: string; readonly libc: string };
}

const line = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
};

/** Reads /etc/machine-id (machine-id(5)), the DMI product UUID, the boot id and what kind of system this is. */
export function readMachine(): Machine {
  const hardwareId = line("/sys/class/dmi/id/product_uuid")?.toLowerCase();
  return {
    hostname: hostname(),
    machineId: line("/etc/machine-id") ?? line("/var/lib/dbus/machine-id") ?? "",
    ...(hardwareId === undefined ? {} : { hardwareId: hardwareId.slice(0, 128) }),
    bootId: line("/proc/sys/kernel/random/boot_id") ?? "",
    platform: { os: "linux", arch: process.arch, init: initOf(), libc: musl() ? "musl" : "glibc" },
  };
}

/** sd_booted(3), and the folder that OpenRC keeps while it runs. */
const initOf = (): string => (existsSync("/run/systemd/system") ? "systemd" : existsSync("/run/openrc") ? "openrc" : "other");

/** Whether this very process was loaded by musl: a host of glibc may have musl beside it. */
function musl(): boolean {
  try {
    return /\/ld-musl-|-linux-musl\//.test(readFileSync("/proc/self/maps", "utf8"));
  } catch {
    return false;
  }
}
