import { createHash } from "node:crypto";
import type { FileEdit } from "../../schemas/api.ts";
import type { Problem } from "../../schemas/problem.ts";
import { isManifest, loadInPieces, type ManifestCache, manifestCache } from "../core/manifests.ts";
import type { HostView, KindContext, LoadedResource, SourceFile } from "../core/model.ts";
import { nearest } from "../core/nearest.ts";
import { readSettings } from "../core/settings.ts";
import type { CheckContext, KindTable } from "../kinds/define.ts";
import { policyRule } from "../kinds/policy/rule.ts";
import { commitEdits } from "../repo/commit.ts";
import { followRemote, type RemoteFollower } from "../repo/follow-remote.ts";
import { readHead } from "../repo/head.ts";
import { settingsFile } from "../repo/places.ts";
import { blobCache, readCommit } from "../repo/read.ts";
import type { RemoteSettings } from "../repo/remote.ts";
import type { Repository } from "../repo/repository.ts";
import { requestersOf } from "../repo/requesters.ts";
import { openSecrets, type Secrets } from "../repo/secrets.ts";
import { type SignatureSettings, unsigned } from "../repo/signatures.ts";
import { type Snapshot, withEdits } from "../repo/snapshot.ts";
import { watchHead } from "../repo/watch.ts";
import { each, inPieces } from "./in-pieces.ts";
import { parseApart } from "./parse-apart.ts";
import { type SecretValue, sealWith } from "./secret-text.ts";
import type { LoadedCommit, Workspace } from "./workspace.ts";

export interface GitWorkspaceOptions {
  readonly repository: Repository;
  readonly kinds: KindTable;
  /** The controller's age identity. */
  readonly identity: string;
  readonly sealKey: Uint8Array;
  readonly signatures?: SignatureSettings | undefined;
  readonly remote?: RemoteSettings | undefined;
  readonly tell: (problem: Problem) => void;
  readonly now: () => number;
}

/** A workspace in a git repository. `secret` gives values of the commit that was loaded last. */
export interface GitWorkspace extends Workspace {
  readonly secret: SecretValue;
}

