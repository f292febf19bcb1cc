import { createHash, createHmac } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, lstat, open, readlink, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { type FileFact, maxFactText, type Scalar } from "../../../schemas/verbs/file.ts";
import type { ProbeInput } from "../../../schemas/verbs/index.ts";
import { codeOf, failure, reasonOf } from "../failure.ts";
import { getValues, maxValuesText } from "../values/index.ts";
import type { Accounts } from "./accounts.ts";

/** Four octal digits of a mode. */
export const modeText = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, "0");

/** Reads a path as it is now: what it is, whose, and what of its content was asked for. Links are not followed at its last part. */
export async function readFact(
  input: ProbeInput<"file">,
  accounts: Accounts,
  sealKey: Uint8Array | undefined,
  signal: AbortSignal,
): Promise<FileFact> {
  const { path } = input;
  try {
    const info = await lstat(path);
    const type = info.isFile() ? "file" : info.isDirectory() ? "directory" : info.isSymbolicLink() ? "link" : "other";
    const { uid, gid } = info;
    const fact: FileFact = { path, type, owner: await accounts.userName(uid), group: await accounts.groupName(gid), uid, gid };
    if (type === "link") return { ...fact, target: await readlink(path) };
    if (type !== "file") return { ...fact, mode: modeText(info.mode) };
    const closedBy = (info.mode & 0o004) === 0 ? undefined : await closedFolder(path),
      content = await readContent(input, sealKey, signal);
    return { ...fact, mode: modeText(info.mode), ...(closedBy === undefined ? {} : { closedBy }), ...content };
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "ENOENT" || code === "ENOTDIR") return { path, type: "missing" };
    throw cause instanceof Error && cause.name === "ProblemError"
      ? cause
      : failure("file/read", `Unable to read ${path}: ${reasonOf(cause)}`, { retry: "later", cause });
  }
}

/** The uppermost folder on the way to a path that others may not enter, by its mode; undefined where there is none. */
async function closedFolder(path: string): Promise<string | undefined> {
  const parts = (await realpath(dirname(path))).split("/").filter((part) => part !== "");
  for (let at = 0; at <= parts.length; at++) {
    const folder = `/${parts.slice(0, at).join("/")}`;
    if (((await lstat(folder)).mode & 0o001) === 0) return folder;
  }
  return undefined;
}

type Content = Pick<FileFact, "sha256" | "seal" | "size" | "text" | "values" | "valuesError">;

async function readContent(input: ProbeInput<"file">, sealKey: Uint8Array | undefined, signal: AbortSignal): Promise<Content> {
  const file = await open(input.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (input.seal === true) {
      if (sealKey === undefined)
        throw failure("file/no-seal-key", `Unable to read ${input.path}: no key for sealed digests yet`, { retry: "later" });
      const { digest, size } = await readThrough(file, createHmac("sha256", sealKey), 0, signal);
      return { seal: digest, size };
    }
    const wanted = Math.max(input.content === true ? maxFactText : 0, input.values === undefined ? 0 : maxValuesText);
    const { digest, size, kept } = await readThrough(file, createHash("sha256"), wanted, signal);
    const whole = kept.length === size ? utf8(kept) : undefined;
    return {
      sha256: digest,
      size,
      ...(input.content === true && whole !== undefined && size <= maxFactText ? { text: whole } : {}),
      ...(input.values === undefined ? {} : valuesOf(whole, input.values)),
    };
  } finally {
    await file.close();
  }
}

function valuesOf(
  text: string | undefined,
  wanted: NonNullable<ProbeInput<"file">["values"]>,
): { values: Record<string, Scalar> } | { valuesError: string } {
  if (text === undefined) return { valuesError: "not UTF-8 text, or larger than 1 MiB" };
  const result = getValues(wanted.format, text, wanted.keys);
  return "problem" in result ? { valuesError: result.problem } : result;
}

/** Digests a file as it streams by and keeps its first bytes. */
async function readThrough(
  file: FileHandle,
  hash: { update(data: Uint8Array): unknown; digest(encoding: "hex"): string },
  keep: number,
  signal: AbortSignal,
) {
  const chunk = Buffer.allocUnsafe(65_536);
  const kept: Buffer[] = [];
  let size = 0;
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) break;
    const part = chunk.subarray(0, bytesRead);
    hash.update(part);
    if (size < keep) kept.push(Buffer.from(part.subarray(0, keep - size)));
    size += bytesRead;
  }
  return { digest: hash.digest("hex"), size, kept: Buffer.concat(kept) };
}

/** Bytes as text; undefined where they are not valid UTF-8. A byte order mark is kept. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A file's bytes with its attributes, for what changes it; undefined: nothing is there. Refuses links, folders and devices. */
export interface Present {
  readonly bytes: Buffer;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** How many names it has. */
  readonly links: number;
}

/** `at`: another way to reach the path. */
export async function readPresent(path: string, limit: number, at = path): Promise<Present | undefined> {
  const file = await openPresent(path, at);
  if (file === undefined) return undefined;
  try {
    const { size, uid, gid, mode, nlink } = await file.stat();
    if (size > limit) throw failure("file/too-large", `Unable to change ${path}: it is larger than ${limit} bytes`);
    return { bytes: await file.readFile(), uid, gid, mode: mode & 0o7777, links: nlink };
  } finally {
    await file.close();
  }
}

/** Opens the regular file that a path is; undefined: nothing is there. What somebody may put there meanwhile (a link, a pipe) is refused as well. */
export async function openPresent(path: string, at: string): Promise<FileHandle | undefined> {
  const info = await lstatOrNothing(at);
  if (info === undefined) return undefined;
  refuseOther(path, info);
  const file = await open(at, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const opened = await file.stat({ bigint: true });
  if (opened.isFile()) return file;
  await file.close();
  refuseOther(path, opened);
  return undefined;
}

export async function lstatOrNothing(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (cause) {
    if (codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR") return undefined;
    throw cause;
  }
}

function refuseOther(path: string, info: BigIntStats): void {
  if (info.isFile()) return;
  if (info.isSymbolicLink())
    throw failure("file/link", `Unable to change ${path}: it is a symbolic link`, {
      hint: "Links are never followed or replaced: name the file that it points to, or remove the link",
    });
  throw failure("file/not-a-file", `Unable to change ${path}: it is ${info.isDirectory() ? "a directory" : "not a regular file"}`);
}
