import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Backup } from "../../runtime/memory.ts";
import type { ActionContext } from "../../runtime/verbs.ts";
import type { Accounts } from "./accounts.ts";
import type { Place } from "./place.ts";
import { modeText, openPresent } from "./read.ts";
import { syncFolder } from "./replace.ts";

const keptByDefault = 5;

/** Where backups lie below the agent's state folder. */
export const backupFolder = (stateDir: string): string => join(stateDir, "backups");

/**
 * Saves what a path is before a step changes it, or that it is not there; on disk before it resolves. A step that is repeated keeps its first backup:
 * what lies there now may be its own half-done work.
 */
export async function backUp(
  path: string,
  place: Place,
  context: ActionContext,
  options: { stateDir: string; accounts: Accounts; keep?: number | undefined },
): Promise<void> {
  if (context.memory.backups(path).some((backup) => backup.step === context.step)) return;
  const folder = backupFolder(options.stateDir);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const base = { path, step: context.step, at: Date.now() };
  const present = await openPresent(path, place.path);
  let backup: Backup = base;
  if (present !== undefined) {
    const file = createHash("sha256").update(`${path}\0${context.step}`).digest("hex").slice(0, 32);
    try {
      const { uid, gid, mode } = await present.stat();
      await copy(present, folder, file);
      const { userName, groupName } = options.accounts;
      backup = { ...base, file, owner: await userName(uid), group: await groupName(gid), mode: modeText(mode) };
    } finally {
      await present.close();
    }
  }
  const dropped = await context.memory.addBackup(backup, Math.max(1, options.keep ?? keptByDefault));
  for (const old of dropped) if (old.file !== undefined) await unlink(join(folder, old.file)).catch(() => undefined);
}

/** Copies the very file that is open, whatever has its name by now. */
async function copy(present: FileHandle, folder: string, name: string): Promise<void> {
  const target = join(folder, name);
  await unlink(target).catch(() => undefined);
  await copyFile(`/proc/self/fd/${present.fd}`, target, constants.COPYFILE_FICLONE);
  const file = await open(target, "r+");
  try {
    await file.chmod(0o600);
    await file.chown(0, 0).catch(() => undefined);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(folder);
}
