import { lstat, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { BackupView } from "../schemas/api.ts";
import { error, ProblemError } from "../schemas/problem.ts";
import { syncFolder, writeDurably } from "./hub/durable-file.ts";
import type { Store } from "./store/store.ts";

/** What a backup is made of. */
export interface BackupParts {
  readonly store: Pick<Store, "backup">;
  readonly dataDir: string;
  /** Names in the data folder: the database, the note of its audit trail's head, the keys' folder, the age key. */
  readonly names: { readonly database: string; readonly head: string; readonly keys: string; readonly age: string };
  readonly version: string;
  /** The controller's id. */
  readonly controller: string;
  /** What git has, which is not copied. */
  readonly workspace: () => Promise<BackupView["workspace"]>;
  readonly now: () => number;
}

/** The file of a backup that says of what it is one. */
const about = "backup.json";

/**
 * Writes everything that a controller needs but git into a new folder, while it works: a folder of the same form as the data folder, 0700 with
 * files of 0600, whole under its name or not there at all. Throws ProblemError (`invalid/backup`, `backup/failed`, `store/…`).
 */
export async function backUp(folder: string, parts: BackupParts): Promise<BackupView> {
  const { store, dataDir, names, controller, version, now } = parts,
    workspace = await parts.workspace(),
    madeAt = new Date(now()).toISOString();
  await checkPlace(folder, dataDir, workspace.folder);
  const partial = await mkdtemp(`${folder}.partial-`).catch((cause: unknown) => {
    throw refused(folder, `its parent cannot be written: ${(cause as NodeJS.ErrnoException).code}`, cause);
  });
  try {
    // Before the database: the note may lag behind the trail, never run ahead of it.
    await copy(join(dataDir, names.head), join(partial, names.head));
    await store.backup(join(partial, names.database));
    await mkdir(join(partial, names.keys), { mode: 0o700 });
    for (const name of (await readdir(join(dataDir, names.keys))).filter((one) => !one.endsWith(".tmp")))
      await copy(join(dataDir, names.keys, name), join(partial, names.keys, name));
    await copy(join(dataDir, names.age), join(partial, names.age));
    await writeDurably(join(partial, about), `${JSON.stringify({ madeAt, controller, version, workspace }, null, 2)}\n`);
    await rename(partial, folder);
    await syncFolder(dirname(folder));
  } catch (cause) {
    await rm(partial, { recursive: true, force: true });
    if (cause instanceof ProblemError) throw cause;
    throw refused(folder, cause instanceof Error ? cause.message : String(cause), cause);
  }
  return { folder, madeAt, workspace };
}

/** A file that its owner alone may read, as the original was; one that is not there is left out. */
async function copy(from: string, to: string): Promise<void> {
  const content = await readFile(from).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw cause;
  });
  if (content !== undefined) await writeDurably(to, content);
}

async function checkPlace(folder: string, dataDir: string, workspace: string): Promise<void> {
  if (!isAbsolute(folder) || resolve(folder) !== folder) throw refused(folder, "it is not an absolute path");
  if (
    await lstat(folder).then(
      () => true,
      () => false,
    )
  )
    throw refused(folder, "it exists; name a new folder");
  // Where it would really stand: a link may lead there.
  const real = (path: string): Promise<string> => realpath(path).catch(() => path),
    [place, git, data] = [join(await real(dirname(folder)), basename(folder)), await real(workspace), await real(dataDir)];
  if (isWithin(place, git) && !isWithin(place, data))
    throw refused(folder, "it would stand in the workspace, and keys do not belong into git; name a folder elsewhere");
}

const isWithin = (path: string, folder: string): boolean => !/^\.\.(\/|$)/.test(relative(folder, path));

const refused = (folder: string, reason: string, cause?: unknown): ProblemError =>
  new ProblemError(error(cause === undefined ? "invalid/backup" : "backup/failed", `Unable to write the backup ${folder}: ${reason}`), {
    cause,
  });
