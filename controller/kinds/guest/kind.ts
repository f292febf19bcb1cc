import type { Static, TSchema } from "typebox";
import { ask } from "../../../schemas/contract.ts";
import type { SecretRef } from "../../../schemas/manifest.ts";
import { type GuestConfig, type GuestFact, guestProbe, type GuestRef, type GuestType } from "../../../schemas/verbs/proxmox/guest.ts";
import type { KindContext } from "../../core/model.ts";
import { defineKind, type Finding, type InstanceKind } from "../define.ts";
import { aspectsOf, differencesOf } from "./aspects.ts";
import { type Attempt, obstacleOf } from "./blocked.ts";
import { changeSteps, removeSteps } from "./change.ts";
import { checkGuest } from "./check.ts";
import { common, describeGuest, reverted } from "./describe.ts";
import { makeSteps } from "./make.ts";
import { broughtBy } from "./origin.ts";
import type { GuestSpec } from "./spec.ts";
import { guestSteps } from "./steps.ts";
import { actOf, consequenceOf, makingNote, summaryOf, undoOf } from "./words.ts";
import type { Wanted } from "./wanted.ts";

/** What a guest is made from; `clone` is a reference once the manifests are linked. */
type Source =
  | { readonly template: string; readonly password?: string | SecretRef; readonly sshKeys?: readonly string[] }
  | { readonly clone: number | string | GuestRef; readonly full?: boolean; readonly snapshot?: string; readonly storage?: string }
  | { readonly restore: string; readonly storage?: string; readonly unique?: boolean };

/** A completed spec, as the shared functions see it. */
export type GuestKindSpec = GuestSpec & {
  readonly name: string;
  /** `Kind/name`, which marks the guest as ours. */
  readonly resource: string;
  readonly source?: Source;
  readonly needsSource?: boolean;
};

/** What containers and virtual machines have of their own. */
export interface GuestKindParts<Spec extends TSchema> {
  readonly kind: string;
  readonly type: GuestType;
  readonly summary: string;
  readonly spec: Spec;
  readonly wanted: (spec: Static<Spec>, have: GuestConfig) => Wanted[];
  readonly describe: (config: GuestConfig) => Record<string, unknown>;
  readonly check: (spec: Static<Spec>) => Finding[];
  /** Whether the manifest does not say enough to make it. */
  readonly needsSource: (spec: Static<Spec>) => boolean;
}

const refOf = (type: GuestType, { resource, id, name }: GuestKindSpec): GuestRef => ({
  resource,
  type,
  ...(id === undefined ? {} : { id }),
  name,
});

