import { createHmac } from "node:crypto";
import { failure } from "../../../agent/platform/failure.ts";
import { getValues } from "../../../agent/platform/values/index.ts";
import type { ProbeContext } from "../../../agent/runtime/verbs.ts";
import { type FileFact, maxFactText } from "../../../schemas/verbs/file.ts";
import type { ProbeInput } from "../../../schemas/verbs/index.ts";
import { bytesOf, type Content } from "../host/content.ts";
import { fileAt, isFolder } from "../host/files.ts";
import { loadedAt } from "../host/services.ts";
import type { PretendHost } from "../pretend-host.ts";

/** Probe `file`: the path as it is, and the units that have not loaded it since we changed it. */
export async function probeFile(host: PretendHost, input: ProbeInput<"file">, context: ProbeContext): Promise<FileFact> {
  const fact = factOf(host, input, context),
    due = await dueOf(host, input.path, context);
  return due.length === 0 ? fact : { ...fact, due };
}

function factOf(host: PretendHost, input: ProbeInput<"file">, context: ProbeContext): FileFact {
  const { path } = input,
    there = fileAt(host, path);
  if (there === undefined)
    return isFolder(host, path) ? { path, type: "directory", owner: "root", group: "root", mode: "0755" } : { path, type: "missing" };
  const { owner, group, mode, target, content } = there;
  if (target !== undefined) return { path, type: "link", owner, group, mode, target };
  return { path, type: "file", owner, group, ...numbers(owner, group), mode, ...said(input, content, context) };
}

/** What is told of the content: its digest, and as asked its text, its values or, of a secret, a keyed digest alone. */
function said(input: ProbeInput<"file">, content: Content, { sealKey }: ProbeContext): Partial<FileFact> {
  const { sha256, size, text } = content;
  if (input.seal === true) {
    if (sealKey === undefined)
      throw failure("file/no-seal-key", `Unable to seal ${input.path}: the controller has not given a key yet`, { retry: "later" });
    return { seal: createHmac("sha256", sealKey).update(bytesOf(content)).digest("hex"), size };
  }
  return {
    sha256,
    size,
    ...(input.content === true && text !== undefined && size <= maxFactText ? { text } : {}),
    ...(input.values === undefined ? {} : valuesOf(text, input.values)),
  };
}

function valuesOf(text: string | undefined, { format, keys }: NonNullable<ProbeInput<"file">["values"]>): Partial<FileFact> {
  if (text === undefined) return { valuesError: "not UTF-8 text, or larger than 1 MiB" };
  const result = getValues(format, text, keys);
  return "problem" in result ? { valuesError: result.problem } : result;
}

/** What a pretend host knows of its accounts: root's number, and numbers that were given as such. */
function numbers(owner: string, group: string): Pick<FileFact, "uid" | "gid"> {
  const [uid, gid] = [owner, group].map((name) => (name === "root" ? 0 : /^[0-9]+$/.test(name) ? Number(name) : undefined));
  return { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
}

/** Units that are marked for the path and have not read their configuration since; marks of those that have are forgotten. */
async function dueOf(host: PretendHost, path: string, { memory }: ProbeContext): Promise<string[]> {
  const due = new Set<string>();
  for (const mark of memory.marks().filter((each) => each.path === path)) {
    const read = loadedAt(host, mark.unit);
    if (read !== undefined && read > mark.at) await memory.unmark(mark.unit, read - 1, 0);
    else due.add(mark.unit);
  }
  return [...due].toSorted();
}
