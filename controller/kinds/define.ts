import type { Static, TSchema } from "typebox";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import type { Ask, Consequence, Probe, Undo } from "../../schemas/contract.ts";
import type { Rollout } from "../../schemas/manifest.ts";
import type { ChangeAct, Difference } from "../../schemas/plan.ts";
import type { Validator } from "../../schemas/verbs/file.ts";
import type { HealthCheck } from "../../schemas/verbs/health.ts";
import type { Owned } from "../../schemas/verbs/host.ts";
import type { HostView, KindContext, PlannedStep, Trigger } from "../core/model.ts";

const ajv = new Ajv2020({ strict: true, allErrors: true, strictTypes: false });
formats.default(ajv);

/** Something a kind's own check found: a field path below `spec` (such as `source`), what is wrong, what to do. */
export interface Finding {
  readonly path: string;
  readonly code: string;
  readonly summary: string;
  readonly hint?: string | undefined;
}

/** What `check` may look at: files of the workspace by path, and whether a secret exists. */
export interface CheckContext {
  readonly file: (path: string) => string | undefined;
  readonly fileExists: (path: string) => boolean;
  readonly nearestFile: (path: string) => string | undefined;
  readonly secretExists: (ref: string) => boolean;
}

/** What the author of a kind writes: every function pure, every type concrete. A field that a spec does not mention is never compared. */
export interface KindDefinition<Spec extends TSchema, Fact extends TSchema> {
  readonly kind: string;
  /** One sentence for `--help`, the JSON schema and the language. */
  readonly summary: string;
  readonly spec: Spec;
  readonly probe: Probe<string, TSchema, Fact>;
  /** What its instances stand on: machines, picked by `on`, where it is left out; or clusters, named by `cluster`. */
  readonly stands?: "hosts" | "clusters";
  /** The spec with what the resource's name says filled in (the unit of a Service); done once, when it is loaded. */
  complete?(spec: Static<Spec>, name: string): Static<Spec>;
  /** The spec with references to other resources replaced by what they name (`Service/web` by its unit); done when all are loaded. `find` gives a completed spec. */
  link?(spec: Static<Spec>, find: (id: string) => Readonly<Record<string, unknown>> | undefined): Static<Spec>;
  /** Problems that the schema cannot express; called with the completed spec. */
  check?(spec: Static<Spec>, context: CheckContext): Finding[];
  /** What an instance owns on its host alone: `unit:NAME`, `file:/path`, `package:NAME`. */
  claims(spec: Static<Spec>): string[];
  /** Other resources that the spec names (beside `needs`): they have to exist, and come first where `order` says so. */
  references?(spec: Static<Spec>): { readonly id: string; readonly path: string; readonly order: "before" | "after" | "none" }[];
  observe(spec: Static<Spec>, context: KindContext): Ask;
  /** What is wanted depends on beside the manifest, such as which release is the newest: that it moved is no drift. */
  wantedBeside?(spec: Static<Spec>, host: HostView): string | undefined;
  /** Why nothing should be decided now: a job is queued, a package manager works. */
  changing?(fact: Static<Fact>): string | undefined;
  /** Why the host cannot satisfy the spec as it is: unit not found, package unknown to its sources. It blocks the instance. */
  blocked?(spec: Static<Spec>, fact: Static<Fact>, context: KindContext): { readonly reason: string; readonly hint?: string } | undefined;
  diff(spec: Static<Spec>, fact: Static<Fact>, context: KindContext): Difference[];
  steps(spec: Static<Spec>, fact: Static<Fact>, differences: readonly Difference[], context: KindContext): PlannedStep[];
  act(spec: Static<Spec>, fact: Static<Fact>, differences: readonly Difference[]): ChangeAct;
  consequence(spec: Static<Spec>, fact: Static<Fact>, differences: readonly Difference[]): Consequence;
  undo(spec: Static<Spec>, fact: Static<Fact>, differences: readonly Difference[]): { readonly how: Undo; readonly note: string };
  describe(spec: Static<Spec>, fact: Static<Fact>, differences: readonly Difference[]): string;
  /** Units that have to load something again once the steps are done. */
  triggers?(spec: Static<Spec>, fact: Static<Fact>, differences: readonly Difference[]): Trigger[];
  health?(spec: Static<Spec>): HealthCheck[];
  /** The named check that what the steps write has to pass before any of them is done. */
  validator?(spec: Static<Spec>): Validator | undefined;
  rollout?(spec: Static<Spec>): Rollout | undefined;
  /** Whether hosts that are down already count against `maxUnavailable`; they do where this is left out. */
  readonly countsDown?: boolean;
  /** Steps that remove what an orphaned instance left; empty where it must stay, with the reason. */
  prune(owned: Owned): { readonly steps: PlannedStep[]; readonly reason: string };
  /** The word that `onlyIf: Kind/name is WORD` compares, such as running. */
  stateWord(fact: Static<Fact>): string;
  /** A spec (without `on`) that describes the fact, such that the next plan is empty; undefined where there is nothing to describe. */
  describeFact(fact: Static<Fact>): Record<string, unknown> | undefined;
  /** Changes of spec fields (`null` removes the field) that bring back what was before the differences; undefined: cannot be undone by a manifest. */
  revert(spec: Static<Spec>, fact: Static<Fact>, differences: readonly Difference[]): Record<string, unknown> | undefined;
}

