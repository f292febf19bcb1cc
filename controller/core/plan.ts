import { createHash } from "node:crypto";
import { canonicalJson } from "../../schemas/canonical.ts";
import type { Change, Plan, Remark } from "../../schemas/plan.ts";
import type { Evaluation, InstanceKind, KindTable } from "../kinds/define.ts";
import { draft, type Draft, joinTriggers, placeSteps } from "./changes.ts";
import { overLimits, type RecentChange } from "./limits.ts";
import type { FactLookup, HostView, Instance, PolicyRule, Trigger } from "./model.ts";
import { onlyIf } from "./condition.ts";
import { batch, instancesFor, linkNeeds, needed, order } from "./order.ts";
import type { Orphan } from "./orphans.ts";
import type { Assessment } from "./pair.ts";
import { approvalFor, planRisk, type RiskInput, withRisk } from "./risk.ts";
import type { Desired } from "./select.ts";
import type { Settings } from "./settings-defaults.ts";

/** Everything a plan depends on; `assessments` holds what is not in sync, so that the cost follows the change. */
export interface PlanInput {
  readonly kinds: KindTable;
  readonly desired: Desired;
  readonly hosts: ReadonlyMap<string, HostView>;
  readonly fact: FactLookup;
  readonly assessments: Iterable<Assessment>;
  readonly inSync: number;
  /** The digest of the resource with which an instance was last in sync; undefined: never. */
  readonly synced: (id: string) => string | undefined;
  readonly policies: readonly PolicyRule[];
  readonly orphans: readonly Orphan[];
  readonly recent: readonly RecentChange[];
  /** Instances that a run works on: left out, they are looked at again when it ends. */
  readonly busy: (id: string) => boolean;
  /** Whether untrusted text had a say in what a change brings about. */
  readonly tainted?: RiskInput["tainted"];
  /** Approval where no policy speaks. */
  readonly approval: Settings["approval"];
  readonly now: number;
}

/** Desired and observed in, plan out: complete, inert, and the same for the same input in whatever order. */
export function makePlan(input: PlanInput): Plan {
  const sorted = sortOut(input);
  const drafts = new Map(sorted.drafts);
  joinTriggers(drafts, sorted.triggers, input.desired, input.kinds);
  linkNeeds(drafts, input.desired, input.kinds);
  const { later, blocked } = predict(sorted.obstructed, drafts, input);
  const obstacles = [...blocked, ...sorted.blocked, ...sorted.unknown, ...sorted.busy];
  const stuck = blockDependents(drafts, obstacles, input);
  batch(drafts, input.desired, input.kinds);
  const known = (id: string): boolean => input.synced(id) !== undefined;
  const changes = withRisk(
    order(drafts).flatMap((id) => drafts.get(id) ?? []),
    { ...input, known },
  );
  return assemble(changes, withRisk(later, { ...input, known }), { ...sorted, blocked: [...sorted.blocked, ...blocked, ...stuck] }, input);
}

interface Sorted {
  readonly drafts: Map<string, Draft>;
  readonly triggers: { from: string; host: string; trigger: Trigger }[];
  readonly unknown: Remark[];
  readonly blocked: Remark[];
  /** What a run works on: what needs it waits for the run's end. */
  readonly busy: Remark[];
  readonly obstructed: { instance: Instance; evaluation: Evaluation; kind: InstanceKind; reason: string; hint?: string | undefined }[];
}

const remark = (id: string, reason: string, hint?: string): Remark => ({ id, reason, ...(hint === undefined ? {} : { hint }) });

/** Puts each instance that is not in sync where it belongs: to be changed, unknown, or blocked. */
function sortOut(input: PlanInput): Sorted {
  const found: Sorted = { drafts: new Map(), triggers: [], unknown: [], blocked: [], obstructed: [], busy: [] };
  for (const assessment of input.assessments) {
    const { id } = assessment,
      instance = input.desired.instances.get(id),
      kind = input.kinds.get(instance?.resource.kind ?? "");
    if (instance === undefined || kind?.scope !== "hosts" || assessment.is === "in-sync") continue;
    if (input.busy(id)) found.busy.push(remark(id, "a run is at work on it"));
    else if (assessment.is === "unknown" || assessment.is === "changing")
      found.unknown.push(remark(id, assessment.reason, assessment.hint));
    else if (assessment.is === "blocked" && assessment.evaluation === undefined)
      found.blocked.push(remark(id, assessment.reason, assessment.hint));
    else if (assessment.is === "blocked" && assessment.evaluation !== undefined)
      found.obstructed.push({ ...assessment, instance, kind, evaluation: assessment.evaluation });
    else if (assessment.is === "differs") {
      const stop = onlyIf(instance, input);
      if (stop !== undefined) found.blocked.push(remark(id, stop));
      else {
        const cause = input.synced(id) === instance.resource.digest ? "drift" : "manifest";
        if (assessment.evaluation.steps.length > 0) found.drafts.set(id, draft(instance, assessment.evaluation, kind, cause));
        for (const trigger of assessment.evaluation.triggers) found.triggers.push({ from: id, host: instance.host, trigger });
      }
    }
  }
  for (const orphan of input.orphans)
    if (orphan.draft !== undefined && !input.busy(orphan.id)) found.drafts.set(orphan.draft.id, { ...orphan.draft });
  return found;
}

