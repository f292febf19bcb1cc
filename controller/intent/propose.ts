import type { FileEdit, PreviewView } from "../../schemas/api.ts";
import type { Intent, IntentQuestion, IntentRefusal } from "../../schemas/intent.ts";
import { canonicalJson } from "../../schemas/canonical.ts";
import type { Change, Plan } from "../../schemas/plan.ts";
import { printProblem, type Problem } from "../../schemas/problem.ts";
import type { KindTable } from "../kinds/define.ts";
import type { Controller } from "../loop/controller.ts";
import type { CheckedStep } from "./check.ts";
import { compile, type Compiled, type Placed } from "./compile.ts";
import { judge, sayCondition } from "./condition.ts";
import type { Known, KnownHost } from "./known.ts";
import type { Reader } from "./reader.ts";
import { actionNamed } from "./words/index.ts";

/** A change that a person can say yes to: files as they would be, and what the planner makes of them. */
export interface Proposal {
  readonly intent: Intent;
  readonly edits: readonly FileEdit[];
  readonly compiled: Compiled;
  readonly plan: Plan;
  /** The part of the plan that this request brings about. */
  readonly changes: readonly Change[];
  /** Changes that waited before. */
  readonly others: number;
  readonly warnings: readonly Problem[];
  readonly skipped: readonly { readonly host: string; readonly reason: string }[];
  readonly seen: readonly string[];
  readonly hosts: readonly string[];
}

export type Proposed =
  | { readonly proposal: Proposal }
  | { readonly nothing: string }
  | { readonly question: IntentQuestion }
  | { readonly refusal: IntentRefusal }
  | { readonly problems: readonly Problem[] };

export interface ProposeInput {
  readonly intent: Intent;
  readonly steps: readonly CheckedStep[];
  readonly known: Known;
  readonly reader: Reader;
  readonly controller: Pick<Controller, "preview" | "fileText">;
  readonly kinds: KindTable;
  /** RFC 3339: the moment of restarts and upgrades. */
  readonly now: string;
}

/** Checked steps -> wishes -> edits -> the plan of the same planner on uncommitted text. Nothing is written. */
export async function propose(input: ProposeInput): Promise<Proposed> {
  const placed: Placed[] = [],
    skipped: { host: string; reason: string }[] = [],
    seen: string[] = [];
  for (const [index, { step, resolved }] of input.steps.entries()) {
    const words = actionNamed(step.action)!,
      service = typeof step.params["service"] === "string" ? step.params["service"] : undefined;
    const judged = step.condition === undefined ? undefined : await judge(step.condition, resolved.hosts, service, input.reader);
    skipped.push(...(judged?.skipped ?? []));
    seen.push(
      ...(judged === undefined || step.condition === undefined
        ? []
        : [`${sayCondition(step.condition)}: ${judged.seen.join(", ") || "does not hold"}`]),
    );
    const hosts = judged?.hosts ?? resolved.hosts;
    if (hosts.length === 0) continue;
    const brings = step.after.some((before) => input.steps[before]?.step.action === "package.install");
    const expanded = words.expand(step.params, brings ? hosts.map(asUnknown) : hosts, input.now, input.known);
    if (!("wishes" in expanded)) return expanded;
    skipped.push(...expanded.skipped);
    placed.push(...expanded.wishes.map((wish) => ({ wish, selector: resolved.selector, step: index, after: step.after })));
  }
  if (placed.length === 0)
    return {
      nothing: `The condition does not hold, so nothing is done. ${[...new Set(skipped.map(({ reason }) => reason))].slice(0, 10).join("; ")}.`,
    };
  const result = await compile(placed, { known: input.known, kinds: input.kinds, fileText: (path) => input.controller.fileText(path) });
  if (!("compiled" in result)) return result;
  return preview(result.compiled, { placed, skipped, seen: [...new Set(seen)] }, input);
}

/** A host whose units are about to change: a package that comes first brings some. */
export const asUnknown = (host: KnownHost): KnownHost => ({ ...host, units: undefined });

async function preview(
  compiled: Compiled,
  found: { placed: readonly Placed[]; skipped: Proposal["skipped"]; seen: readonly string[] },
  { intent, controller }: ProposeInput,
): Promise<Proposed> {
  if (compiled.edits.length === 0) return { nothing: `It is declared so already: ${compiled.unchanged.join(", ")}.` };
  const tainted = intent.taint.length > 0;
  const [before, after] = await Promise.all([controller.preview([]), controller.preview(compiled.edits, undefined, false, tainted)]);
  const errors = after.problems.filter(({ severity }) => severity === "error");
  if (after.plan === null || errors.length > 0) return { problems: errors.length > 0 ? errors : after.problems };
  const changes = ours(before, after.plan);
  const impossible = impossibleReasons(compiled, changes, after.plan);
  if (impossible.length > 0) return { refusal: { reason: "infeasible", text: `This cannot be done: ${impossible.join("; ")}.` } };
  const hosts = [...new Set(found.placed.flatMap(({ wish }) => wish.hosts))].sort();
  return {
    proposal: {
      intent,
      edits: compiled.edits,
      compiled,
      plan: after.plan,
      changes,
      others: after.plan.changes.length - changes.length,
      warnings: after.problems,
      skipped: found.skipped,
      seen: found.seen,
      hosts,
    },
  };
}

/** Why nothing at all of it can be done; empty where something can, or may be later. */
function impossibleReasons({ touched }: Compiled, changes: readonly Change[], plan: Plan): readonly string[] {
  const own = (id: string): boolean => touched.includes(id.split("@")[0]!),
    soon = [...plan.later, ...plan.unknown].some(({ id }) => own(id));
  if (changes.length > 0 || soon) return [];
  return [
    ...new Set(plan.blocked.filter(({ id }) => own(id)).map(({ reason, hint }) => `${reason}${hint === undefined ? "" : ` (${hint})`}`)),
  ].slice(0, 5);
}

/** Changes that the plan without the edits does not have in the same form. */
function ours(before: PreviewView, plan: Plan): readonly Change[] {
  const form = (change: Change): string => canonicalJson([change.id, change.summary, change.differences]);
  const waiting = new Set((before.plan?.changes ?? []).map(form));
  return plan.changes.filter((change) => !waiting.has(form(change)));
}

/** Problems as a person reads them. */
export const sayProblems = (problems: readonly Problem[]): string => problems.slice(0, 10).map(printProblem).join("\n");
