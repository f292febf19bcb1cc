import { error, type Problem, type Where } from "../../schemas/problem.ts";
import type { CheckContext, KindTable } from "../kinds/define.ts";
import { cycleProblem, topologicalOrder } from "./graph.ts";
import type { LoadedResource, SourceFile } from "./model.ts";
import { nearest } from "./nearest.ts";
import { type ParsedFile, type ParsedResource, resourceDigest } from "./parse-file.ts";
import { readYamlDocument, splitPath } from "./positions.ts";
import { type Observed, rememberedContext, stillHolds, tracedContext } from "./traced-context.ts";

/** A file as it was last read, with its resources in their order. */
export interface FileEntry {
  readonly path: string;
  readonly text: string;
  readonly parsed: ParsedFile;
  readonly problems: readonly Problem[];
  readonly entries: Entry[];
}

/** A resource with what was found by looking beyond it: at files and secrets (`findings`), at other resources (`crossed`). */
export interface Entry {
  readonly file: FileEntry;
  readonly parsed: ParsedResource;
  /** As its own document says it. */
  readonly plain: LoadedResource;
  /** With references replaced by what they name. */
  loaded: LoadedResource;
  findings: readonly Problem[];
  crossed: readonly Problem[];
  observed: readonly Observed[];
  /** Whether another resource of the same id comes before it. */
  repeated: boolean;
}

/** Everything that was read, found by path, by id, and by who names whom: a change of one file looks at nothing else. */
export interface WorkspaceIndex {
  readonly files: Map<string, FileEntry>;
  readonly byId: Map<string, Entry[]>;
  /** Resources that name an id. */
  readonly naming: Map<string, Set<Entry>>;
  /** Files and secrets that checks looked at, with the resources whose check did. */
  readonly observed: Map<string, { readonly seen: Observed; readonly by: Set<Entry> }>;
  /** Files with findings or crossed problems. */
  readonly faulty: Set<FileEntry>;
  cycles: readonly Problem[];
}

export const workspaceIndex = (): WorkspaceIndex => ({
  files: new Map(),
  byId: new Map(),
  naming: new Map(),
  observed: new Map(),
  faulty: new Set(),
  cycles: [],
});

/** Pieces of work between two yields. */
const piece = 200;

/** Brings the index to a new set of files; each has to be in `parsed`, by path. */
export function* updateIndex(
  index: WorkspaceIndex,
  files: readonly SourceFile[],
  parsed: ReadonlyMap<string, ParsedFile>,
  kinds: KindTable,
  context: CheckContext,
): Generator<undefined, void> {
  const touched = new Set<string>(),
    added: Entry[] = [],
    remembered = rememberedContext(context),
    resolve: Resolve = { index, kinds, suggestions: 5 };
  let work = 0;
  for (const [path, file] of index.files) {
    if (parsed.get(path)?.blob === file.parsed.blob) continue;
    for (const id of removeFile(index, file)) touched.add(id);
    if (++work % piece === 0) yield;
  }
  for (const file of files) {
    if (index.files.has(file.path)) continue;
    for (const entry of addFile(index, file, parsed.get(file.path)!)) {
      added.push(entry);
      touched.add(entry.parsed.id);
    }
    yield;
  }
  const stale = new Set(added);
  for (const { seen, by } of index.observed.values()) if (!stillHolds(seen, remembered)) for (const entry of by) stale.add(entry);
  for (const entry of stale) {
    check(entry, kinds, remembered, index);
    if (++work % piece === 0) yield;
  }
  for (const id of touched) {
    for (const entry of [...(index.byId.get(id) ?? []), ...(index.naming.get(id) ?? [])]) cross(entry, resolve);
    if (++work % piece === 0) yield;
  }
  yield* findCycles(index, added);
}

function addFile(index: WorkspaceIndex, { path, text = "" }: SourceFile, parsed: ParsedFile): Entry[] {
  const problems = parsed.problems.map((problem) => ({ ...problem, where: { file: path, ...problem.where } }));
  const file: FileEntry = { path, text, parsed, problems, entries: [] };
  index.files.set(path, file);
  for (const resource of parsed.resources) {
    const plain = loadedResource(resource, file),
      entry: Entry = { file, parsed: resource, plain, loaded: plain, findings: [], crossed: [], observed: [], repeated: false };
    file.entries.push(entry);
    const same = index.byId.get(resource.id);
    if (same === undefined) index.byId.set(resource.id, [entry]);
    else same.splice(0, same.length, ...[...same, entry].sort(byPlace));
    for (const { id } of resource.references) {
      const naming = index.naming.get(id);
      if (naming === undefined) index.naming.set(id, new Set([entry]));
      else naming.add(entry);
    }
  }
  return file.entries;
}

const byPlace = (a: Entry, b: Entry): number =>
  a.file.path < b.file.path ? -1 : a.file.path > b.file.path ? 1 : a.parsed.start - b.parsed.start;

function removeFile(index: WorkspaceIndex, file: FileEntry): string[] {
  index.files.delete(file.path);
  index.faulty.delete(file);
  for (const entry of file.entries) {
    const { id, references } = entry.parsed,
      left = index.byId.get(id)?.filter((other) => other !== entry) ?? [];
    if (left.length === 0) index.byId.delete(id);
    else index.byId.set(id, left);
    for (const { id: other } of references) {
      const naming = index.naming.get(other);
      naming?.delete(entry);
      if (naming?.size === 0) index.naming.delete(other);
    }
    forget(entry, index);
  }
  return file.entries.map(({ parsed }) => parsed.id);
}

