import { parse } from "yaml";
import { nearest } from "../../schemas/selector/nearest.ts";
import type { SourceFile } from "../core/model.ts";
import type { CheckContext } from "../kinds/define.ts";

/** What kinds may look at when manifests are checked without a controller: secrets are known by their keys, since only a controller can decrypt them. */
export function worktreeContext(files: readonly SourceFile[]): CheckContext {
  const byPath = new Map(files.map((file) => [file.path, file])),
    contents = [...byPath.keys()].filter((path) => path.startsWith("files/"));
  const secrets = new Set(files.flatMap(secretRefs));
  return {
    file: (path) => byPath.get(path)?.text,
    fileExists: (path) => byPath.has(path),
    nearestFile: (path) => nearest(path, contents),
    secretExists: (ref) => secrets.has(ref),
  };
}

function secretRefs({ path, text }: SourceFile): string[] {
  const name = /^secrets\/([a-z0-9][a-z0-9-]*)\.age\.ya?ml$/.exec(path)?.[1];
  if (name === undefined || text === undefined) return [];
  try {
    return Object.keys((parse(text, { maxAliasCount: 0 }) ?? {}) as object).map((key) => `${name}/${key}`);
  } catch {
    return [];
  }
}
