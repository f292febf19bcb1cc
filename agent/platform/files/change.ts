import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { Owned } from "../../../schemas/verbs/host.ts";
import { claiming } from "../../runtime/claiming.ts";
import type { ActionContext } from "../../runtime/verbs.ts";
import { codeOf, failure, reasonOf } from "../failure.ts";
import type { Accounts } from "./accounts.ts";
import { backUp } from "./backup.ts";
import { atPlace, type Place } from "./place.ts";
import { lstatOrNothing, type Present, readPresent } from "./read.ts";
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

/** Gives a path new content, computed from the present one: backed up first, in one rename, marked for the units that have to load it, remembered as ours. Without `content`: owner, group and mode alone. */
export async function changeFile(
  wanted: WantedFile,
  content: ((present: Present | undefined) => Uint8Array) | undefined,
  context: ActionContext,
  around: FileSurroundings,
): Promise<void> {
  const { path } = wanted;
  try {
    await atPlace(path, content !== undefined, context, async (place) => {
      const present = place === undefined ? undefined : await readPresent(path, maxChanged, place.path);
      if (place === undefined || (content === undefined && present === undefined))
        throw failure("file/missing", `Unable to change ${path}: it does not exist`);
      if (present !== undefined) refuseHardLink(path, present, place);
      const bytes = content?.(present) ?? present?.bytes ?? Buffer.alloc(0);
      const attributes = await resolveAttributes(wanted, present, around.accounts);
      await backUp(path, place, context, { ...around, keep: wanted.backups });
      const claim = claimOf(path, wasMissing(path, context), bytes, context);
      await claiming(context.memory, claim.claim, claim, async () => {
        if (present?.bytes.equals(bytes) === true) await setAttributes(place.path, attributes);
        else await replaceFile(place.path, bytes, attributes, { real: place.real, beforeRename: () => mark(wanted, context) });
      });
    });
  } catch (cause) {
    throw fileProblem("change", path, cause);
  }
}

/** A file that has a second name elsewhere may be another user's trick: what is done to the one happens to the other, or is shown to its owner. */
function refuseHardLink(path: string, { links, uid }: Present, { folder }: Place): void {
  if (links > 1 && (folder.uid !== uid || (folder.mode & 0o002) !== 0))
    throw failure("file/hard-link", `Unable to change ${path}: it has ${links} names (hard links), and is not of its folder's owner`, {
      hint: "Remove the file first, and find out who linked it",
    });
}

/** Whether the path was not there before this step, also where the step is repeated after a power cut. */
const wasMissing = (path: string, context: ActionContext): boolean =>
  context.memory.backups(path).some((backup) => backup.step === context.step && backup.file === undefined);

/** Removes a file after backing it up; a path that is not there is done already. */
export async function removeFile(wanted: WantedFile, context: ActionContext, around: FileSurroundings): Promise<void> {
  const { path } = wanted;
  try {
    await atPlace(path, false, context, async (place) => {
      if (place !== undefined && (await lstatOrNothing(place.path)) !== undefined) {
        await backUp(path, place, context, { ...around, keep: wanted.backups });
        await mark(wanted, context);
      }
      await removeAt(path, place, context);
    });
  } catch (cause) {
    throw fileProblem("remove", path, cause);
  }
}

/** Takes a path away, if it is there, and what is remembered of it. */
export async function removeAt(path: string, place: Place | undefined, context: ActionContext): Promise<void> {
  await claiming(context.memory, `file:${path}`, undefined, async () => {
    if (place === undefined || (await lstatOrNothing(place.path)) === undefined) return;
    await unlink(place.path);
    await syncFolder(dirname(place.path));
  });
}

/** The units have to load the file again: remembered before the change shows, so that a power cut cannot lose it. */
export async function mark(wanted: WantedFile, context: ActionContext): Promise<void> {
  if (wanted.marks !== undefined && wanted.marks.length > 0) await context.memory.mark(wanted.path, wanted.marks);
}

/** The file as ours; one that was ours already keeps whether we made it. */
export function claimOf(path: string, created: boolean, bytes: Uint8Array, context: ActionContext): Owned {
  const claim = `file:${path}`;
  const before = context.memory.owned().find((owned) => owned.claim === claim);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { claim, resource: context.resource, at: Date.now(), created: before?.created ?? created, sha256 };
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
