import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { ActionContext } from "../../runtime/verbs.ts";
import { codeOf, failure, reasonOf } from "../failure.ts";
import type { Accounts } from "./accounts.ts";
import { backUp } from "./backup.ts";
import { ensureFolder } from "./folder.ts";
import { lstatOrNothing, type Present, readPresent, refuseOther } from "./read.ts";
import { type Attributes, replaceFile, syncFolder } from "./replace.ts";

/** What file actions need of their surroundings. */
export interface FileSurroundings {
  readonly stateDir: string;
  readonly accounts: Accounts;
}

/** Attributes as a step gives them: names or numbers as text, four octal digits. */
export interface WantedAttributes {
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
  readonly mode?: string | undefined;
}

export interface WantedFile extends WantedAttributes {
  readonly path: string;
  readonly backups?: number | undefined;
  readonly marks?: readonly string[] | undefined;
}

/** Files larger than this are not taken into memory to be changed. */
const maxChanged = 64 * 1024 * 1024;

/** Gives a path new content, computed from the present one: backed up first, in one rename, marked for the units that have to load it, remembered as ours. Undefined content: nothing to do but the attributes. */
export async function changeFile(
  wanted: WantedFile,
  content: (present: Present | undefined) => Uint8Array | undefined,
  context: ActionContext,
  around: FileSurroundings,
): Promise<void> {
  const { path } = wanted;
  try {
    const present = await readPresent(path, maxChanged);
    const bytes = content(present);
    if (bytes === undefined && present === undefined) throw failure("file/missing", `Unable to change ${path}: it does not exist`);
    const attributes = await resolveAttributes(wanted, present, around.accounts);
    await backUp(path, context, { ...around, keep: wanted.backups });
    const sameBytes = bytes === undefined || (present !== undefined && present.bytes.equals(bytes));
    if (sameBytes) await setAttributes(path, attributes);
    else {
      await ensureFolder(dirname(path));
      await replaceFile(path, bytes, attributes, () => mark(wanted, context));
    }
    await own(path, wasMissing(path, context), bytes ?? present?.bytes, context);
  } catch (cause) {
    throw fileProblem("change", path, cause);
  }
}

/** Whether the path was not there before this step, also where the step is repeated after a power cut. */
const wasMissing = (path: string, context: ActionContext): boolean =>
  context.memory.backups(path).some((backup) => backup.step === context.step && backup.file === undefined);

/** Removes a file after backing it up; a path that is not there is done already. */
export async function removeFile(wanted: WantedFile, context: ActionContext, around: FileSurroundings): Promise<void> {
  const { path } = wanted;
  try {
    const info = await lstatOrNothing(path);
    if (info !== undefined) {
      refuseOther(path, info);
      await backUp(path, context, { ...around, keep: wanted.backups });
      await mark(wanted, context);
      await unlink(path);
      await syncFolder(dirname(path));
    }
    await context.memory.disown(`file:${path}`);
  } catch (cause) {
    throw fileProblem("remove", path, cause);
  }
}

/** The units have to load the file again: remembered before the change shows, so that a power cut cannot lose it. */
export async function mark(wanted: WantedFile, context: ActionContext): Promise<void> {
  if (wanted.marks !== undefined && wanted.marks.length > 0) await context.memory.mark(wanted.path, wanted.marks);
}

/** Remembers the file as ours; one that was ours already keeps whether we made it. */
export async function own(path: string, created: boolean, bytes: Uint8Array | undefined, context: ActionContext): Promise<void> {
  const claim = `file:${path}`;
  const before = context.memory.owned().find((owned) => owned.claim === claim);
  const sha256 = bytes === undefined ? undefined : createHash("sha256").update(bytes).digest("hex");
  await context.memory.own({
    claim,
    resource: context.resource,
    at: Date.now(),
    created: before?.created ?? created,
    ...(sha256 === undefined ? {} : { sha256 }),
  });
}

/** What is given, else what the file has, else root's with 0644. Fails where an account does not exist. */
export async function resolveAttributes(
  wanted: WantedAttributes,
  present: Attributes | undefined,
  accounts: Accounts,
): Promise<Attributes> {
  const uid = wanted.owner === undefined ? (present?.uid ?? 0) : await accounts.userId(wanted.owner);
  const gid = wanted.group === undefined ? (present?.gid ?? 0) : await accounts.groupId(wanted.group);
  if (uid === undefined) throw failure("file/no-user", `Unable to set the owner: there is no user ${wanted.owner ?? ""} on this host`);
  if (gid === undefined) throw failure("file/no-group", `Unable to set the group: there is no group ${wanted.group ?? ""} on this host`);
  return { uid, gid, mode: wanted.mode === undefined ? (present?.mode ?? 0o644) : Number.parseInt(wanted.mode, 8) };
}

async function setAttributes(path: string, attributes: Attributes): Promise<void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const now = await file.stat();
    // chown clears set-user-id bits, so the mode comes second.
    if (now.uid !== attributes.uid || now.gid !== attributes.gid) await file.chown(attributes.uid, attributes.gid);
    await file.chmod(attributes.mode);
    await file.sync();
  } finally {
    await file.close();
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full; the old file is untouched",
  EDQUOT: "the disk quota is used up; the old file is untouched",
  EROFS: "the file system is read-only",
  EPERM: "not permitted (an immutable file?)",
  EACCES: "permission denied",
  ENOTDIR: "a part of its path is not a folder",
  ELOOP: "a part of its path is a symbolic link",
};

/** Any failure of a file action as a problem that names the path; what can pass by itself may be tried again later. */
export function fileProblem(verb: string, path: string, cause: unknown): Error {
  if (cause instanceof Error && cause.name === "ProblemError") return cause;
  const code = codeOf(cause);
  if (code === undefined) return cause instanceof Error ? cause : new Error(String(cause));
  return failure(`file/${code.toLowerCase()}`, `Unable to ${verb} ${path}: ${reasons[code] ?? reasonOf(cause)}`, {
    retry: code === "ENOSPC" || code === "EDQUOT" ? "later" : "never",
    cause,
  });
}
