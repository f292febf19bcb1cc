import { closeSync, copyFileSync, fstatSync, ftruncateSync, openSync, readlinkSync, renameSync } from "node:fs";

const maxBytes = 10 * 1024 * 1024;
const kept = 3;
const lookMs = 60_000;

/**
 * Keeps the file that standard output goes to (OpenRC; under systemd it is the journal) from growing for ever: past 10 MiB it is copied to
 * `.1` and emptied in place, since the supervisor holds it open to append; the copies before move on to `.2` and `.3`. Answers how to stop.
 */
export function rotateOutput(fd: number = 1, limit = maxBytes): () => void {
  if (!isFile(fd)) return () => undefined;
  const look = (): void => {
    try {
      if (fstatSync(fd).size > limit) rotate(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      // A full disk, or a file that somebody moved: the log goes on where it is, and the next look tries again.
    }
  };
  look();
  const timer = setInterval(look, lookMs).unref();
  return () => clearInterval(timer);
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

/** Nothing of this process is written between the copy and the emptying: both are done in one go. */
function rotate(path: string): void {
  for (let number = kept - 1; number >= 1; number -= 1)
    try {
      renameSync(`${path}.${number}`, `${path}.${number + 1}`);
    } catch {
      // There are not that many yet.
    }
  copyFileSync(path, `${path}.1`);
  const file = openSync(path, "r+");
  try {
    ftruncateSync(file, 0);
  } finally {
    closeSync(file);
  }
}