export interface Evaluation {
  readonly differences: Difference[];
  readonly steps: PlannedStep[];
  readonly act: ChangeAct;
  readonly consequence: Consequence;
  readonly undo: { readonly how: Undo; readonly note: string };
  readonly summary: string;
  readonly triggers: Trigger[];
}

export type Outcome =
  | { readonly is: "in-sync" }
  | { readonly is: "differs"; readonly evaluation: Evaluation }
  | { readonly is: "changing"; readonly reason: string }
  /** `evaluation`: what would be done once the obstacle is gone, such as a package that brings the unit. */
  | { readonly is: "blocked"; readonly reason: string; readonly hint?: string | undefined; readonly evaluation: Evaluation };

/** What the engine sees of a kind with instances on hosts: the same functions with their types erased, so that one table holds every kind. */
export interface InstanceKind {
  readonly scope: "hosts";
  readonly kind: string;
  readonly summary: string;
  readonly spec: TSchema;
  readonly probe: string;
  readonly stands: "hosts" | "clusters";
  readonly validate: ValidateFunction;
  complete(spec: unknown, name: string): Record<string, unknown>;
  link(spec: unknown, find: (id: string) => Readonly<Record<string, unknown>> | undefined): Record<string, unknown>;
  check(spec: unknown, context: CheckContext): Finding[];
  claims(spec: unknown): string[];
  references(spec: unknown): { readonly id: string; readonly path: string; readonly order: "before" | "after" | "none" }[];
  observe(spec: unknown, context: KindContext): Ask;
  wantedBeside(spec: unknown, host: HostView): string | undefined;
  evaluate(spec: unknown, fact: unknown, context: KindContext): Outcome;
  health(spec: unknown): HealthCheck[];
  validator(spec: unknown): Validator | undefined;
  rollout(spec: unknown): Rollout | undefined;
  readonly countsDown: boolean;
  prune(owned: Owned): { readonly steps: PlannedStep[]; readonly reason: string };
  stateWord(fact: unknown): string;
  describeFact(fact: unknown): Record<string, unknown> | undefined;
  revert(spec: unknown, fact: unknown, differences: readonly Difference[]): Record<string, unknown> | undefined;
}

/** A kind that says something to the controller itself and has no instances: Host, Policy. */
export interface SettingsKind {
  readonly scope: "settings";
  readonly kind: string;
  readonly summary: string;
  readonly spec: TSchema;
  readonly validate: ValidateFunction;
  check(spec: unknown, context: CheckContext): Finding[];
}

export type Kind = InstanceKind | SettingsKind;
export type KindTable = ReadonlyMap<string, Kind>;

const inSync: Outcome = { is: "in-sync" };

/** Picks the cluster that a guest names, or the one that there is. */
const clusterSelector = (cluster: unknown): string => (typeof cluster === "string" ? `kind=cluster & name=${cluster}` : "kind=cluster");

/** With several clusters a guest has to say which is its own, or it would be made in each. */
function whichCluster(spec: unknown, { host }: KindContext): { reason: string; hint: string } | undefined {
  const others = host.cluster?.others ?? [];
  if (others.length === 0 || (spec as { cluster?: unknown }).cluster !== undefined) return undefined;
  return {
    reason: "it is not clear which cluster it belongs to",
    hint: `Add cluster: to its spec; there are ${[host.name, ...others].sort().join(", ")}.`,
  };
}