/** Positions inside a document are looked up when somebody asks: nobody does for nearly all of them. */
function loadedResource(parsed: ParsedResource, file: FileEntry): LoadedResource {
  const { id, resource, digest, start, end, line, fieldLine } = parsed;
  const where = (path?: string): Where => {
    if (path === undefined) return { file: file.path, line: fieldLine, column: 1, resource: id };
    return { file: file.path, ...readYamlDocument(file.text.slice(start, end), line).place(splitPath(path), "value"), resource: id, path };
  };
  return { id, kind: resource.kind, name: resource.metadata.name, resource, digest, file: file.path, where };
}

/** The kind's own check. Remembers what it looked at, so that it is repeated only when that changed. */
function check(entry: Entry, kinds: KindTable, context: CheckContext, index: WorkspaceIndex): void {
  const traced = tracedContext(context),
    kind = kinds.get(entry.plain.kind);
  const findings = kind?.check(entry.plain.resource.spec, traced.context) ?? [];
  forget(entry, index);
  entry.observed = traced.observed;
  for (const seen of entry.observed) {
    const known = index.observed.get(observedKey(seen));
    if (known !== undefined && known.seen.saw === seen.saw) known.by.add(entry);
    else index.observed.set(observedKey(seen), { seen, by: new Set([...(known?.by ?? []), entry]) });
  }
  entry.findings = findings.map(({ path, code, summary, hint }) =>
    error(code, summary, { where: entry.plain.where(`spec.${path}`), ...(hint === undefined ? {} : { hint }) }),
  );
  markFaulty(entry, index);
}

const observedKey = ({ what, name }: Observed): string => `${what} ${name}`;

function forget(entry: Entry, index: WorkspaceIndex): void {
  for (const seen of entry.observed) {
    const known = index.observed.get(observedKey(seen));
    known?.by.delete(entry);
    if (known?.by.size === 0) index.observed.delete(observedKey(seen));
  }
}

function markFaulty({ file }: Entry, index: WorkspaceIndex): void {
  if (file.entries.some(({ findings, crossed }) => findings.length > 0 || crossed.length > 0)) index.faulty.add(file);
  else index.faulty.delete(file);
}

interface Resolve {
  readonly index: WorkspaceIndex;
  readonly kinds: KindTable;
  /** Nearest ids are looked for among all: a bounded number of times. */
  suggestions: number;
}

/** What needs the other resources: the same id twice, names that lead nowhere, references replaced by what they name. */
function cross(entry: Entry, resolve: Resolve): void {
  const { index, kinds } = resolve,
    { plain, parsed } = entry,
    problems: Problem[] = [],
    first = index.byId.get(parsed.id)?.[0];
  entry.repeated = first !== undefined && first !== entry;
  if (first !== undefined && entry.repeated) problems.push(duplicate(entry, first));
  for (const { id, path } of parsed.references) if (!index.byId.has(id)) problems.push(unknownReference(id, path, entry, resolve));
  const before = entry.crossed.length;
  entry.crossed = problems;
  if (before + problems.length > 0) markFaulty(entry, index);
  const kind = kinds.get(plain.kind);
  if (kind?.scope === "hosts" && parsed.references.length > 0)
    link(
      entry,
      kind.link(plain.resource.spec, (id) => index.byId.get(id)?.[0]?.plain.resource.spec),
    );
}

function link(entry: Entry, spec: Record<string, unknown>): void {
  const { plain } = entry,
    resource = { ...plain.resource, spec },
    digest = spec === plain.resource.spec ? plain.digest : resourceDigest(resource);
  if (digest === entry.loaded.digest) return;
  entry.loaded = digest === plain.digest ? plain : { ...plain, resource, digest };
}

function duplicate({ plain, parsed }: Entry, first: Entry): Problem {
  const { file, line } = first.plain.where();
  return error("manifest/duplicate", `${parsed.id} is declared twice`, {
    detail: `first at ${file}:${line}`,
    where: plain.where("metadata.name"),
    hint: "Give one of the two another name, or remove it.",
  });
}

function unknownReference(id: string, path: string, entry: Entry, resolve: Resolve): Problem {
  const near = resolve.suggestions-- > 0 ? nearest(id, [...resolve.index.byId.keys()]) : undefined;
  return error("manifest/unknown-reference", `There is no ${id}`, {
    where: entry.plain.where(path),
    hint: near === undefined ? "Declare it, or remove the reference." : `Did you mean ${near}?`,
  });
}

/** A new cycle leads through a new resource, so only these are followed; where there were cycles before, all are. */
function* findCycles(index: WorkspaceIndex, added: readonly Entry[]): Generator<undefined, void> {
  const all = index.cycles.length > 0,
    before = (id: string): string[] => waitsForIn(index, id);
  const seen = new Set<string>(),
    stack = all ? [...index.byId.keys()] : added.filter(({ parsed }) => before(parsed.id).length > 0).map(({ parsed }) => parsed.id);
  for (let id = stack.pop(), work = 0; id !== undefined; id = stack.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    stack.push(...before(id));
    if (++work % (piece * 10) === 0) yield;
  }
  const { cycles } = topologicalOrder(
    [...seen].filter((id) => index.byId.has(id)),
    before,
  );
  index.cycles = cycles.map((cycle) => cycleProblem(cycle, index.byId.get(cycle[0] ?? "")![0]!.plain));
}

function waitsForIn(index: WorkspaceIndex, id: string): string[] {
  const own = (index.byId.get(id)?.[0]?.parsed.references ?? []).filter(({ order }) => order === "before").map((reference) => reference.id);
  const others = [...(index.naming.get(id) ?? [])].filter(({ parsed }) =>
    parsed.references.some((reference) => reference.id === id && reference.order === "after"),
  );
  return others.length === 0 ? own : [...own, ...others.map(({ parsed }) => parsed.id)];
}
