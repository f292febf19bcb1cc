import { lstat } from "node:fs/promises";
import type { ProbeInput } from "../../../schemas/verbs/index.ts";
import { codeOf, failure } from "../failure.ts";
import { readPresent, utf8 } from "../files/read.ts";
import { setValues } from "../values/index.ts";

type Candidate = ProbeInput<"validate">["files"][number];

/** A file as it would be: bytes in base64, or removed; whose, and with which mode. */
export interface LaidFile {
  readonly path: string;
  readonly content?: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

const limit = 16 * 1024 * 1024;

/** Works out what each path would hold: later candidates for a path build upon earlier ones. Nothing is written. */
export async function layOut(candidates: readonly Candidate[]): Promise<Map<string, LaidFile>> {
  const laid = new Map<string, LaidFile>();
  for (const candidate of candidates) {
    const before = laid.get(candidate.path) ?? (await live(candidate));
    laid.set(candidate.path, changed(candidate, before));
  }
  return laid;
}

async function live({ path, validator }: Candidate): Promise<LaidFile> {
  const present = await readPresent(path, limit).catch(async (cause: unknown) => {
    // What is laid over is a copy, so a link in the way hides nothing: the action itself will refuse it.
    if (
      codeOf(cause) === undefined &&
      (await lstat(path).then(
        (info) => info.isSymbolicLink(),
        () => false,
      ))
    )
      return undefined;
    throw cause;
  });
  if (present === undefined) return { path, uid: 0, gid: 0, mode: validator === "sudoers" ? 0o440 : 0o644 };
  return { path, content: present.bytes.toString("base64"), uid: present.uid, gid: present.gid, mode: present.mode };
}

function changed(candidate: Candidate, before: LaidFile): LaidFile {
  const { content: old, ...attributes } = before;
  if (candidate.remove === true) return attributes;
  if (candidate.content !== undefined)
    return { ...attributes, content: Buffer.from(candidate.content, candidate.encoding ?? "utf8").toString("base64") };
  if (candidate.values === undefined || candidate.format === undefined) return before;
  const text = old === undefined ? "" : utf8(Buffer.from(old, "base64"));
  if (text === undefined) throw failure("validate/not-text", `Unable to check ${candidate.path}: it is not UTF-8 text`);
  const result = setValues(candidate.format, text, candidate.values);
  if ("problem" in result) throw failure("validate/values", `Unable to check ${candidate.path}: ${result.problem}`);
  return { ...attributes, content: Buffer.from(result.text, "utf8").toString("base64") };
}
