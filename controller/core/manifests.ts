import { maxResources } from "../../schemas/manifest.ts";
import { error, type Problem } from "../../schemas/problem.ts";
import type { CheckContext, KindTable } from "../kinds/define.ts";
import type { LoadedResource, SourceFile } from "./model.ts";
import { type ParsedFile, parseFile } from "./parse-file.ts";
import { type FileEntry, updateIndex, type WorkspaceIndex, workspaceIndex } from "./workspace-index.ts";

/** What a set of manifests says: its resources, and everything that is wrong with it, by file and line. Only without errors may it take effect. */
export interface LoadedManifests {
  readonly resources: readonly LoadedResource[];
  readonly problems: readonly Problem[];
}

/**
 * Keeps what was read between loads, so that a load costs what changed. `parsed`, by blob, may be filled from a worker that runs `parseFile`;
 * unchanged resources are the same objects from one load to the next.
 */
export interface ManifestCache {
  readonly parsed: Map<string, ParsedFile>;
  readonly index: WorkspaceIndex;
}

export const manifestCache = (): ManifestCache => ({ parsed: new Map(), index: workspaceIndex() });

const maxProblems = 1000;

/** Whether a file of the workspace is read for resources: YAML, but not settings, secrets and contents. */
export const isManifest = (path: string): boolean =>
  /\.ya?ml$/.test(path) && path !== "backend-ai.yaml" && !/^(files|secrets)\//.test(path);

/** Reads manifests: YAML to checked resources, or problems at file:line:column, all at once (at most 1 000). */
export function loadManifests(
  files: readonly SourceFile[],
  kinds: KindTable,
  context: CheckContext,
  cache: ManifestCache = manifestCache(),
): LoadedManifests {
  const loading = loadInPieces(files, kinds, context, cache);
  for (;;) {
    const { done, value } = loading.next();
    if (done === true) return value;
  }
}

/** The same in pieces of a few milliseconds: who runs it on a busy thread lets others in at each `yield`. It has to be run to its end before the cache is used again. */
export function* loadInPieces(
  files: readonly SourceFile[],
  kinds: KindTable,
  context: CheckContext,
  cache: ManifestCache,
): Generator<undefined, LoadedManifests> {
  const manifests = files.filter(({ path }) => isManifest(path)).sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const parsed = new Map<string, ParsedFile>();
  for (const file of manifests) {
    let known = cache.index.files.get(file.path)?.parsed;
    if (known?.blob !== file.blob) {
      known = cache.parsed.get(file.blob);
      if (known === undefined) {
        known = parseFile(file, kinds);
        yield;
      }
    }
    parsed.set(file.path, known);
  }
  cache.parsed.clear();
  yield* updateIndex(cache.index, manifests, parsed, kinds, context);
  return collect(cache.index, manifests);
}

function collect(index: WorkspaceIndex, manifests: readonly SourceFile[]): LoadedManifests {
  const resources: LoadedResource[] = [],
    problems: Problem[] = [];
  for (const { path } of manifests) {
    const file = index.files.get(path);
    if (file === undefined) continue;
    for (const entry of file.entries) if (!entry.repeated) resources.push(entry.loaded);
    const here = problemsOf(file, index);
    for (const problem of here) problems.push(problem);
  }
  for (const problem of index.cycles) problems.push(problem);
  if (resources.length > maxResources)
    problems.unshift(
      error("manifest/too-many", `There are ${resources.length} resources; a workspace may have ${maxResources}`, {
        hint: "Split it into workspaces with a controller each.",
      }),
    );
  return { resources, problems: capped(problems) };
}

function problemsOf(file: FileEntry, index: WorkspaceIndex): Problem[] {
  if (file.problems.length === 0 && !index.faulty.has(file)) return [];
  const found = [...file.problems, ...file.entries.flatMap((entry) => [...entry.findings, ...entry.crossed])];
  return found.sort((a, b) => (a.where?.line ?? 0) - (b.where?.line ?? 0) || (a.where?.column ?? 0) - (b.where?.column ?? 0));
}

function capped(problems: Problem[]): Problem[] {
  if (problems.length <= maxProblems) return problems;
  const rest = problems.length - maxProblems + 1;
  return [
    ...problems.slice(0, maxProblems - 1),
    error("manifest/more-problems", `${rest} more problems are not shown`, { hint: "Mend the first ones and look again." }),
  ];
}