/** The single place where a kind's types are erased; specs were checked by their schema when they were loaded, facts are checked here. */
export function defineKind<Spec extends TSchema, Fact extends TSchema>(of: KindDefinition<Spec, Fact>): InstanceKind {
  type S = Static<Spec>;
  type F = Static<Fact>;
  const validate = ajv.compile(of.spec);
  const standing = (spec: Record<string, unknown>): Record<string, unknown> =>
    of.stands === "clusters" ? { ...spec, on: clusterSelector(spec["cluster"]) } : spec;
  const factOk = ajv.compile<F>(of.probe.output);
  const seen = new WeakSet<object>();
  const checked = (fact: unknown): F => {
    if (typeof fact === "object" && fact !== null && seen.has(fact)) return fact as F;
    if (!factOk(fact))
      throw new TypeError(
        `${of.kind}: a fact that breaks the contract of probe ${of.probe.name} reached the planner: ${ajv.errorsText(factOk.errors)}`,
      );
    if (typeof fact === "object" && fact !== null) seen.add(fact);
    return fact;
  };
  return {
    scope: "hosts",
    kind: of.kind,
    summary: of.summary,
    spec: of.spec,
    probe: of.probe.name,
    stands: of.stands ?? "hosts",
    validate,
    complete: (spec, name) => standing((of.complete?.(spec as S, name) ?? spec) as Record<string, unknown>),
    link: (spec, find) => (of.link?.(spec as S, find) ?? spec) as Record<string, unknown>,
    check: (spec, context) => of.check?.(spec as S, context) ?? [],
    claims: (spec) => of.claims(spec as S),
    references: (spec) => of.references?.(spec as S) ?? [],
    observe: (spec, context) => of.observe(spec as S, context),
    wantedBeside: (spec, host) => of.wantedBeside?.(spec as S, host),
    evaluate(rawSpec, rawFact, context) {
      const spec = rawSpec as S,
        fact = checked(rawFact);
      const changing = of.changing?.(fact);
      if (changing !== undefined) return { is: "changing", reason: changing };
      const differences = of.diff(spec, fact, context);
      if (differences.length === 0) {
        const triggers = of.triggers?.(spec, fact, differences) ?? [];
        if (triggers.length === 0) return inSync;
        return {
          is: "differs",
          evaluation: {
            differences,
            steps: [],
            act: "reload",
            consequence: "none",
            undo: { how: "trivial", note: "" },
            summary: "",
            triggers,
          },
        };
      }
      const evaluation: Evaluation = {
        differences,
        steps: of.steps(spec, fact, differences, context),
        act: of.act(spec, fact, differences),
        consequence: of.consequence(spec, fact, differences),
        undo: of.undo(spec, fact, differences),
        summary: of.describe(spec, fact, differences),
        triggers: of.triggers?.(spec, fact, differences) ?? [],
      };
      const blocked = (of.stands === "clusters" ? whichCluster(spec, context) : undefined) ?? of.blocked?.(spec, fact, context);
      return blocked === undefined ? { is: "differs", evaluation } : { is: "blocked", ...blocked, evaluation };
    },
    health: (spec) => of.health?.(spec as S) ?? [],
    validator: (spec) => of.validator?.(spec as S),
    rollout: (spec) => of.rollout?.(spec as S),
    countsDown: of.countsDown ?? true,
    prune: (owned) => of.prune(owned),
    stateWord: (fact) => of.stateWord(checked(fact)),
    describeFact: (fact) => of.describeFact(checked(fact)),
    revert: (spec, fact, differences) => of.revert(spec as S, checked(fact), differences),
  };
}

/** Defines a kind without instances. */
export function defineSettings<Spec extends TSchema>(of: {
  kind: string;
  summary: string;
  spec: Spec;
  check?(spec: Static<Spec>, context: CheckContext): Finding[];
}): SettingsKind {
  return {
    scope: "settings",
    kind: of.kind,
    summary: of.summary,
    spec: of.spec,
    validate: ajv.compile(of.spec),
    check: (spec, context) => of.check?.(spec as Static<Spec>, context) ?? [],
  };
}