export function gitWorkspace(options: GitWorkspaceOptions): GitWorkspace {
  const { repository, kinds, now } = options;
  const blobs = blobCache(),
    parsed = manifestCache(),
    apart = parseApart(),
    sourced = new WeakMap<LoadedResource, Sourced>();
  let secrets: Secrets | undefined, remote: RemoteFollower | undefined;
  let last: Snapshot | undefined;

  const read = async (commit: string): Promise<Snapshot> =>
    last?.commit === commit ? last : (last = await readCommit(repository, commit, blobs));
  const check = async (snapshot: Snapshot, inForce: boolean): Promise<LoadedCommit> => {
    const opened = await openSecrets(snapshot.files, options.identity, secrets);
    if (inForce) secrets = opened;
    const files = new Map(snapshot.files.map((file) => [file.path, file]));
    // A preview starts from what is in force and leaves no trace in it.
    const cache = inForce ? parsed : manifestCache();
    await apart.fill(unread(snapshot.files, parsed), cache.parsed);
    if (!inForce) for (const { parsed: known } of parsed.index.files.values()) cache.parsed.set(known.blob, known);
    const { resources, problems } = await inPieces(loadInPieces(snapshot.files, kinds, checkContext(files, opened), cache));
    const settings = readSettings(files.get(settingsFile));
    const all = [...snapshot.problems, ...(settings.ok ? [] : settings.problems), ...opened.problems, ...problems];
    if (!settings.ok || all.some((problem) => problem.severity === "error")) return { ok: false, commit: snapshot.commit, problems: all };
    const seal = sealWith(options.sealKey, opened.value);
    const digested: LoadedResource[] = [],
      sealed = (ref: string): string | undefined => seal({ join: [{ secretRef: ref }] });
    await inPieces(each(resources, (resource) => void digested.push(withSources(resource, files, sealed, sourced))));
    const context = (host: HostView): KindContext => ({
      host,
      file: (path) => files.get(path)?.text,
      unitOf: (reference) => reference,
      seal,
      get now() {
        return now();
      },
    });
    return {
      ok: true,
      warnings: all,
      loaded: {
        commit: snapshot.commit,
        tree: snapshot.tree,
        resources: digested,
        settings: settings.settings,
        policies: digested.filter((one) => one.kind === "Policy").map(policyRule),
        context,
      },
    };
  };
  return {
    folder: repository.dir,
    branch: repository.branch,
    secret: (ref) => secrets?.value(ref),
    head: () => readHead(repository),
    async load(commit) {
      const untrusted = await unsigned(repository, commit, options.signatures);
      if (untrusted !== undefined) return { ok: false, commit, problems: [untrusted] };
      return check(await read(commit), true);
    },
    loadEdited: async (commit, edits) => check(withEdits(await read(commit), edits, repository.objectFormat), false),
    fileText: async (commit, path) => (commit === "" ? undefined : (await read(commit)).files.find((file) => file.path === path)?.text),
    requesters: (commit, files) => requestersOf(repository, commit, files),
    async commit(parent, edits: readonly FileEdit[], note, author) {
      const done = await commitEdits(repository, {
        parent,
        edits,
        subject: note.message,
        at: now(),
        author: { name: author, email: "" },
        signatures: options.signatures,
        trailers: { request: note.request, requestedBy: author, source: note.source },
      });
      await remote?.committed();
      return done;
    },
    async watch(onCommit, onProblem) {
      const head = await watchHead(repository, { onHead: onCommit, onProblem });
      if (options.remote !== undefined)
        remote = followRemote(repository, options.remote, (problem) => {
          if (problem !== undefined) options.tell(problem);
        });
      return {
        async close() {
          remote?.close();
          await head.close();
        },
      };
    },
    async close() {
      await apart.close();
      repository.close();
    },
  };
}

/** Manifests whose blob is not what was read of them before. */
const unread = (files: readonly SourceFile[], { index }: ManifestCache): SourceFile[] =>
  files.filter(({ path, blob }) => isManifest(path) && index.files.get(path)?.parsed.blob !== blob);

function checkContext(files: ReadonlyMap<string, SourceFile>, secrets: Secrets): CheckContext {
  return {
    file: (path) => files.get(path)?.text,
    fileExists: (path) => files.has(path),
    nearestFile: (path) =>
      nearest(
        path,
        [...files.keys()].filter((known) => known.startsWith("files/")),
      ),
    secretExists: secrets.exists,
  };
}

interface Sourced {
  readonly named: ReturnType<typeof sourcesOf>;
  last?: LoadedResource;
}

/** A resource whose digest covers the files and secrets that it names: when one of these changes, what is wanted changes. The same object as long as it says the same. */
function withSources(
  resource: LoadedResource,
  files: ReadonlyMap<string, SourceFile>,
  sealed: (ref: string) => string | undefined,
  known: WeakMap<LoadedResource, Sourced>,
): LoadedResource {
  let entry = known.get(resource);
  if (entry === undefined) known.set(resource, (entry = { named: sourcesOf(resource.resource.spec) }));
  if (entry.named.length === 0) return resource;
  const hash = createHash("sha256").update(resource.digest);
  for (const { key, value } of entry.named) hash.update(`\0${value}\0${(key === "source" ? files.get(value)?.blob : sealed(value)) ?? ""}`);
  const digest = hash.digest("hex");
  return entry.last?.digest === digest ? entry.last : (entry.last = { ...resource, digest });
}

function sourcesOf(value: unknown): { key: "source" | "secretRef"; value: string }[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    (key === "source" || key === "secretRef") && typeof item === "string" ? [{ key, value: item } as const] : sourcesOf(item),
  );
}
