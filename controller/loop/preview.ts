import pLimit from "p-limit";
import type { FileEdit, PreviewView } from "../../schemas/api.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import { parseSelector, select as selectHosts } from "../../schemas/selector.ts";
import type { RecentChange } from "../core/limits.ts";
import type { Fact, FactLookup, HostView, Instance } from "../core/model.ts";
import { selectorHost } from "../core/inventory.ts";
import { hostNames, withNearHosts } from "../core/near-host.ts";
import { orphansOf } from "../core/orphans.ts";
import { assess, type Assessment } from "../core/pair.ts";
import { makePlan } from "../core/plan.ts";
import { type Desired, selectInPieces } from "../core/select.ts";
import { carryTaint, changedResources, type Tainted, taintedBy } from "../core/taint.ts";
import type { Fleet } from "./fleet.ts";
import { each, inPieces } from "./in-pieces.ts";
import { factOf } from "./observe.ts";
import type { Agents } from "./ports.ts";
import { withhold } from "./withhold.ts";
import type { Workspace } from "./workspace.ts";
import type { Taint } from "./taint.ts";
import { syncedDigest } from "./wanted.ts";
import type { World } from "./world.ts";

interface PreviewOptions {
  readonly world: World;
  readonly fleet: Pick<Fleet, "views">;
  readonly agents: Pick<Agents, "query">;
  readonly workspace: Workspace;
  readonly taint: Pick<Taint, "all">;
  /** The commit that the edits are made on. */
  readonly base: () => string;
  readonly recent: () => readonly RecentChange[];
  readonly now: () => number;
}

/**
 * The plan that a commit of these edits would bring, by the same planner on the same facts. What is not watched yet is asked now; a host that does
 * not answer is unknown. `tainted`: untrusted text had a say in the edits. Without `reveal`, texts of files that nobody declared so far are withheld (withhold.ts).
 */
export async function preview(
  edits: readonly FileEdit[],
  on: string | undefined,
  reveal: boolean,
  tainted: boolean,
  { world, fleet, agents, workspace, taint, base, recent, now }: PreviewOptions,
): Promise<PreviewView> {
  const result = await workspace.loadEdited(base(), edits);
  if (!result.ok) return { plan: null, problems: [...result.problems] };
  const { loaded } = result,
    views = fleet.views(loaded.resources),
    desired = await inPieces(selectInPieces(loaded, views, world.kinds, loaded.context));
  const conflicts = desired.claims.conflicts();
  if (conflicts.length > 0) return { plan: null, problems: [...conflicts] };
  const hosts = on === undefined ? undefined : hostsOn(on, views);
  const instances = [...desired.instances.values()].filter((instance) => hosts === undefined || hosts.has(instance.host));
  const fact = await withMissing(instances, world, agents, now);
  const input = { kinds: world.kinds, hosts: views, fact, context: loaded.context, held: world.held };
  const lastSynced = (id: string): string | undefined => world.synced.get(id);
  const all: Assessment[] = [];
  await inPieces(each(instances, (instance) => void all.push(assess(instance, input))));
  const open = all.filter((assessment) => assessment.is !== "in-sync");
  const plan = makePlan({
    kinds: world.kinds,
    desired,
    hosts: views,
    fact,
    assessments: open,
    inSync: all.length - open.length,
    synced: syncedDigest(world),
    tainted: taintedBy(withEdits(carryTaint(taint.all, world.desired, desired, lastSynced), tainted, world, desired), desired, lastSynced),
    policies: loaded.policies,
    orphans: hosts === undefined ? orphansOf(views.values(), desired, world.kinds, loaded.policies) : [],
    recent: recent(),
    busy: () => false,
    approval: loaded.settings.approval,
    now: now(),
  });
  const inForce = (host: string): Readonly<Record<string, unknown>>[] =>
    (world.desired.byHost.get(host) ?? [])
      .filter((instance) => instance.resource.kind === "File")
      .map((instance) => instance.resource.resource.spec as Readonly<Record<string, unknown>>);
  const shown = reveal
    ? plan
    : withhold(plan, {
        instance: (id) => desired.instances.get(id),
        inForce,
        fact: (instance) => fact(instance.host, instance.askKey),
      });
  return {
    plan: { ...shown, commit: "" },
    problems: [...result.warnings, ...withNearHosts(desired.warnings, desired.resources, hostNames({ hosts: views }))],
  };
}

/** What would be tainted with the edits in force: what they change, where untrusted text had a say in them. */
function withEdits(already: Tainted, tainted: boolean, world: World, desired: Desired): Tainted {
  if (!tainted) return already;
  const all = new Map(already);
  for (const [id, digest] of changedResources(world.desired.resources, desired.resources))
    all.set(id, new Set([...(all.get(id) ?? []), digest]));
  return all;
}

/** Questions to hosts within one preview: so many at a time, so long each. */
const asking = { most: 2000, atOnce: 64, timeoutMs: 5000 };

/** The facts of the world, and answers to what nobody asked before. */
async function withMissing(
  instances: readonly Instance[],
  world: World,
  agents: Pick<Agents, "query">,
  now: () => number,
): Promise<FactLookup> {
  const limit = pLimit(asking.atOnce),
    found = new Map<string, Fact>();
  const missing = instances.filter(
    (instance) => world.hosts.get(instance.host)?.online === true && world.fact(instance.host, instance.askKey) === undefined,
  );
  await Promise.all(
    missing.slice(0, asking.most).map((instance) =>
      limit(async () => {
        const value = await agents.query(instance.host, instance.ask, asking.timeoutMs).catch(() => undefined);
        if (value !== undefined)
          found.set(
            `${instance.host} ${instance.askKey}`,
            factOf(instance.host, { ask: { probe: instance.ask.probe, input: instance.ask.input }, at: now(), value }),
          );
      }),
    ),
  );
  return (host, key) => world.fact(host, key) ?? found.get(`${host} ${key}`);
}

/** A selector that cannot be read is a mistake to be told, not no host at all. */
function hostsOn(on: string, hosts: ReadonlyMap<string, HostView>): Set<string> {
  const parsed = parseSelector(on);
  if (parsed.ok) return new Set(selectHosts(parsed.selector, [...hosts.values()].map(selectorHost)).matched.map((host) => host.name));
  throw new ProblemError(error("invalid/selector", parsed.problem.message, { detail: parsed.problem.caret }));
}
