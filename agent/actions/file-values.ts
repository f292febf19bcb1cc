import type { ActionInput } from "../../schemas/verbs/index.ts";
import { changeFile, type FileSurroundings } from "../platform/files/change.ts";
import { lstatOrNothing, utf8 } from "../platform/files/read.ts";
import { failure } from "../platform/failure.ts";
import { setValues } from "../platform/values/index.ts";
import type { ActionContext } from "../runtime/verbs.ts";

/** Action `file.values`: single values inside a file; a file that is not there begins empty. */
export const writeValues =
  (around: FileSurroundings) =>
  async (input: ActionInput<"file.values">, context: ActionContext): Promise<undefined> => {
    if (Object.values(input.values).every((value) => value === null) && (await lstatOrNothing(input.path)) === undefined) return;
    await changeFile(input, (present) => edited(input, present?.bytes), context, around);
  };

/** The bytes of a file with the values set. */
function edited(input: ActionInput<"file.values">, bytes: Uint8Array | undefined): Uint8Array {
  const text = bytes === undefined ? "" : utf8(bytes);
  if (text === undefined) throw failure("file/not-text", `Unable to change ${input.path}: it is not UTF-8 text`);
  const result = setValues(input.format, text, input.values);
  if ("problem" in result) throw failure("file/values", `Unable to change ${input.path}: ${result.problem}`);
  return Buffer.from(result.text, "utf8");
}
