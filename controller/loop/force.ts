import { askKey } from "../../schemas/canonical.ts";
import type { Problem } from "../../schemas/problem.ts";
import { claimConflicts } from "../core/graph.ts";
import { select } from "../core/select.ts";
import type { Store } from "../store/store.ts";
import type { Fleet } from "./fleet.ts";
import type { Agents, Log, Tell } from "./ports.ts";
import type { Workspace } from "./workspace.ts";
import type { Loaded, World } from "./world.ts";

interface ForceOptions {
  readonly world: World;
  readonly fleet: Fleet;
  readonly store: Store;
  readonly workspace: Workspace;
  readonly agents: Pick<Agents, "setWatch">;
  /** Called with every instance after a commit took effect. */
  readonly onInForce: (ids: Iterable<string>) => void;
  readonly tell: Tell;
  readonly log: Log;
  readonly now: () => number;
}

/** Puts commits in force: a good one takes effect at once, one with problems leaves the last good one as it is. */
export interface Force {
  /** Reads, checks and puts in force; the same commit twice does nothing. */
  take(commit: string): Promise<void>;
  /** At start: the head, or the last good commit where the head has problems. */
  begin(): Promise<void>;
  /** Brings the watch lists of hosts up to date where they changed. */
  watch(hosts: Iterable<string>): void;
  head(): string;
  problems(): readonly Problem[];
  ready(): boolean;
}

export function createForce(options: ForceOptions): Force {
  const { world, fleet, store, workspace, tell, now } = options;
  let head = "",
    problems: readonly Problem[] = [],
    ready = false,
    tail: Promise<void> = Promise.resolve();
  const watched = new Map<string, string>();

  const watch = (hosts: Iterable<string>): void => {
    for (const host of hosts) {
      const asks = world.asks(host),
        told = asks.map(askKey).sort().join("\n");
      if (watched.get(host) === told) continue;
      watched.set(host, told);
      options.agents.setWatch(host, asks);
    }
  };
  const put = (loaded: Loaded): readonly Problem[] => {
    fleet.setHostResources(loaded.resources);
    const hosts = fleet.views(),
      conflicts = claimConflicts(select(loaded, hosts, world.kinds, loaded.context).instances.values(), world.kinds);
    if (conflicts.length > 0) {
      fleet.setHostResources(world.desired.resources.values());
      return conflicts;
    }
    world.setHosts(hosts);
    const ids = world.setCommit(loaded);
    watch(hosts.keys());
    options.onInForce(ids);
    return [];
  };
  const take = async (commit: string): Promise<void> => {
    if (commit === head && ready) return;
    const result = await workspace.load(commit);
    head = commit;
    const found = result.ok ? put(result.loaded) : result.problems;
    problems = result.ok ? [...found, ...result.warnings] : found;
    if (found.length > 0) {
      tell({
        type: "commit.refused",
        about: commit,
        text: `${commit.slice(0, 12)} has ${found.length} problem${found.length === 1 ? "" : "s"} and does not take effect: ${found[0]?.summary ?? ""}`,
        data: { problems: found.slice(0, 20) },
      });
      return;
    }
    ready = true;
    await store.desired.setGoodCommit({ branch: workspace.branch, commit, at: now() });
    tell({
      type: "commit.in-force",
      about: commit,
      text: `${commit.slice(0, 12)}: ${world.desired.resources.size} resources on ${world.hosts.size} hosts`,
    });
  };
  return {
    take: (commit) => (tail = tail.catch(() => undefined).then(() => take(commit))),
    async begin() {
      await take(await workspace.head());
      if (ready) return;
      const good = await store.desired.goodCommit(workspace.branch);
      if (good !== undefined && good.commit !== head) {
        const result = await workspace.load(good.commit);
        if (result.ok) ready = put(result.loaded).length === 0;
      }
    },
    watch,
    head: () => head,
    problems: () => problems,
    ready: () => ready,
  };
}
