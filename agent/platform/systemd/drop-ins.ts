import { readFile, rmdir, unlink } from "node:fs/promises";
import { maxFactText } from "../../../schemas/verbs/file.ts";
import { codeOf, failure, reasonOf } from "../failure.ts";
import { ensureFolder } from "../files/folder.ts";
import { replaceFile, syncFolder } from "../files/replace.ts";

const folderOf = (unit: string): string => `/etc/systemd/system/${unit}.d`;

/** The text of a unit's drop-in file; null: not there. A longer one than facts carry is cut. */
export async function readDropIn(unit: string, name: string): Promise<string | null> {
  try {
    return (await readFile(`${folderOf(unit)}/${name}.conf`, "utf8")).slice(0, maxFactText);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR") return null;
    throw failure("service/drop-in", `Unable to read drop-in ${name} of ${unit}: ${reasonOf(cause)}`, { cause });
  }
}

/** Writes or removes drop-ins; systemd has to read its files again afterwards. */
export async function writeDropIns(unit: string, dropIns: Readonly<Record<string, string | null>>): Promise<void> {
  for (const [name, text] of Object.entries(dropIns)) {
    if ((await readDropIn(unit, name)) === text) continue;
    const path = `${folderOf(unit)}/${name}.conf`;
    try {
      if (text === null) await removeDropIn(unit, path);
      else {
        await ensureFolder(folderOf(unit));
        await replaceFile(path, Buffer.from(text, "utf8"), { uid: 0, gid: 0, mode: 0o644 });
      }
    } catch (cause) {
      throw failure("service/drop-in", `Unable to write ${path}: ${reasonOf(cause)}`, { cause });
    }
  }
}

async function removeDropIn(unit: string, path: string): Promise<void> {
  await unlink(path);
  await syncFolder(folderOf(unit));
  await rmdir(folderOf(unit)).catch(() => undefined);
}
