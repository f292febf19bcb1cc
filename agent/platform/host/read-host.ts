import { access, readFile } from "node:fs/promises";
import { cpus, hostname, machine, networkInterfaces, release, totalmem } from "node:os";
import type { HostFact } from "../../../schemas/verbs/host.ts";
import { runProgram } from "../program.ts";
import { sizesOf, type Mount } from "./disks.ts";

/** What is asked of programs once: it does not change while the agent runs. */
export interface HostConstants {
  readonly virtualization: string;
}

export async function hostConstants(): Promise<HostConstants> {
  const result = await runProgram(["systemd-detect-virt"], { timeoutMs: 5000, ignoreErrors: true }).catch(() => undefined);
  return { virtualization: result?.output.trim() || (await guessVirtualization()) };
}

async function guessVirtualization(): Promise<string> {
  if (await there("/.dockerenv")) return "docker";
  const environ = await readFile("/proc/1/environ", "latin1").catch(() => "");
  const container = /(?:^|\0)container=([a-z0-9-]+)/.exec(environ)?.[1];
  if (container !== undefined) return container;
  const product = await readFile("/sys/class/dmi/id/sys_vendor", "utf8").catch(() => "");
  if (/QEMU/i.test(product)) return "kvm";
  return /VMware/i.test(product) ? "vmware" : "none";
}

/** What the host is now. Sizes in bytes, times in milliseconds. */
export async function readHost(init: HostFact["init"], constants: HostConstants, shuttingDown: boolean): Promise<HostFact> {
  const [osRelease, bootId, bootedAt, disks, rebootRequired] = await Promise.all([
    readFile("/etc/os-release", "utf8").catch(() => readFile("/usr/lib/os-release", "utf8").catch(() => "")),
    readFile("/proc/sys/kernel/random/boot_id", "utf8"),
    readBootTime(),
    sizesOf(),
    there("/run/reboot-required").then((found) => found || there("/var/run/reboot-required")),
  ]);
  const os = parseOsRelease(osRelease);
  return {
    hostname: hostname(),
    os: { id: os.get("ID") ?? "linux", version: os.get("VERSION_ID") ?? "", name: os.get("PRETTY_NAME") ?? os.get("NAME") ?? "Linux" },
    kernel: release(),
    arch: machine(),
    init,
    virtualization: constants.virtualization,
    bootId: bootId.trim(),
    bootedAt,
    addresses: publicAddresses(),
    cpus: Math.max(1, cpus().length),
    memory: await memoryLimit(),
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

/** Whole seconds, since the kernel gives no more: the same at every look. */
async function readBootTime(): Promise<number> {
  const seconds = /^btime (\d+)$/m.exec(await readFile("/proc/stat", "utf8"))?.[1];
  return Number(seconds ?? 0) * 1000;
}

async function memoryLimit(): Promise<number> {
  const total = /^MemTotal:\s+(\d+) kB$/m.exec(await readFile("/proc/meminfo", "utf8").catch(() => ""))?.[1];
  return total === undefined ? totalmem() : Number(total) * 1024;
}

function publicAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return [
    ...new Set(all.filter(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/i.test(address)).map(({ address }) => address)),
  ].sort();
}

const there = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Changes when the files that a host fact is read from do. */
export const hostFiles = [
  "/etc/hostname",
  "/etc/os-release",
  "/run/reboot-required",
  "/run/nologin",
  "/run/systemd/shutdown/scheduled",
] as const;
