import { lstat, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "../failure.ts";
import { syncFolder } from "./replace.ts";

/** Makes a folder and its missing parents (0755) and has each of them on disk. */
export async function ensureFolder(path: string): Promise<void> {
  const there = await lstat(path).catch((cause: unknown) => {
    if (codeOf(cause) !== "ENOENT") throw cause;
    return undefined;
  });
  if (there !== undefined) return;
  await ensureFolder(dirname(path));
  await mkdir(path, { mode: 0o755 }).catch((cause: unknown) => {
    if (codeOf(cause) !== "EEXIST") throw cause;
  });
  await syncFolder(dirname(path));
}
