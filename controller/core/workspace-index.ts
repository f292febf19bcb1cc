import { error, type Problem, type Where } from "../../schemas/problem.ts";
import type { CheckContext, KindTable } from "../kinds/define.ts";
import { findCycles } from "./cycles.ts";
import type { LoadedResource, SourceFile } from "./model.ts";
import type { Part } from "./parts.ts";
import { type ParsedFile, type ParsedResource, resourceDigest } from "./parse-file.ts";
import { readYamlDocument, splitPath } from "./positions.ts";
import { type Observed, rememberedContext, stillHolds, type TracedContext, tracedContext } from "./traced-context.ts";

/** A file as it was last read, with its resources in their order. */
export interface FileEntry {
  readonly path: string;
  readonly text: string;
  readonly parsed: ParsedFile;
  readonly problems: readonly Problem[];
  readonly entries: Entry[];
  /** Its resources, kept until one of them says something else. */
  part: Part | undefined;
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
  /** Ids that problems are about because nothing has them. */
  readonly missing: WeakMap<Problem, string>;
  cycles: readonly Problem[];
}

export const workspaceIndex = (): WorkspaceIndex => ({
  files: new Map(),
  byId: new Map(),
  naming: new Map(),
  observed: new Map(),
  faulty: new Set(),
  missing: new WeakMap(),
  cycles: [],
});

/** Pieces of work between two yields. */
const piece = 200;
const nothing: readonly never[] = [];

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
    remembered = rememberedContext(context);
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
      if (++work % piece === 0) yield;
    }
  }
  const stale = new Set<Entry>(),
    traced = tracedContext(remembered);
  for (const { seen, by } of index.observed.values()) {
    if (!stillHolds(seen, remembered)) for (const entry of by) stale.add(entry);
    if (++work % (piece * 10) === 0) yield;
  }
  for (const entries of [added, stale])
    for (const entry of entries) {
      check(entry, kinds, traced, index);
      if (++work % piece === 0) yield;
    }
  for (const id of touched) {
    for (const entry of index.byId.get(id) ?? nothing) cross(entry, index, kinds);
    for (const entry of index.naming.get(id) ?? nothing) cross(entry, index, kinds);
    if (++work % piece === 0) yield;
  }
  index.cycles = yield* findCycles(index, touched);
}

function* addFile(index: WorkspaceIndex, { path, text = "" }: SourceFile, parsed: ParsedFile): Generator<Entry> {
  const problems = parsed.problems.map((problem) => ({ ...problem, where: { file: path, ...problem.where } }));
  const file: FileEntry = { path, text, parsed, problems, entries: [], part: undefined };
  index.files.set(path, file);
  for (const resource of parsed.resources) {
    const plain = loadedResource(resource, file),
      entry: Entry = {
        file,
        parsed: resource,
        plain,
        loaded: plain,
        findings: nothing,
        crossed: nothing,
        observed: nothing,
        repeated: false,
      };
    file.entries.push(entry);
    const same = index.byId.get(resource.id);
    if (same === undefined) index.byId.set(resource.id, [entry]);
    else same.splice(0, same.length, ...[...same, entry].sort(byPlace));
    for (const { id } of resource.references) {
      const naming = index.naming.get(id);
      if (naming === undefined) index.naming.set(id, new Set([entry]));
      else naming.add(entry);
    }
    yield entry;
  }
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
function check(entry: Entry, kinds: KindTable, traced: TracedContext, index: WorkspaceIndex): void {
  const kind = kinds.get(entry.plain.kind),
    findings = kind?.check(entry.plain.resource.spec, traced.context) ?? nothing,
    before = entry.findings.length;
  forget(entry, index);
  entry.observed = traced.take();
  for (const seen of entry.observed) {
    const known = index.observed.get(observedKey(seen));
    if (known !== undefined && known.seen.saw === seen.saw) known.by.add(entry);
    else index.observed.set(observedKey(seen), { seen, by: new Set([...(known?.by ?? []), entry]) });
  }
  if (before + findings.length === 0) return;
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

/** What needs the other resources: the same id twice, names that lead nowhere, references replaced by what they name. */
function cross(entry: Entry, index: WorkspaceIndex, kinds: KindTable): void {
  const { plain, parsed } = entry,
    first = index.byId.get(parsed.id)?.[0],
    problems: Problem[] = [];
  const repeated = first !== undefined && first !== entry;
  if (repeated !== entry.repeated) entry.file.part = undefined;
  entry.repeated = repeated;
  if (first !== undefined && entry.repeated) problems.push(duplicate(entry, first));
  for (const { id, path } of parsed.references) if (!index.byId.has(id)) problems.push(unknownReference(id, path, entry, index));
  if (entry.crossed.length + problems.length > 0) {
    entry.crossed = problems;
    markFaulty(entry, index);
  }
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
  entry.file.part = undefined;
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

function unknownReference(id: string, path: string, entry: Entry, index: WorkspaceIndex): Problem {
  const problem = error("manifest/unknown-reference", `There is no ${id}`, {
    where: entry.plain.where(path),
    hint: "Declare it, or remove the reference.",
  });
  index.missing.set(problem, id);
  return problem;
}
