import { realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Follows the links of a path's parent folder; parts that do not exist stay as they are. The last part is never followed: files are replaced by rename. */
export async function resolvePath(path: string): Promise<string> {
  return join(await realFolder(dirname(path)), basename(path));
}

async function realFolder(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch (failure) {
    const { code } = failure as NodeJS.ErrnoException;
    if (folder === "/" || (code !== "ENOENT" && code !== "ENOTDIR")) throw failure;
    return join(await realFolder(dirname(folder)), basename(folder));
  }
}
