import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readlink, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ProblemError } from "../../../schemas/problem.ts";
import type { ActionContext } from "../../runtime/verbs.ts";
import { codeOf, failure } from "../failure.ts";

/** A path whose folder is held open, so that whoever may rename folders or links on the way there cannot lead us elsewhere meanwhile. */
export interface Place {
  /** Names the path by way of the open folder; good while the place is held. */
  readonly path: string;
  /** The path itself, without links. */
  readonly real: string;
  readonly folder: Stats;
}

const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const mostLinks = 40;

/** The folder of a descriptor by its entry in /proc (proc(5)): Node knows no openat(2). */
const procPath = ({ fd }: FileHandle): string => `/proc/self/fd/${fd}`;

/**
 * Holds the folder of a path while `work` runs. Asks once more whether this host accepts the path where it really leads, so
 * that nothing can change between that answer and the work. Missing folders are made (0755, on disk) where `make` says so;
 * without it, `work` is given undefined where the folder is not there.
 */
export async function atPlace<T>(
  path: string,
  make: boolean,
  context: Pick<ActionContext, "accepts">,
  work: (place: Place | undefined) => Promise<T>,
): Promise<T> {
  const { real, missing } = await follow(path);
  const refusal = await context.accepts(join(real, ...missing, basename(path)));
  if (refusal !== undefined) throw new ProblemError(refusal);
  if (missing.length > 0 && !make) return work(undefined);
  const held = await hold(real, missing);
  try {
    const folder = join(real, ...missing);
    if ((await readlink(procPath(held))) !== folder)
      throw failure("file/moved", `Unable to change ${path}: its folder was moved at this very moment`, { retry: "later" });
    return await work({ path: join(procPath(held), basename(path)), real: join(folder, basename(path)), folder: await held.stat() });
  } finally {
    await held.close();
  }
}

async function hold(real: string, missing: readonly string[]): Promise<FileHandle> {
  let held = await open(real, folderFlags);
  for (const name of missing) {
    const parent = held;
    try {
      await mkdir(join(procPath(parent), name), { mode: 0o755 }).catch((cause: unknown) => {
        if (codeOf(cause) !== "EEXIST") throw cause;
      });
      await parent.sync();
      held = await open(join(procPath(parent), name), folderFlags);
    } finally {
      await parent.close();
    }
  }
  return held;
}

/** Follows the links of a path's folder by hand: the folder that is there without links, and the names below it that are no folders. */
async function follow(path: string): Promise<{ real: string; missing: string[] }> {
  let real = "/",
    links = 0;
  const rest = partsOf(dirname(path));
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === ".") continue;
    const at = join(real, name);
    const info = name === ".." ? undefined : await lstatOrMissing(at);
    if (name === "..") real = dirname(real);
    else if (info === undefined || !(info.isDirectory() || info.isSymbolicLink()))
      return { real, missing: links > 0 ? plain(path, [name, ...rest]) : [name, ...rest] };
    else if (info.isDirectory()) real = at;
    else {
      links += 1;
      if (links > mostLinks) throw failure("file/eloop", `Unable to change ${path}: too many links lead there`);
      const target = await readlink(at);
      if (!trusted(info.uid)) await refuseForeign(path, at, target.startsWith("/") ? target : `${real}/${target}`, info.uid);
      if (target.startsWith("/")) real = "/";
      rest.unshift(...partsOf(target));
    }
  }
  return { real, missing: [] };
}

const partsOf = (path: string): string[] => path.split("/").filter((part) => part !== "");

const lstatOrMissing = (path: string): Promise<Stats | undefined> =>
  lstat(path).catch((cause: unknown) => {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw cause;
  });

/** Folders are made below what a link leads to, but not by a link that leads through folders that are not there. */
function plain(path: string, missing: string[]): string[] {
  if (missing.includes("..")) throw failure("file/link", `Unable to change ${path}: a link on the way leads nowhere`);
  return missing;
}

const trusted = (uid: number): boolean => uid === 0 || uid === process.getuid?.();

/** Whoever owns a folder can put links into it: one that is not root's is followed to folders of the same owner alone (as CHASE_SAFE of systemd). */
async function refuseForeign(path: string, link: string, target: string, owner: number): Promise<void> {
  const { uid } = await stat(target);
  if (uid !== owner)
    throw failure(
      "file/unsafe-link",
      `Unable to change ${path}: ${link} is a link of user ${owner} that leads to a folder of user ${uid}`,
      {
        hint: "Name the path without that link, or make the link root's",
      },
    );
}
