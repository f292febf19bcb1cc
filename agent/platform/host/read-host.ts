import { existsSync, readFileSync } from "node:fs";
import { hostname, machine, networkInterfaces, release, totalmem } from "node:os";
import type { HostFact } from "../../../schemas/verbs/host.ts";
import { runProgram } from "../program.ts";
import { sizesOf, type Mount } from "./disks.ts";

/** What is asked of programs once: it does not change while the agent runs. */
export interface HostConstants {
  readonly virtualization: string;
}

export async function hostConstants(): Promise<HostConstants> {
  const result = await runProgram(["systemd-detect-virt"], { timeoutMs: 5000, ignoreErrors: true }).catch(() => undefined);
  return { virtualization: result?.output.trim() || guessVirtualization() };
}

function guessVirtualization(): string {
  if (existsSync("/.dockerenv")) return "docker";
  const environ = textOf("/proc/1/environ");
  const container = /(?:^|\0)container=([a-z0-9-]+)/.exec(environ)?.[1];
  if (container !== undefined) return container;
  const product = textOf("/sys/class/dmi/id/sys_vendor");
  if (/QEMU/i.test(product)) return "kvm";
  return /VMware/i.test(product) ? "vmware" : "none";
}

/** What the host is now. Sizes in bytes, times in milliseconds. */
export async function readHost(init: HostFact["init"], constants: HostConstants, shuttingDown: boolean): Promise<HostFact> {
  const disks = await sizesOf(),
    os = parseOsRelease(textOf("/etc/os-release") || textOf("/usr/lib/os-release")),
    stat = textOf("/proc/stat"),
    rebootRequired = existsSync("/run/reboot-required") || existsSync("/var/run/reboot-required");
  return {
    hostname: hostname(),
    os: { id: os.get("ID") ?? "linux", version: os.get("VERSION_ID") ?? "", name: os.get("PRETTY_NAME") ?? os.get("NAME") ?? "Linux" },
    kernel: release(),
    arch: machine(),
    init,
    virtualization: constants.virtualization,
    bootId: textOf("/proc/sys/kernel/random/boot_id").trim(),
    // Whole seconds, since the kernel gives no more: the same at every look.
    bootedAt: Number(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0) * 1000,
    addresses: publicAddresses(),
    cpus: Math.max(1, stat.match(/^cpu\d/gm)?.length ?? 1),
    memory: memoryLimit(),
    disks: disks.map(({ mount, size }: Mount) => ({ mount, size })),
    ...(rebootRequired ? { rebootRequired } : {}),
    ...(shuttingDown ? { shuttingDown } : {}),
  };
}

/** `NAME="value"` lines of os-release(5). */
export function parseOsRelease(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([A-Z0-9_]+)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(.*))$/.exec(line.trim());
    if (match !== null) values.set(match[1] as string, (match[2] ?? match[3] ?? match[4] ?? "").replace(/\\(["\\$`])/g, "$1"));
  }
  return values;
}

function memoryLimit(): number {
  const total = /^MemTotal:\s+(\d+) kB$/m.exec(textOf("/proc/meminfo"))?.[1];
  return total === undefined ? totalmem() : Number(total) * 1024;
}

function publicAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return [
    ...new Set(all.filter(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/i.test(address)).map(({ address }) => address)),
  ].sort();
}

/** A file of the kernel or the base system; empty where it is not there. Such files are short and answered from memory: a detour by another thread would cost more than the reading. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Changes when the files that a host fact is read from do. */
export const hostFiles = [
  "/etc/hostname",
  "/etc/os-release",
  "/run/reboot-required",
  "/run/nologin",
  "/run/systemd/shutdown/scheduled",
] as const;
