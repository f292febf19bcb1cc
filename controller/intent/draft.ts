import type { FileEdit } from "../../schemas/api.ts";
import type { Resource } from "../../schemas/manifest.ts";
import { error, type Problem } from "../../schemas/problem.ts";
import { editManifest, type ManifestEdit } from "../core/edit.ts";
import { readYamlDocument } from "../core/positions.ts";
import { yamlSlices } from "../core/yaml-slices.ts";
import type { KindTable } from "../kinds/define.ts";
import type { Compiled, CompileInput } from "./compile.ts";
import { fileFor } from "./place.ts";
import type { Params } from "./words/define.ts";

/** A resource as it stands in the draft, with the hosts that it covers. */
export interface Managed {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly file: string;
  readonly spec: Params;
  readonly on: string;
  readonly hosts: ReadonlySet<string>;
  /** Every instance stands as declared. */
  readonly inSync: boolean;
}

/** The workspace with the edits so far: what later wishes of the same request see. Nothing leaves it before `result`. */
export interface Draft {
  claiming(kind: string, claim: string): readonly Managed[];
  ids(): ReadonlySet<string>;
  find(id: string): Managed | undefined;
  /** The document as it is written, with metadata; nothing completed. */
  written(id: string): Promise<{ readonly metadata: Readonly<Record<string, unknown>>; readonly spec: Params } | undefined>;
  /** Whether another resource's text names this one. */
  isNamed(id: string): boolean;
  set(managed: Managed, fields: Params, step: number): Promise<Problem | undefined>;
  cover(id: string, on: string, hosts: ReadonlySet<string>): Promise<Problem | undefined>;
  add(resource: Resource, hosts: readonly string[], step: number, beside?: string): Promise<Problem | undefined>;
  remove(id: string): Promise<Problem | undefined>;
  leave(id: string): void;
  defaulted(text: string): void;
  note(text: string): void;
  madeBy(step: number): readonly string[];
  result(): Compiled;
}

export function draftOf({ known, kinds, fileText }: CompileInput): Draft {
  const managed = new Map<string, Managed>(),
    texts = new Map<string, string>(),
    before = new Map<string, string | undefined>(),
    claims = new Map<string, readonly string[]>();
  const touched = new Set<string>(),
    defaults: string[] = [],
    notes: string[] = [],
    unchanged = new Set<string>(),
    made = new Map<number, string[]>();
  for (const view of known.resources) {
    const spec = (view.manifest as Resource).spec;
    managed.set(view.id, {
      id: view.id,
      kind: view.kind,
      name: view.name,
      file: view.file,
      spec,
      on: view.on ?? "",
      hosts: new Set(view.instances.map(({ host }) => host)),
      inSync: view.instances.every(({ state }) => state === "in-sync"),
    });
    claims.set(view.id, claimsOf(kinds, view.kind, view.name, spec));
  }
  const textOf = async (path: string): Promise<string> => {
    const had = texts.get(path);
    if (had !== undefined) return had;
    const text = await fileText(path);
    before.set(path, text);
    texts.set(path, text ?? "");
    return text ?? "";
  };
  const edit = async (path: string, edits: readonly ManifestEdit[]): Promise<Problem | undefined> => {
    const done = editManifest(await textOf(path), edits);
    if (!done.ok) return done.problem;
    texts.set(path, done.text);
    return undefined;
  };
  const mark = (id: string, step?: number): void => {
    touched.add(id);
    unchanged.delete(id);
    if (step !== undefined) made.set(step, [...(made.get(step) ?? []), id]);
  };
  const put = (next: Managed): void => {
    managed.set(next.id, next);
    claims.set(next.id, claimsOf(kinds, next.kind, next.name, next.spec));
  };

  return {
    claiming: (kind, claim) => [...managed.values()].filter((one) => one.kind === kind && claims.get(one.id)?.includes(claim) === true),
    ids: () => new Set(managed.keys()),
    find: (id) => managed.get(id),
    async written(id) {
      const one = managed.get(id);
      return one === undefined ? undefined : documentIn(await textOf(one.file), id);
    },
    isNamed: (id) => [...managed.values()].some((one) => one.id !== id && JSON.stringify(one.spec).includes(`"${id}"`)),
    async set(one, fields, step) {
      const spec = { ...one.spec },
        edits = fieldEdits(one.id, ["spec"], spec, fields);
      const problem = await edit(one.file, edits);
      if (problem !== undefined) return problem;
      put({ ...one, spec: merged(one.spec, fields), inSync: false });
      mark(one.id, step);
      return undefined;
    },
    async cover(id, on, hosts) {
      const one = managed.get(id);
      if (one === undefined) return missing(id);
      const problem = await edit(one.file, [{ edit: "set", resource: id, path: ["spec", "on"], value: on }]);
      if (problem !== undefined) return problem;
      put({ ...one, on, hosts, spec: { ...one.spec, on } });
      mark(id);
      return undefined;
    },
    async add(resource, hosts, step, beside) {
      const id = `${resource.kind}/${resource.metadata.name}`,
        file = beside ?? fileFor(resource.kind, resource.metadata.name);
      const problem = await edit(file, [{ edit: "add", resource }]);
      if (problem !== undefined) return problem;
      const kind = kinds.get(resource.kind),
        spec = kind?.scope === "hosts" ? kind.complete(resource.spec, resource.metadata.name) : resource.spec;
      put({
        id,
        kind: resource.kind,
        name: resource.metadata.name,
        file,
        spec,
        on: String(resource.spec["on"]),
        hosts: new Set(hosts),
        inSync: false,
      });
      mark(id, step);
      return undefined;
    },
    async remove(id) {
      const one = managed.get(id);
      if (one === undefined) return missing(id);
      const problem = await edit(one.file, [{ edit: "remove", resource: id }]);
      managed.delete(id);
      touched.delete(id);
      return problem;
    },
    leave: (id) => void (touched.has(id) || unchanged.add(id)),
    defaulted: (text) => void defaults.push(text),
    note: (text) => void notes.push(text),
    madeBy: (step) => made.get(step) ?? [],
    result: () => ({ edits: editsOf(texts, before), touched: [...touched], defaults, notes, unchanged: [...unchanged] }),
  };
}

