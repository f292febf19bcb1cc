import pLimit from "p-limit";
import type { FileEdit, PreviewView } from "../../schemas/api.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import { parseSelector, select as selectHosts } from "../../schemas/selector.ts";
import { claimConflicts } from "../core/graph.ts";
import type { RecentChange } from "../core/limits.ts";
import type { Fact, FactLookup, HostView, Instance } from "../core/model.ts";
import { selectorHost } from "../core/inventory.ts";
import { orphansOf } from "../core/orphans.ts";
import { assess } from "../core/pair.ts";
import { makePlan } from "../core/plan.ts";
import { select } from "../core/select.ts";
import type { Fleet } from "./fleet.ts";
import { factOf } from "./observe.ts";
import type { Agents } from "./ports.ts";
import type { Workspace } from "./workspace.ts";
import { syncedDigest } from "./wanted.ts";
import type { World } from "./world.ts";

interface PreviewOptions {
  readonly world: World;
  readonly fleet: Pick<Fleet, "views">;
  readonly agents: Pick<Agents, "query">;
  readonly workspace: Workspace;
  /** The commit that the edits are made on. */
  readonly base: () => string;
  readonly recent: () => readonly RecentChange[];
  readonly now: () => number;
}

/** The plan that a commit of these edits would bring, by the same planner on the same facts. What is not watched yet is asked now; a host that does not answer is unknown. */
export async function preview(
  edits: readonly FileEdit[],
  on: string | undefined,
  { world, fleet, agents, workspace, base, recent, now }: PreviewOptions,
): Promise<PreviewView> {
  const result = await workspace.loadEdited(base(), edits);
  if (!result.ok) return { plan: null, problems: [...result.problems] };
  const { loaded } = result,
    views = fleet.views(loaded.resources),
    desired = select(loaded, views, world.kinds, loaded.context);
  const conflicts = claimConflicts(desired.instances.values(), world.kinds);
  if (conflicts.length > 0) return { plan: null, problems: [...conflicts] };
  const hosts = on === undefined ? undefined : hostsOn(on, views);
  const instances = [...desired.instances.values()].filter((instance) => hosts === undefined || hosts.has(instance.host));
  const fact = await withMissing(instances, world, agents, now);
  const input = { kinds: world.kinds, hosts: views, fact, context: loaded.context, held: world.held };
  const all = instances.map((instance) => assess(instance, input));
  const open = all.filter((assessment) => assessment.is !== "in-sync");
  const plan = makePlan({
    kinds: world.kinds,
    desired,
    hosts: views,
    fact,
    assessments: open,
    inSync: all.length - open.length,
    synced: syncedDigest(world),
    policies: loaded.policies,
    orphans: hosts === undefined ? orphansOf(views.values(), desired, world.kinds, loaded.policies) : [],
    recent: recent(),
    busy: () => false,
    approval: loaded.settings.approval,
    now: now(),
  });
  return { plan: { ...plan, commit: "" }, problems: [...result.warnings, ...desired.warnings] };
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