/** A blocked instance that waits for something this plan brings (a unit of a package) is predicted; any other stays blocked. */
function predict(obstructed: Sorted["obstructed"], drafts: Map<string, Draft>, input: PlanInput): { later: Draft[]; blocked: Remark[] } {
  const later: Draft[] = [],
    blocked: Remark[] = [];
  const bringing = new Set(
    [...drafts.values()].filter((one) => one.resource.startsWith("Package/") && one.act !== "delete").map((one) => one.host),
  );
  for (const { instance, evaluation, kind, reason, hint } of obstructed) {
    const firsts = needed(instance, input.kinds)
      .flatMap((id) => instancesFor(id, instance.host, input.desired))
      .filter((one) => drafts.has(one.id));
    if (firsts.length > 0 || bringing.has(instance.host)) {
      const predicted = draft(instance, evaluation, kind, "manifest");
      later.push({
        ...predicted,
        steps: placeSteps(instance.id, instance.host, evaluation.steps).map(({ expect: _, ...step }) => step),
        needs: firsts.map((one) => one.id).sort(),
      });
    } else blocked.push(remark(instance.id, reason, hint));
  }
  return { later: later.sort((a, b) => (a.id < b.id ? -1 : 1)), blocked };
}

/** What needs something blocked or unknown is blocked itself, and so on. */
function blockDependents(drafts: Map<string, Draft>, obstacles: readonly Remark[], input: PlanInput): Remark[] {
  const stuck = new Map(obstacles.map((one) => [one.id, one])),
    added: Remark[] = [];
  if (stuck.size === 0) return added;
  for (let again = true; again; ) {
    again = false;
    for (const [id] of drafts) {
      const instance = input.desired.instances.get(id);
      if (instance === undefined) continue;
      const on = needed(instance, input.kinds)
        .flatMap((first) => instancesFor(first, instance.host, input.desired))
        .find((one) => stuck.has(one.id));
      if (on === undefined) continue;
      const found = remark(id, `needs ${on.id}: ${stuck.get(on.id)?.reason ?? "not possible now"}`);
      drafts.delete(id);
      stuck.set(id, found);
      added.push(found);
      again = true;
    }
  }
  return added;
}

function assemble(changes: Change[], later: Change[], sorted: Pick<Sorted, "unknown" | "blocked">, input: PlanInput): Plan {
  const byId = (a: Remark, b: Remark): number => (a.id < b.id ? -1 : 1);
  return {
    digest: digestOf(input.desired.tree, [...changes, ...later]),
    commit: input.desired.commit,
    tree: input.desired.tree,
    madeAt: new Date(input.now).toISOString(),
    basis: { facts: basisOf(changes, input) },
    changes,
    later,
    unknown: [...sorted.unknown].sort(byId),
    orphaned: input.orphans.map((orphan) => remark(orphan.id, orphan.reason)).sort(byId),
    blocked: [...sorted.blocked].sort(byId),
    problems: overLimits(changes, input.recent, input),
    risk: planRisk(changes),
    approval: approvalFor(changes, input),
    inSync: input.inSync,
  };
}

/** SHA-256 over the tree and the changes in their order: no times and no commit id, so a preview and its commit have one digest. */
export function digestOf(tree: string, changes: readonly Change[]): string {
  const hash = createHash("sha256").update('{"changes":[');
  // In pieces: the text of ten thousand changes in one would be twenty megabytes.
  changes.forEach((change, at) => hash.update(`${at === 0 ? "" : ","}${canonicalJson(change)}`));
  return hash.update(`],"tree":${canonicalJson(tree)}}`).digest("hex");
}

function basisOf(changes: readonly Change[], input: PlanInput): Record<string, string> {
  const facts: Record<string, string> = {};
  for (const change of changes) {
    const instance = input.desired.instances.get(change.id);
    if (instance === undefined) continue;
    const fact = input.fact(instance.host, instance.askKey);
    if (fact !== undefined) facts[`${instance.host} ${instance.askKey}`] = fact.digest;
  }
  return facts;
}
