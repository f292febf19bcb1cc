import type { ActionInput } from "../../schemas/verbs/index.ts";
import { changeFile, type FileSurroundings } from "../platform/files/change.ts";
import type { ActionContext } from "../runtime/verbs.ts";

/** Action `file.write`: new content in one rename, or only owner, group and mode. */
export const writeFile =
  (around: FileSurroundings) =>
  async (input: ActionInput<"file.write">, context: ActionContext): Promise<undefined> => {
    const bytes = input.content === undefined ? undefined : Buffer.from(input.content, input.encoding ?? "utf8");
    await changeFile(input, bytes === undefined ? undefined : () => bytes, context, around);
  };
