import { readFileSync } from "node:fs";
import { stat, statfs } from "node:fs/promises";

/** A mounted file system with a disk of its own: size in bytes, used in whole per cent of what programs can use. */
export interface Mount {
  readonly mount: string;
  readonly size: number;
  readonly used: number;
}

const types = new Set([
  "ext2",
  "ext3",
  "ext4",
  "xfs",
  "btrfs",
  "zfs",
  "f2fs",
  "jfs",
  "reiserfs",
  "vfat",
  "ntfs",
  "overlay",
  "bcachefs",
  "fuseblk",
]);
const most = 64;
const patienceMs = 1000;

/** Sizes and use of the mounted file systems; each device once, at its shortest path. A file system that does not answer is left out after a second. */
export async function sizesOf(): Promise<Mount[]> {
  const mounts = parseMounts(readFileSync("/proc/self/mountinfo", "utf8"));
  const read = await Promise.all(mounts.slice(0, most).map((mount) => orLate(sizeOf(mount))));
  return read.filter((mount) => mount !== undefined);
}

const orLate = <T>(answer: Promise<T>): Promise<T | undefined> =>
  new Promise((resolve) => {
    const late = setTimeout(resolve, patienceMs, undefined).unref();
    void answer.then((value) => {
      // A timer that is left would wake an idle agent for nothing.
      clearTimeout(late);
      resolve(value);
    });
  });

async function sizeOf(mount: string): Promise<Mount | undefined> {
  const folder = await stat(mount).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const info = folder ? await statfs(mount).catch(() => undefined) : undefined;
  if (info === undefined || info.blocks === 0) return undefined;
  const used = info.blocks - info.bfree;
  // As df does: what only root may use does not count as free.
  return { mount, size: info.blocks * info.bsize, used: Math.ceil((used * 100) / Math.max(1, used + info.bavail)) };
}

/** Mount points of disks from /proc/self/mountinfo (proc(5)): one a device. */
export function parseMounts(text: string): string[] {
  const byDevice = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    const fields = left.split(" ");
    const [type, source] = right.split(" ");
    const mount = unescape(fields[4] ?? "");
    if (type === undefined || !types.has(type) || mount === "" || (type === "overlay" && mount !== "/")) continue;
    const device = type === "btrfs" || type === "zfs" ? `${type}:${source}` : (fields[2] ?? "");
    const known = byDevice.get(device);
    if (known === undefined || mount.length < known.length) byDevice.set(device, mount);
  }
  return [...byDevice.values()].sort();
}

/** Spaces and such are written as octal in mountinfo. */
const unescape = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
