import { createHash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, type FileHandle, open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runProgram } from "../program.ts";

/** Owner, group and permission bits of a file, as numbers. */
export interface Attributes {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** Has the entries of a folder on disk. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Name of the temporary file for a path: always the same, so that what a power cut left behind goes with the next write; hidden, so that no `*.conf` reads it. */
const temporaryFor = (path: string): string => `.backend-ai-${createHash("sha256").update(path).digest("hex").slice(0, 24)}`;

/**
 * Puts new content in the place of a file in one rename: whoever reads sees the old or the new bytes, with the right owner and mode from the first moment.
 * `beforeRename` runs when the new bytes are safe and the old are still in place. Where anything fails the old file stays and nothing is left over.
 * `real` is the path's own name, where `path` reaches it another way.
 */
export async function replaceFile(
  path: string,
  content: Uint8Array,
  attributes: Attributes,
  { beforeRename, real = path }: { readonly beforeRename?: () => Promise<void>; readonly real?: string } = {},
): Promise<void> {
  const folder = dirname(path);
  const { file, temporary } = await openTemporary(join(folder, temporaryFor(real)));
  try {
    try {
      await file.writeFile(content);
      await file.chown(attributes.uid, attributes.gid);
      await file.chmod(attributes.mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await beforeRename?.();
    await rename(temporary, path);
  } catch (cause) {
    await unlink(temporary).catch(() => undefined);
    throw cause;
  }
  await syncFolder(folder);
  await relabel(real);
}

/** Where somebody else put something in the way that cannot be removed (a folder, in a folder that anybody may write to), the name has a random end. */
async function openTemporary(usual: string): Promise<{ file: FileHandle; temporary: string }> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  await unlink(usual).catch(() => undefined);
  try {
    return { file: await open(usual, flags, 0o600), temporary: usual };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    const temporary = `${usual}-${randomBytes(6).toString("hex")}`;
    return { file: await open(temporary, flags, 0o600), temporary };
  }
}

/** On SELinux hosts a new file has the label of its folder; restorecon(8) gives it its own. */
async function relabel(path: string): Promise<void> {
  const selinux = await access("/sys/fs/selinux/enforce").then(
    () => true,
    () => false,
  );
  if (selinux) await runProgram(["restorecon", "--", path], { timeoutMs: 10_000 }).catch(() => undefined);
}
