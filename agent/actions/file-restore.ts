import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { failure } from "../platform/failure.ts";
import { backupFolder } from "../platform/files/backup.ts";
import { claimOf, fileProblem, type FileSurroundings, mark, removeAt, resolveAttributes } from "../platform/files/change.ts";
import { atPlace, type Place } from "../platform/files/place.ts";
import { openPresent } from "../platform/files/read.ts";
import { replaceFile } from "../platform/files/replace.ts";
import { claiming } from "../runtime/claiming.ts";
import type { Backup } from "../runtime/memory.ts";
import type { ActionContext } from "../runtime/verbs.ts";

/** Action `file.restore`: puts back what a path was before a step. */
export const restoreFile =
  (around: FileSurroundings) =>
  async (input: ActionInput<"file.restore">, context: ActionContext): Promise<undefined> => {
    const { path, step } = input;
    const backup = context.memory.backups(path).find((candidate) => candidate.step === step);
    if (backup === undefined) throw failure("file/no-backup", `Unable to restore ${path}: there is no backup of it from step ${step}`);
    try {
      await atPlace(path, backup.file !== undefined, context, async (place) => {
        // Anything but a file is left alone.
        if (place !== undefined) await (await openPresent(path, place.path))?.close();
        if (place !== undefined && backup.file !== undefined)
          return restoreBytes(input, { ...backup, file: backup.file }, place, context, around);
        await mark(input, context);
        await removeAt(path, place, context);
      });
    } catch (cause) {
      throw fileProblem("restore", path, cause);
    }
  };

async function restoreBytes(
  input: ActionInput<"file.restore">,
  backup: Backup & { file: string },
  place: Place,
  context: ActionContext,
  around: FileSurroundings,
): Promise<void> {
  const bytes = await readFile(join(backupFolder(around.stateDir), backup.file));
  const attributes = await resolveAttributes(backup, undefined, around.accounts);
  const restore = () => replaceFile(place.path, bytes, attributes, { real: place.real, beforeRename: () => mark(input, context) });
  const claim = claimOf(input.path, false, bytes, context);
  const owned = context.memory.owned().some((candidate) => candidate.claim === claim.claim);
  await (owned ? claiming(context.memory, claim.claim, claim, restore) : restore());
}
