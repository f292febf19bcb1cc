import { act, ask } from "../../../schemas/contract.ts";
import { type FileFact, fileProbe, fileRemove, fileRestore } from "../../../schemas/verbs/file.ts";
import type { Difference } from "../../../schemas/plan.ts";
import type { Owned } from "../../../schemas/verbs/host.ts";
import type { KindContext, PlannedStep } from "../../core/model.ts";
import { defineKind } from "../define.ts";
import { fullUnit, type ServiceSpec, unitOf } from "../service/spec.ts";
import { checkFile } from "./check.ts";
import { contentOf } from "./content.ts";
import { askFile, changedKeys, diffFile, hasContent } from "./diff.ts";
import { FileSpec } from "./spec.ts";
import { fileSteps, fileTriggers } from "./steps.ts";
import { describeFile, fileAct, fileConsequence, fileUndo } from "./words.ts";

/** A file's content, or single values inside it, with owner, group and mode; units that read it load it again when it changes. */
export const file = defineKind({
  kind: "File",
  summary: "A file's content, template or single values, its owner and mode, its check, and the units that read it",
  spec: FileSpec,
  probe: fileProbe,
  complete: completeFile,
  link: linkFile,
  check: checkFile,
  claims: (spec) => [`file:${spec.path}`],
  references: (spec) => (["reloads", "restarts"] as const).flatMap((field) => serviceReferences(field, spec[field])),
  observe: (spec) => askFile(spec),
  blocked: blockedFile,
  diff: diffFile,
  steps: fileSteps,
  act: fileAct,
  consequence: fileConsequence,
  undo: fileUndo,
  describe: describeFile,
  triggers: fileTriggers,
  validator: (spec) => spec.validator,
  rollout: (spec) => spec.rollout,
  prune: pruneFile,
  stateWord: (fact) => (fact.type === "missing" ? "absent" : "present"),
  describeFact: describeFileFact,
  revert: revertFile,
});

/** Order is left to `needs`: a file may come before the service that reads it, or after. */
const serviceReferences = (field: string, loaders: readonly string[] = []) =>
  loaders.flatMap((id, i) => (id.startsWith("Service/") ? [{ id, path: `${field}.${i}`, order: "none" as const }] : []));

function completeFile(spec: FileSpec): FileSpec {
  const mode = spec.mode?.length === 3 ? { mode: `0${spec.mode}` } : {};
  const { owner, group } = spec,
    accounts = { ...(owner === undefined ? {} : { owner: String(owner) }), ...(group === undefined ? {} : { group: String(group) }) };
  return { ...spec, ...accounts, ...mode, ...mapLoaders(spec, (loader) => (loader.startsWith("Service/") ? loader : fullUnit(loader))) };
}

function linkFile(spec: FileSpec, find: (id: string) => Readonly<Record<string, unknown>> | undefined): FileSpec {
  const unit = (loader: string): string => {
    const service = loader.startsWith("Service/") ? find(loader) : undefined;
    return service === undefined ? loader : unitOf(service as ServiceSpec);
  };
  return { ...spec, ...mapLoaders(spec, unit) };
}

function mapLoaders({ reloads, restarts }: FileSpec, unit: (loader: string) => string): Pick<FileSpec, "reloads" | "restarts"> {
  return {
    ...(reloads === undefined ? {} : { reloads: reloads.map(unit) }),
    ...(restarts === undefined ? {} : { restarts: restarts.map(unit) }),
  };
}

function blockedFile(spec: FileSpec, fact: FileFact, context: KindContext): { reason: string; hint: string } | undefined {
  if (spec.state === "absent" ? fact.type === "directory" || fact.type === "other" : fact.type !== "file" && fact.type !== "missing")
    return {
      reason: `${spec.path} is ${fact.type === "link" ? `a link to ${fact.target ?? "another path"}` : fact.type === "directory" ? "a folder" : "no plain file"}`,
      hint: "Remove it on the host, or declare another path.",
    };
  const content = contentOf(spec, context);
  if (content.is === "problem") return { reason: content.reason, hint: content.hint };
  if (content.is === "text" && typeof content.text !== "string" && context.seal(content.text) === undefined)
    return { reason: `a secret that ${spec.path} holds is missing`, hint: "Add it to the workspace's secrets." };
  if (fact.valuesError !== undefined && spec.values !== undefined && spec.state !== "absent")
    return {
      reason: `the values in ${spec.path} cannot be read: ${fact.valuesError}`,
      hint: "Correct the file on the host, or the format in the manifest.",
    };
  if (fact.type === "missing" && spec.state !== "absent" && !hasContent(spec) && spec.values === undefined)
    return {
      reason: `${spec.path} does not exist, and nothing says what is in it`,
      hint: "Add content, or needs: with the package that brings the file.",
    };
  return undefined;
}

/** A file that was there before us stays: what was in it is not ours to remove. */
function pruneFile(owned: Owned): { steps: PlannedStep[]; reason: string } {
  const path = owned.claim.slice("file:".length),
    about = ask(fileProbe, { path });
  if (!owned.created) return { steps: [], reason: `${path} was there before Backend AI changed it, so it stays as it is` };
  const step: PlannedStep = {
    ...act(fileRemove, { path }),
    expect: { ask: about, fields: { type: "file", ...(owned.sha256 === undefined ? {} : { sha256: owned.sha256 }) } },
    goal: { ask: about, fields: { type: "missing" } },
    undo: act(fileRestore, { path, step: "$step" }),
    timeoutMs: 60_000,
  };
  return { steps: [step], reason: `${path} exists because of ${owned.resource}, which is no longer declared` };
}

function describeFileFact(fact: FileFact): Record<string, unknown> | undefined {
  if (fact.type !== "file" || fact.text === undefined) return undefined;
  return { path: fact.path, content: fact.text, ...attributesOf(fact) };
}

const attributesOf = ({ owner, group, mode }: FileFact): Record<string, unknown> => ({
  ...(owner === undefined ? {} : { owner }),
  ...(group === undefined ? {} : { group }),
  ...(mode === undefined ? {} : { mode }),
});

function revertFile(spec: FileSpec, fact: FileFact, differences: readonly Difference[]): Record<string, unknown> | undefined {
  if (fact.type === "missing") return { state: "absent" };
  const paths = new Set(differences.map(({ path }) => path)),
    back: Record<string, unknown> = {},
    keys = changedKeys(differences);
  if (paths.has("state") || paths.has("content")) {
    if (fact.text === undefined) return undefined;
    Object.assign(
      back,
      { content: fact.text, source: null, template: null, values: null, format: null },
      paths.has("state") ? { state: null, ...attributesOf(fact) } : {},
    );
  }
  if (keys.length > 0) back.values = { ...spec.values, ...Object.fromEntries(keys.map((key) => [key, fact.values?.[key] ?? null])) };
  for (const name of ["owner", "group", "mode"] as const) if (paths.has(name) && fact[name] !== undefined) back[name] = fact[name];
  for (const name of Object.keys(back)) if (back[name] === null && !(name in spec)) delete back[name];
  return back;
}
