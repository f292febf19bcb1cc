import { readFile, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ActionInput } from "../../schemas/verbs/index.ts";
import { failure } from "../platform/failure.ts";
import { backupFolder } from "../platform/files/backup.ts";
import { fileProblem, type FileSurroundings, mark, own, resolveAttributes } from "../platform/files/change.ts";
import { ensureFolder } from "../platform/files/folder.ts";
import { lstatOrNothing, refuseOther } from "../platform/files/read.ts";
import { replaceFile, syncFolder } from "../platform/files/replace.ts";
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
      const info = await lstatOrNothing(path);
      if (info !== undefined) refuseOther(path, info);
      await (backup.file === undefined
        ? restoreAbsence(input, info !== undefined, context)
        : restoreBytes(input, { ...backup, file: backup.file }, context, around));
    } catch (cause) {
      throw fileProblem("restore", path, cause);
    }
  };

async function restoreAbsence(input: ActionInput<"file.restore">, there: boolean, context: ActionContext): Promise<void> {
  await mark(input, context);
  if (there) {
    await unlink(input.path);
    await syncFolder(dirname(input.path));
  }
  await context.memory.disown(`file:${input.path}`);
}

async function restoreBytes(
  input: ActionInput<"file.restore">,
  backup: Backup & { file: string },
  context: ActionContext,
  around: FileSurroundings,
): Promise<void> {
  const bytes = await readFile(join(backupFolder(around.stateDir), backup.file));
  const attributes = await resolveAttributes(backup, undefined, around.accounts);
  await ensureFolder(dirname(input.path));
  await replaceFile(input.path, bytes, attributes, () => mark(input, context));
  const owned = context.memory.owned().some((candidate) => candidate.claim === `file:${input.path}`);
  if (owned) await own(input.path, false, bytes, context);
}