/** A kind whose instances are guests of a Proxmox cluster: one table of configuration keys, one way to compare, make, change and remove. */
export function defineGuestKind<Spec extends TSchema>(of: GuestKindParts<Spec>): InstanceKind {
  const own = (spec: Static<Spec>): GuestKindSpec => spec as GuestKindSpec;
  // A guest whose configuration does not name it has the name that the cluster shows.
  const wantedOf = (spec: Static<Spec>, fact: GuestFact): Wanted[] =>
    of.wanted(spec, fact.next ?? {}).map((one) => (one.path === "name" ? { ...one, byDefault: fact.name } : one));
  const stepsOf = (spec: Static<Spec>) => guestSteps(refOf(of.type, own(spec)));
  const attempt = (spec: Static<Spec>, fact: GuestFact, context: KindContext): Attempt => {
    const wanted = wantedOf(spec, fact);
    return {
      spec: own(spec),
      wanted,
      fact,
      ...(fact.exists ? { aspects: aspectsOf(own(spec), wanted, fact, context) } : { brought: broughtBy(own(spec), wanted, fact) }),
    };
  };
  return defineKind({
    kind: of.kind,
    summary: of.summary,
    spec: of.spec,
    probe: guestProbe,
    stands: "clusters",
    complete: (spec, name) =>
      ({
        ...(spec as object),
        name: own(spec).name ?? name,
        resource: `${of.kind}/${name}`,
        ...(of.needsSource(spec) ? { needsSource: true } : {}),
      }) as Static<Spec>,
    link: (spec, find) => linked(spec, find) as Static<Spec>,
    check: (spec) => [...checkGuest(of.kind, own(spec)), ...of.check(spec)],
    claims: (spec) => {
      const { id, name } = own(spec);
      return [`guest-name:${of.type}/${name}`, ...(id === undefined ? [] : [`guest:${id}`])];
    },
    references: (spec) => {
      const { source } = own(spec);
      return source !== undefined && "clone" in source && typeof source.clone === "string"
        ? [{ id: source.clone, path: "source.clone", order: "before" as const }]
        : [];
    },
    observe: (spec) => ask(guestProbe, { ...refOf(of.type, own(spec)), ...besideAsked(own(spec), of.wanted(spec, {})) }),
    changing(fact) {
      if (fact.lock !== undefined) return `guest ${fact.id} is locked (${fact.lock})`;
      return fact.changing === true
        ? `a task works on guest ${fact.id}${fact.task === undefined ? "" : `: ${fact.task.type} by ${fact.task.user}`}`
        : undefined;
    },
    blocked: (spec, fact, context) => obstacleOf(attempt(spec, fact, context), context),
    diff(spec, fact, context) {
      if (own(spec).state === "absent")
        return fact.exists ? [{ path: "state", want: "absent", have: "present", note: `guest ${fact.id} on ${fact.node}` }] : [];
      const { aspects } = attempt(spec, fact, context);
      return aspects === undefined
        ? [{ path: "state", want: "present", have: "absent", ...makingNote(own(spec), context) }]
        : differencesOf(aspects);
    },
    steps(spec, fact, _differences, context) {
      if (own(spec).state === "absent") return removeSteps(fact, stepsOf(spec));
      const { aspects, brought, wanted } = attempt(spec, fact, context);
      return aspects === undefined
        ? makeSteps(own(spec), wanted, brought, stepsOf(spec), context)
        : changeSteps(own(spec), fact, aspects, stepsOf(spec));
    },
    act: (spec, fact, differences) => actOf(own(spec), fact, differences),
    consequence: (spec, fact, differences) => consequenceOf(own(spec), wantedOf(spec, fact), fact, differences),
    undo: (spec, fact, differences) => undoOf(own(spec), fact, differences),
    describe: (spec, fact, differences) => summaryOf(own(spec), fact, differences),
    rollout: (spec) => own(spec).rollout,
    prune: (owned) => ({ steps: [], reason: `${owned.claim} is a guest: it is removed by state: absent only` }),
    stateWord: (fact) => (fact.exists ? (fact.status ?? "unknown") : "absent"),
    describeFact(fact) {
      if (!fact.exists) return undefined;
      const next = of.describe(fact.next ?? {});
      return describeGuest(fact, fact.status === "running" ? common(next, of.describe(fact.config ?? fact.next ?? {})) : next);
    },
    revert(spec, fact, differences) {
      if (!fact.exists) return { state: "absent" };
      if (own(spec).state === "absent" || undoOf(own(spec), fact, differences).how === "impossible") return undefined;
      return reverted(
        spec as object as Record<string, unknown>,
        wantedOf(spec, fact),
        describeGuest(fact, of.describe(fact.next ?? {})),
        differences,
      );
    },
  });
}

/** A clone's origin that is a resource becomes the guest that it describes. */
function linked(spec: unknown, find: (id: string) => Readonly<Record<string, unknown>> | undefined): unknown {
  const { source } = spec as GuestKindSpec;
  if (source === undefined || !("clone" in source) || typeof source.clone !== "string") return spec;
  const origin = find(source.clone);
  if (origin === undefined) return spec;
  const type: GuestType = source.clone.startsWith("Container/") ? "container" : "vm";
  return { ...(spec as object), source: { ...source, clone: refOf(type, origin as unknown as GuestKindSpec) } };
}

/** What a creation has to know beside the guest: volumes that it names, and the guest that it is cloned from. */
function besideAsked({ source }: GuestKindSpec, wanted: readonly Wanted[]): { volumes?: string[]; origin?: number | GuestRef } {
  const isVolume = (volume: string | undefined): volume is string => volume !== undefined && /^[A-Za-z][\w.-]*:/.test(volume);
  const named = [
    ...(source !== undefined && "template" in source ? [source.template] : []),
    ...(source !== undefined && "restore" in source ? [source.restore] : []),
    ...wanted.flatMap(({ disk }) => [disk?.image, disk?.volume].filter(isVolume)),
  ];
  // A snapshot's configuration may be another: then the disks are left to the plan that follows.
  const origin = source !== undefined && "clone" in source && source.snapshot === undefined ? source.clone : undefined;
  return {
    ...(named.length === 0 ? {} : { volumes: [...new Set(named)].slice(0, 16) }),
    ...(origin === undefined || typeof origin === "string" ? {} : { origin }),
  };
}
