import { error, type Problem, ProblemError } from "../../../schemas/problem.ts";

const restore = 'Stop the controller and put back a backup: docs/operating.md, section "Backup and restore"';

/** What SQLite's primary result codes (sqlite.org/rescode.html) mean for the person who runs the controller. */
const meanings: Readonly<Record<number, (path: string) => Problem>> = {
  5: (path) =>
    error("store/locked", `Unable to use ${path}: another process has it open`, {
      retry: "later",
      hint: "Only one controller may use a data folder: stop the other one",
    }),
  6: (path) => error("store/locked", `Unable to use ${path}: it is locked`, { retry: "later" }),
  8: (path) =>
    error("store/read-only", `Unable to write ${path}: the file or its folder is read-only`, {
      retry: "later",
      hint: "Make it writable for the controller's user",
    }),
  10: (path) =>
    error("store/io", `Unable to read or write ${path}: the disk or file system reports an error`, {
      retry: "later",
      hint: "Look at the kernel's log (dmesg) and at the disk's health",
    }),
  11: (path) => error("store/corrupt", `Unable to use ${path}: the database is damaged`, { hint: restore }),
  13: (path) =>
    error("store/disk-full", `Unable to write ${path}: the disk is full`, {
      retry: "later",
      hint: "Free some space; what was acknowledged is kept, what was not is tried again",
    }),
  14: (path) =>
    error("store/unopenable", `Unable to open ${path}: the folder is missing, or the controller's user may not use it`, {
      hint: "Make the data folder, and give it to the controller's user",
    }),
  26: (path) => error("store/corrupt", `Unable to use ${path}: the file is not a database, or its beginning is damaged`, { hint: restore }),
};

/** SQLite's primary result code of an error, where it has one. */
export function sqliteCode(thrown: unknown): number | undefined {
  const code = thrown instanceof Error && "errcode" in thrown ? thrown.errcode : undefined;
  return typeof code === "number" ? code & 0xff : undefined;
}

/** A failure of the environment as a ProblemError; anything else as it is. */
export function asProblem(thrown: unknown, path: string): unknown {
  const code = sqliteCode(thrown),
    meaning = code === undefined ? undefined : meanings[code];
  return meaning === undefined ? thrown : new ProblemError({ ...meaning(path), detail: (thrown as Error).message }, { cause: thrown });
}
