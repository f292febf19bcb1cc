import { runGit } from "./git.ts";
import { inObjects, type Repository } from "./repository.ts";

/**
 * Who asked for what a commit holds in some files of the workspace: author, address and `Requested-by` of the commit itself and of the last
 * commit that touched each file. Names as they stand there; empty where git does not know.
 */
export async function requestersOf(repo: Repository, commit: string, files: readonly string[]): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  if (!/^[0-9a-f]{7,64}$/.test(commit)) return names;
  for (const path of [undefined, ...new Set(files)]) {
    const where = path === undefined ? [] : [`${repo.prefix}${path}`];
    const { code, stdout } = await runGit(repo.commonDir, [
      ...inObjects(repo),
      "log",
      "-1",
      "--no-notes",
      "--format=%an%n%ae%n%(trailers:key=Requested-by,valueonly,unfold)",
      "--end-of-options",
      commit,
      "--",
      ...where,
    ]);
    if (code !== 0) continue;
    for (const line of stdout.toString("utf8").split("\n")) if (line.trim() !== "") names.add(line.trim());
  }
  return names;
}
