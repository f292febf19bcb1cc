import { act } from "../../../schemas/contract.ts";
import type { Difference, Expectation } from "../../../schemas/plan.ts";
import { type FileFact, fileRemove, fileRestore, fileValues, fileWrite } from "../../../schemas/verbs/file.ts";
import type { KindContext, PlannedStep, Trigger } from "../../core/model.ts";
import { contentOf, sha256 } from "./content.ts";
import { askFile, asWritten, changedKeys, changesContent, numberOf } from "./diff.ts";
import type { FileSpec } from "./spec.ts";

const timeoutMs = 60_000;

type Fields = Record<string, unknown>;

/** One step: the file is removed, written whole, changed at single values, or given owner, group and mode. */
export function fileSteps(spec: FileSpec, fact: FileFact, differences: readonly Difference[], context: KindContext): PlannedStep[] {
  const paths = new Set(differences.map(({ path }) => path));
  if (paths.has("state")) return [removeStep(spec, fact)];
  const attributes: Fields = {},
    reached: Fields = {},
    read: Fields = { type: fact.type };
  for (const name of ["owner", "group", "mode"] as const) {
    if (spec[name] === undefined) continue;
    attributes[name] = spec[name];
    Object.assign(reached, reachedBy(name, spec[name], fact));
    if (fact[name] !== undefined) read[name] = fact[name];
  }
  if (paths.has("content")) return writeStep(spec, fact, attributes, reached, read, context);
  const keys = changedKeys(differences);
  if (keys.length > 0) return [valuesStep(spec, fact, keys, attributes, reached, read)];
  const step = { action: fileWrite.name, input: { path: spec.path, ...attributes, ...kept(spec) } };
  return [finish(spec, step, read, { type: "file", ...reached })];
}

/** What the fact has to show afterwards: an owner by number has any name on the host. Agents that do not tell numbers tell the name alone. */
function reachedBy(name: "owner" | "group" | "mode", want: string, fact: FileFact): Fields {
  if (name === "mode" || !/^[0-9]+$/.test(want)) return { [name]: want };
  const field = numberOf[name];
  return fact.type === "missing" || fact[field] !== undefined ? { [field]: Number(want) } : { [name]: want };
}

/** None where the content cannot be known: the instance is blocked then. */
function writeStep(spec: FileSpec, fact: FileFact, attributes: Fields, reached: Fields, read: Fields, context: KindContext): PlannedStep[] {
  const content = contentOf(spec, context);
  if (content.is !== "text") return [];
  const { text } = content,
    sealed = typeof text !== "string";
  const expected = { ...read, ...(fact.type !== "file" ? {} : sealed ? { seal: fact.seal } : { sha256: fact.sha256 }) };
  const goal = { type: "file", ...(sealed ? { seal: context.seal(text) } : { sha256: sha256(text) }), ...reached };
  return [
    finish(
      spec,
      { action: fileWrite.name, input: { path: spec.path, content: text, ...attributes, ...kept(spec), ...marked(spec) } },
      expected,
      goal,
    ),
  ];
}

function valuesStep(
  spec: FileSpec,
  fact: FileFact,
  keys: readonly string[],
  attributes: Fields,
  reached: Fields,
  read: Fields,
): PlannedStep {
  if (spec.format === undefined) throw new TypeError("File: values without a format reached the planner");
  const values = Object.fromEntries(keys.map((key) => [key, asWritten(spec, spec.values?.[key] ?? null)]));
  const step = act(fileValues, { path: spec.path, format: spec.format, values, ...attributes, ...kept(spec), ...marked(spec) });
  return finish(
    spec,
    step,
    { ...read, ...(fact.values === undefined ? {} : { values: fact.values }) },
    { type: "file", values: { ...fact.values, ...values }, ...reached },
  );
}

function removeStep(spec: FileSpec, fact: FileFact): PlannedStep {
  const read = {
    type: fact.type,
    ...(fact.sha256 === undefined ? {} : { sha256: fact.sha256 }),
    ...(fact.seal === undefined ? {} : { seal: fact.seal }),
  };
  return finish(spec, act(fileRemove, { path: spec.path, ...kept(spec), ...marked(spec) }), read, { type: "missing" });
}

/** The agent keeps what was before; with `backups: 0` nothing is kept, so nothing can be put back. The planner puts the step's id for `$step`. */
function finish(spec: FileSpec, step: { action: string; input: unknown }, read: Fields, goal: Fields): PlannedStep {
  const about = (fields: Fields): Expectation => ({ ask: askFile(spec), fields });
  const { marks } = step.input as { marks?: string[] };
  const undo = spec.backups === 0 ? null : act(fileRestore, { path: spec.path, step: "$step", ...(marks === undefined ? {} : { marks }) });
  return { ...step, expect: about(read), goal: about(goal), undo, timeoutMs };
}

const kept = (spec: FileSpec): { backups?: number } => (spec.backups === undefined ? {} : { backups: spec.backups });

const marked = (spec: FileSpec): { marks?: string[] } => {
  const units = unitsOf(spec).map(({ unit }) => unit);
  return units.length === 0 ? {} : { marks: units };
};

/** Units that load the file, each once; who both reloads and restarts, restarts. */
function unitsOf(spec: FileSpec): Trigger[] {
  const restarts = new Set(spec.restarts ?? []),
    reloads = new Set((spec.reloads ?? []).filter((unit) => !restarts.has(unit)));
  return [
    ...[...restarts].map((unit) => ({ unit, how: "restart" as const })),
    ...[...reloads].map((unit) => ({ unit, how: "reload" as const })),
  ];
}

/** All units of the spec when the content changes; else those that the agent says have not loaded it yet. */
export function fileTriggers(spec: FileSpec, fact: FileFact, differences: readonly Difference[]): Trigger[] {
  return changesContent(differences) ? unitsOf(spec) : unitsOf(spec).filter(({ unit }) => fact.due?.includes(unit) === true);
}
