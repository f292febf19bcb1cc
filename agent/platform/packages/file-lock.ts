import { readFile, stat } from "node:fs/promises";

/** Whether some process holds a POSIX or flock lock on one of the files, from /proc/locks: nothing is opened or locked for that. */
export async function anyLocked(paths: readonly string[]): Promise<boolean> {
  const locks = await readFile("/proc/locks", "utf8").catch(() => "");
  for (const path of paths) {
    const info = await stat(path).catch(() => undefined);
    if (info !== undefined && holdsLock(locks, info.ino, info.dev)) return true;
  }
  return false;
}

/**
 * Lines of /proc/locks are `1: POSIX ADVISORY WRITE 4321 08:01:123456 0 EOF` (proc(5)); `->` marks one that waits.
 * The device of an overlay is not the one that stat tells, so that a lock counts where device or file system layer differ but the inode is the same.
 */
export function holdsLock(locks: string, inode: number, device: number): boolean {
  const exact = `${hex(major(device))}:${hex(minor(device))}:${inode}`;
  const rows = locks.split("\n").filter((line) => line !== "" && !line.includes("->"));
  const places = rows.map((line) => /\s([0-9a-f]+:[0-9a-f]+:[0-9]+)\s/.exec(line)?.[1]);
  return places.includes(exact) || places.some((place) => place?.split(":")[2] === String(inode));
}

const hex = (value: number): string => value.toString(16).padStart(2, "0");
const major = (device: number): number => Math.floor(device / 256) & 0xfff;
const minor = (device: number): number => device & 0xff;
