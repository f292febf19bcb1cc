import { createHash } from "node:crypto";
import { failure } from "../../../agent/platform/failure.ts";
import { setValues } from "../../../agent/platform/values/index.ts";
import type { Backup } from "../../../agent/runtime/memory.ts";
import type { ActionContext } from "../../../agent/runtime/verbs.ts";
import type { ActionInput } from "../../../schemas/verbs/index.ts";
import { type Content, contentOf } from "../host/content.ts";
import { dropFile, fileAt, putFile, refuseAccount, refuseOther } from "../host/files.ts";
import type { PretendFile } from "../host/parts.ts";
import type { PretendHost } from "../pretend-host.ts";
import { disownClaim, ownClaim } from "./own.ts";

const keptByDefault = 5;

type Wanted = Omit<ActionInput<"file.write">, "content" | "encoding">;

/** Action `file.write`: new content, or only owner, group and mode. */
export async function writeFile(host: PretendHost, input: ActionInput<"file.write">, context: ActionContext): Promise<undefined> {
  const { content, encoding } = input;
  await change(
    host,
    input,
    () => (content === undefined ? undefined : contentOf(encoding === "base64" ? Buffer.from(content, "base64") : content)),
    context,
  );
}

/** Action `file.values`: single values inside a file; a file that is not there begins empty. */
export async function writeValues(host: PretendHost, input: ActionInput<"file.values">, context: ActionContext): Promise<undefined> {
  await change(host, input, (present) => contentOf(edited(input, present)), context);
}

/** Action `file.remove`: takes a file away; a backup stays. */
export async function deleteFile(host: PretendHost, input: ActionInput<"file.remove">, context: ActionContext): Promise<undefined> {
  refuseOther(host, input.path);
  if (fileAt(host, input.path) !== undefined) {
    await backUp(host, input.path, input.backups, context);
    await mark(input, context);
    dropFile(host, input.path);
  }
  await disownClaim(host, `file:${input.path}`, context);
}

/** Action `file.restore`: puts back what a path was before a step. */
export async function restoreFile(host: PretendHost, input: ActionInput<"file.restore">, context: ActionContext): Promise<undefined> {
  const { path, step } = input,
    backup = context.memory.backups(path).find((each) => each.step === step);
  if (backup === undefined) throw failure("file/no-backup", `Unable to restore ${path}: there is no backup of it from step ${step}`);
  refuseOther(host, path);
  await mark(input, context);
  if (backup.file === undefined) {
    dropFile(host, path);
    await disownClaim(host, `file:${path}`, context);
    return;
  }
  const content = host.backups.get(backup.file);
  if (content === undefined) throw failure("file/no-backup", `Unable to restore ${path}: the backup of step ${step} is lost`);
  putFile(host, path, withAttributes(content, backup, undefined));
  if (context.memory.owned().some((each) => each.claim === `file:${path}`))
    await ownClaim(host, `file:${path}`, false, context, content.sha256);
}

/** The text of a file with the values set. */
export function edited(input: Pick<ActionInput<"file.values">, "path" | "format" | "values">, present: Content | undefined): string {
  const text = present === undefined ? "" : present.text;
  if (text === undefined) throw failure("file/not-text", `Unable to change ${input.path}: it is not UTF-8 text`);
  const result = setValues(input.format, text, input.values);
  if ("problem" in result) throw failure("file/values", `Unable to change ${input.path}: ${result.problem}`);
  return result.text;
}

async function change(
  host: PretendHost,
  wanted: Wanted,
  next: (present: Content | undefined) => Content | undefined,
  context: ActionContext,
): Promise<void> {
  const { path } = wanted;
  refuseOther(host, path);
  const present = fileAt(host, path),
    content = next(present?.content) ?? present?.content;
  if (content === undefined) throw failure("file/missing", `Unable to change ${path}: it does not exist`);
  refuseAccount(host, "user", wanted.owner);
  refuseAccount(host, "group", wanted.group);
  await backUp(host, path, wanted.backups, context);
  if (content !== present?.content) await mark(wanted, context);
  putFile(host, path, withAttributes(content, wanted, present));
  await ownClaim(host, `file:${path}`, present === undefined, context, content.sha256);
}

function withAttributes(
  content: Content,
  wanted: Pick<Backup, "owner" | "group" | "mode"> | Wanted,
  present: PretendFile | undefined,
): PretendFile {
  return {
    content,
    owner: wanted.owner ?? present?.owner ?? "root",
    group: wanted.group ?? present?.group ?? "root",
    mode: wanted.mode ?? present?.mode ?? "0644",
  };
}

/** Remembered before the change shows, as on a real host. */
async function mark(
  wanted: { readonly path: string; readonly marks?: readonly string[] | undefined },
  { memory }: ActionContext,
): Promise<void> {
  if (wanted.marks !== undefined && wanted.marks.length > 0) await memory.mark(wanted.path, wanted.marks);
}

/** Saves what a path is before a step changes it, or that it is not there; a step that is repeated keeps its first backup. */
async function backUp(host: PretendHost, path: string, keep: number | undefined, { memory, step }: ActionContext): Promise<void> {
  if (memory.backups(path).some((backup) => backup.step === step)) return;
  const there = fileAt(host, path),
    base = { path, step, at: host.clock.now() };
  let backup: Backup = base;
  if (there !== undefined) {
    const name = createHash("sha256").update(`${path}\0${step}`).digest("hex").slice(0, 32);
    host.backups.set(name, there.content);
    backup = { ...base, file: name, owner: there.owner, group: there.group, mode: there.mode };
  }
  for (const old of await memory.addBackup(backup, Math.max(1, keep ?? keptByDefault)))
    if (old.file !== undefined) host.backups.delete(old.file);
}
