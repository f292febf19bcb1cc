import type { ActionInput } from "../../schemas/verbs/index.ts";
import { type FileSurroundings, removeFile } from "../platform/files/change.ts";
import type { ActionContext } from "../runtime/verbs.ts";

/** Action `file.remove`: takes a file away; a backup stays. */
export const deleteFile =
  (around: FileSurroundings) =>
  async (input: ActionInput<"file.remove">, context: ActionContext): Promise<undefined> => {
    await removeFile(input, context, around);
  };
