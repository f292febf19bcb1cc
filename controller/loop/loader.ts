import { isManifest, loadInPieces, type ManifestCache, manifestCache } from "../core/manifests.ts";
import type { HostView, KindContext, LoadedResource, PolicyRule, SourceFile } from "../core/model.ts";
import { nearest } from "../core/nearest.ts";
import { type Part, resourcesOfKind } from "../core/parts.ts";
import { type ReadSettings, readSettings } from "../core/settings.ts";
import type { CheckContext, KindTable } from "../kinds/define.ts";
import { policyRule } from "../kinds/policy/rule.ts";
import { settingsFile } from "../repo/places.ts";
import { openSecrets, type Secrets } from "../repo/secrets.ts";
import type { Snapshot } from "../repo/snapshot.ts";
import { each, inPieces } from "./in-pieces.ts";
import { parseApart } from "./parse-apart.ts";
import { placing } from "./placing.ts";
import { sealWith } from "./secret-text.ts";
import { createSources } from "./sources.ts";
import type { LoadedCommit } from "./workspace.ts";

export interface LoaderOptions {
  readonly kinds: KindTable;
  /** The controller's age identity. */
  readonly identity: string;
  readonly sealKey: Uint8Array;
  readonly now: () => number;
}

/** Reads and checks what the files of a workspace say, one after the other: each load costs what differs from the one before. */
export interface Loader {
  /** Of a commit. */
  load(snapshot: Snapshot): Promise<LoadedCommit>;
  /** Of edits that are not committed: leaves no trace in what `load` does next. */
  preview(snapshot: Snapshot): Promise<LoadedCommit>;
  close(): Promise<void>;
}

export function createLoader(options: LoaderOptions): Loader {
  const { kinds, now } = options;
  const parsed = manifestCache(),
    apart = parseApart(),
    sources = createSources(),
    rules = new WeakMap<LoadedResource, PolicyRule>();
  let secrets: Secrets | undefined;
  const ruleOf = (policy: LoadedResource): PolicyRule => {
    let rule = rules.get(policy);
    if (rule === undefined) rules.set(policy, (rule = policyRule(policy)));
    return rule;
  };
  let lastSettings: { readonly blob: string | undefined; readonly read: ReadSettings } | undefined;
  const settingsOf = (file: SourceFile | undefined): ReadSettings => {
    if (lastSettings === undefined || lastSettings.blob !== file?.blob) lastSettings = { blob: file?.blob, read: readSettings(file) };
    return lastSettings.read;
  };
  let named: readonly SourceFile[] = [],
    basis = {};
  /** The same object as long as files and secrets of the workspace hold what they held. */
  const basisOf = (all: readonly SourceFile[]): object => {
    const now = all.filter(({ path }) => !isManifest(path));
    if (now.length !== named.length || now.some(({ path, blob }, at) => path !== named[at]?.path || blob !== named[at]?.blob)) basis = {};
    named = now;
    return basis;
  };

  const check = async (snapshot: Snapshot, inForce: boolean): Promise<LoadedCommit> => {
    const opened = await openSecrets(snapshot.files, options.identity, secrets);
    if (inForce) secrets = opened;
    const files = new Map(snapshot.files.map((file) => [file.path, file]));
    // A preview starts from what is in force and leaves no trace in it.
    const cache = inForce ? parsed : manifestCache();
    await apart.fill(unread(snapshot.files, parsed), cache.parsed);
    if (!inForce) for (const { parsed: known } of parsed.index.files.values()) cache.parsed.set(known.blob, known);
    const { parts, problems } = await inPieces(loadInPieces(snapshot.files, kinds, checkContext(files, opened), cache));
    const settings = settingsOf(files.get(settingsFile));
    const all = [...snapshot.problems, ...(settings.ok ? [] : settings.problems), ...opened.problems, ...problems];
    if (!settings.ok || all.some((problem) => problem.severity === "error")) return { ok: false, commit: snapshot.commit, problems: all };
    const seal = sealWith(options.sealKey, opened.value),
      sealed = new Map<string, string | undefined>();
    const sealedOnce = (ref: string): string | undefined => {
      if (!sealed.has(ref)) sealed.set(ref, seal({ join: [{ secretRef: ref }] }));
      return sealed.get(ref);
    };
    const named = sources.with(files, sealedOnce, basisOf(snapshot.files)),
      digested: Part[] = [];
    await inPieces(each(parts, (part) => void digested.push(named.digested(part))));
    const context = (host: HostView): KindContext => ({
      host,
      place: placing(digested, host),
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
        parts: digested,
        get resources() {
          return digested.flat();
        },
        settings: settings.settings,
        policies: resourcesOfKind(digested, "Policy").map(ruleOf),
        context,
        secret: opened.value,
      },
    };
  };
  return {
    load: (snapshot) => check(snapshot, true),
    preview: (snapshot) => check(snapshot, false),
    close: apart.close,
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
