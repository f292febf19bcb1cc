import { maxResources } from "../../schemas/manifest.ts";
import { error, type Problem } from "../../schemas/problem.ts";
import type { CheckContext, KindTable } from "../kinds/define.ts";
import type { LoadedResource, SourceFile } from "./model.ts";
import { nearest } from "./nearest.ts";
import { type ParsedFile, parseFile } from "./parse-file.ts";
import type { Part } from "./parts.ts";
import { type FileEntry, updateIndex, type WorkspaceIndex, workspaceIndex } from "./workspace-index.ts";

/** What a set of manifests says: its resources, and everything that is wrong with it, by file and line. Only without errors may it take effect. */
export interface LoadedManifests {
  readonly resources: readonly LoadedResource[];
  /** The same by file. */
  readonly parts: readonly Part[];
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
  return yield* collect(cache.index, manifests);
}

function* collect(index: WorkspaceIndex, manifests: readonly SourceFile[]): Generator<undefined, LoadedManifests> {
  const parts: Part[] = [],
    problems: Problem[] = [];
  let count = 0,
    since = 0;
  for (const { path } of manifests) {
    const file = index.files.get(path);
    if (file === undefined) continue;
    const part = (file.part ??= file.entries.filter((entry) => !entry.repeated).map((entry) => entry.loaded));
    parts.push(part);
    if ((count += part.length) - since > piece) {
      since = count;
      yield;
    }
    const here = problemsOf(file, index);
    for (const problem of here) problems.push(problem);
  }
  for (const problem of index.cycles) problems.push(problem);
  if (count > maxResources)
    problems.unshift(
      error("manifest/too-many", `There are ${count} resources; a workspace may have ${maxResources}`, {
        hint: "Split it into workspaces with a controller each.",
      }),
    );
  const suggested = yield* withSuggestions(capped(problems), index, parts);
  return {
    parts,
    problems: suggested,
    get resources() {
      return parts.flat();
    },
  };
}

function problemsOf(file: FileEntry, index: WorkspaceIndex): Problem[] {
  if (file.problems.length === 0 && !index.faulty.has(file)) return [];
  const found = [...file.problems, ...file.entries.flatMap((entry) => [...entry.findings, ...entry.crossed])];
  return found.sort((a, b) => (a.where?.line ?? 0) - (b.where?.line ?? 0) || (a.where?.column ?? 0) - (b.where?.column ?? 0));
}

/** Nearest ids are looked for among all: a bounded number of times. */
const mostSuggestions = 5;
/** Ids and resources between two yields. */
const piece = 2000;

/** Says what was probably meant by the first references that lead nowhere. */
function* withSuggestions(
  problems: readonly Problem[],
  index: WorkspaceIndex,
  parts: readonly Part[],
): Generator<undefined, readonly Problem[]> {
  const unknown = problems.filter((problem) => index.missing.has(problem)).slice(0, mostSuggestions);
  if (unknown.length === 0) return problems;
  const ids = parts.flat().map(({ id }) => id),
    suggested = new Map<Problem, string>();
  for (const problem of unknown) {
    const id = index.missing.get(problem)!,
      close: string[] = [];
    for (let at = 0; at < ids.length; at += piece) {
      close.push(...[nearest(id, ids.slice(at, at + piece))].filter((one) => one !== undefined));
      yield;
    }
    const near = nearest(id, close);
    if (near !== undefined) suggested.set(problem, near);
  }
  return problems.map((problem) => {
    const near = suggested.get(problem);
    return near === undefined ? problem : { ...problem, hint: `Did you mean ${near}?` };
  });
}

function capped(problems: Problem[]): Problem[] {
  if (problems.length <= maxProblems) return problems;
  const rest = problems.length - maxProblems + 1;
  return [
    ...problems.slice(0, maxProblems - 1),
    error("manifest/more-problems", `${rest} more problems are not shown`, { hint: "Mend the first ones and look again." }),
  ];
}