const missing = (id: string): Problem => error("intent/unknown-resource", `There is no ${id}`);

function claimsOf(kinds: KindTable, kindName: string, name: string, spec: Params): readonly string[] {
  const kind = kinds.get(kindName);
  return kind?.scope === "hosts" ? kind.claims(kind.complete(spec, name)) : [];
}

/** Edits that bring a spec to the fields: null removes, maps are changed key by key, what is so already is left alone. */
function fieldEdits(resource: string, path: readonly string[], have: Params, fields: Params): ManifestEdit[] {
  return Object.entries(fields).flatMap(([key, value]): ManifestEdit[] => {
    const at = [...path, key],
      there = have[key];
    if (value === null) return there === undefined ? [] : [{ edit: "unset", resource, path: at }];
    if (isMap(value) && isMap(there)) return fieldEdits(resource, at, there, value);
    return there === value ? [] : [{ edit: "set", resource, path: at, value }];
  });
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

function merged(spec: Params, fields: Params): Params {
  const next: Record<string, unknown> = { ...spec };
  for (const [key, value] of Object.entries(fields)) {
    const there = next[key];
    if (value === null) delete next[key];
    else next[key] = isMap(value) && isMap(there) ? merged(there, value) : value;
  }
  return next;
}

function documentIn(text: string, id: string): { metadata: Record<string, unknown>; spec: Params } | undefined {
  for (const { start, end, line } of yamlSlices(text)) {
    const { value } = readYamlDocument(text.slice(start, end), line),
      one = value as { kind?: string; metadata?: { name?: string }; spec?: Params } | undefined;
    if (one?.spec !== undefined && `${one.kind}/${one.metadata?.name}` === id) return { metadata: { ...one.metadata }, spec: one.spec };
  }
  return undefined;
}

/** A file that nothing is left in goes away. */
function editsOf(texts: ReadonlyMap<string, string>, before: ReadonlyMap<string, string | undefined>): FileEdit[] {
  return [...texts].flatMap(([path, text]) => {
    const had = before.get(path);
    if (text === (had ?? "")) return [];
    return [{ path, text: text.trim() === "" ? null : text }];
  });
}
