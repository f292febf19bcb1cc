import type { FileEdit } from "../../schemas/api.ts";
import type { Client } from "./client.ts";
import type { FileChange } from "./views/diff.ts";

/** Edits beside what the workspace has now. */
export const fileChanges = (client: Client, edits: readonly FileEdit[]): Promise<FileChange[]> =>
  Promise.all(edits.map(async ({ path, text }) => ({ path, before: await client.fileText(path), after: text ?? undefined })));
