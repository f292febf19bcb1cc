import { randomBytes } from "node:crypto";
import { link, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Makes entries of a folder last: a rename is on disk only once its folder is. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Replaces a file such that after a power cut either the old or the new text is there, whole: unique temporary file, fsync,
 * rename, fsync of the folder. `backup` keeps the text before under that path.
 */
export async function writeDurably(path: string, text: string, mode: number, backup?: string): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const handle = await open(temporary, "wx", mode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (backup !== undefined) await keepAs(path, backup);
    await rename(temporary, path);
  } catch (failure) {
    await rm(temporary, { force: true });
    throw failure;
  }
  await syncFolder(dirname(path));
}

/** Removes the temporary files that power cuts left in a folder; nobody else may be writing there. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (/\.[0-9a-f]{12}\.tmp$/.test(name)) await rm(join(folder, name), { force: true });
}

/** Gives the present file a second name, replacing what had it; nothing where there is no file yet. */
async function keepAs(path: string, backup: string): Promise<void> {
  const temporary = `${backup}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await link(path, temporary);
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === "ENOENT") return;
    throw failure;
  }
  await rename(temporary, backup);
}
