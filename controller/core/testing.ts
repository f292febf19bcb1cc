import { createHash } from "node:crypto";
import { canonicalJson } from "../../schemas/canonical.ts";
import { apiVersion } from "../../schemas/manifest.ts";
import type { Plan } from "../../schemas/plan.ts";
import { kinds } from "../kinds/index.ts";
import { policyRule } from "../kinds/policy/rule.ts";
import type { Fact, HostView, KindContext, LoadedResource } from "./model.ts";
import { orphansOf } from "./orphans.ts";
import { assess, type PairInput } from "./pair.ts";
import { makePlan, type PlanInput } from "./plan.ts";
import { defaultSettings } from "./settings-defaults.ts";
import { type Desired, select } from "./select.ts";

/** A resource as the loader hands it over, for tests. */
export function resource(kindName: string, name: string, spec: Record<string, unknown>): LoadedResource {
  const kind = kinds.get(kindName);
  const completed = kind?.scope === "hosts" ? kind.complete(spec, name) : spec;
  if (kind?.validate(spec) !== true) throw new Error(`${kindName}/${name}: ${JSON.stringify(kind?.validate.errors)}`);
  const whole: LoadedResource["resource"] = { apiVersion, kind: kindName, metadata: { name }, spec: completed as Record<string, unknown> };
  const digest = createHash("sha256").update(canonicalJson(whole)).digest("hex");
  return {
    id: `${kindName}/${name}`,
    kind: kindName,
    name,
    resource: whole,
    digest,
    file: "manifests/test.yaml",
    where: () => ({ file: "manifests/test.yaml" }),
  };
}

/** A host of tests: online, Debian, with tags. */
export const host = (name: string, more: Partial<HostView> = {}): HostView => ({
  name,
  online: true,
  aliases: [],
  tags: [],
  labels: {},
  clockOffset: 0,
  agent: { version: "1.0.0", verbs: [] },
  ...more,
});

/** Desired and observed of a test, and the plan that follows. `facts`: instance id -> value of its fact. */
export interface Case {
  readonly resources: readonly LoadedResource[];
  readonly hosts: readonly HostView[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly synced?: Readonly<Record<string, string>>;
  readonly tainted?: PlanInput["tainted"];
}

const context = (view: HostView): KindContext => ({ host: view, file: () => undefined, seal: () => undefined, unitOf: (unit) => unit });

/** Puts a test's resources and hosts together as the loop does. */
export function desiredOf(of: Pick<Case, "resources" | "hosts">): Desired {
  return select(
    { commit: "commit", tree: "tree", resources: of.resources },
    new Map(of.hosts.map((view) => [view.name, view])),
    kinds,
    context,
  );
}

/** The plan for a test. */
export function planFor(of: Case): Plan {
  const desired = desiredOf(of),
    hosts = new Map(of.hosts.map((view) => [view.name, view]));
  const facts = new Map<string, Fact>();
  for (const [id, value] of Object.entries(of.facts)) {
    const instance = desired.instances.get(id);
    if (instance === undefined) throw new Error(`a fact for an instance that there is not: ${id}`);
    facts.set(`${instance.host} ${instance.askKey}`, {
      host: instance.host,
      key: instance.askKey,
      at: 0,
      digest: canonicalJson(value),
      value,
    });
  }
  const fact = (on: string, key: string): Fact | undefined => facts.get(`${on} ${key}`);
  const policies = of.resources.filter((one) => one.kind === "Policy").map(policyRule);
  const input: PairInput = { kinds, hosts, fact, context, held: new Map() };
  const assessments = [...desired.instances.values()].map((instance) => assess(instance, input));
  return makePlan({
    kinds,
    desired,
    hosts,
    fact,
    assessments: assessments.filter((one) => one.is !== "in-sync"),
    inSync: assessments.filter((one) => one.is === "in-sync").length,
    synced: (id) => of.synced?.[id],
    tainted: of.tainted,
    policies,
    orphans: orphansOf(of.hosts, desired, kinds, policies),
    recent: [],
    busy: () => false,
    approval: defaultSettings.approval,
    now: 0,
  });
}
