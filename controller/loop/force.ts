import { askKey } from "../../schemas/canonical.ts";
import type { Problem } from "../../schemas/problem.ts";
import type { LoadedResource } from "../core/model.ts";
import { resourcesOfKind } from "../core/parts.ts";
import type { Store } from "../store/store.ts";
import type { Fleet } from "./fleet.ts";
import { each, inPieces } from "./in-pieces.ts";
import { type Loaded, partsOf } from "./loaded.ts";
import type { Change, Refused } from "./patch.ts";
import type { Agents, Log, Tell } from "./ports.ts";
import type { Taint } from "./taint.ts";
import type { Workspace } from "./workspace.ts";
import type { World } from "./world.ts";

interface ForceOptions {
  readonly world: World;
  readonly fleet: Fleet;
  readonly store: Store;
  readonly workspace: Workspace;
  readonly taint: Pick<Taint, "enter">;
  readonly agents: Pick<Agents, "setWatch">;
  /** Called after a commit took effect with the instances that have to be judged anew, some at a time, and once at the end with what changed. */
  readonly onSettled: (ids: readonly string[]) => void;
  readonly onInForce: (change: Pick<Change, "ids" | "resources" | "all">) => void;
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
    entered = false,
    unfinished = false,
    unnoted: string | undefined,
    tail: Promise<void> = Promise.resolve();
  const owed: Pick<Change, "ids" | "hosts" | "resources" | "all">[] = [];
  const watched = new Map<string, string>();

  const watch = (hosts: Iterable<string>): void => {
    // Before anything is in force nothing is known to be unwanted: agents go on with what they watch, facts stay.
    if (entered) for (const host of hosts) watchOne(host);
  };
  const watchOne = (host: string): void => {
    const told = `${fleet.state(host)?.agent ?? ""}\n${world.askKeys(host)}`;
    if (watched.get(host) === told) return;
    watched.set(host, told);
    const asks = world.asks(host),
      keys = new Set(asks.map(askKey));
    options.agents.setWatch(host, asks);
    if (!world.keepFacts(host, keys)) return;
    store.facts
      .keepOnly(host, keys)
      .catch((failure: unknown) => options.log.error({ host, error: String(failure) }, "unable to forget facts that nobody asks for"));
  };
  /** At one stretch: where the commit does not take effect by that, hosts are seen as before. */
  const patch = (loaded: Loaded, hostResources: readonly LoadedResource[]): Change | Refused | undefined => {
    fleet.setHostResources(hostResources);
    const change = world.patch(loaded, fleet.view);
    if (change === undefined || "conflicts" in change) fleet.setHostResources(world.desired.resources.values());
    return change;
  };
  /** Compares everything in pieces: connections and requests are served in between, by what is in force until the end. */
  const prepareAll = async (loaded: Loaded, hostResources: readonly LoadedResource[]): Promise<Change | Refused> => {
    const prepared = await inPieces(world.prepare(loaded, fleet.views(hostResources)));
    if ("conflicts" in prepared) return prepared;
    fleet.setHostResources(hostResources);
    options.taint.enter(world.desired, prepared.desired);
    return world.enter(prepared, fleet.view);
  };
  const put = async (loaded: Loaded): Promise<readonly Problem[]> => {
    const { policies, settings } = world,
      hostResources = resourcesOfKind(partsOf(loaded), "Host"),
      patched = patch(loaded, hostResources),
      change = patched ?? (await prepareAll(loaded, hostResources));
    if ("conflicts" in change) return change.conflicts;
    owed.push(change);
    if (patched !== undefined) {
      // A policy or a setting says something else of instances that are as they were.
      if (!sameItems(policies, world.policies) || settings !== world.settings)
        owed.push({ ids: [...world.open()].map(({ id }) => id), hosts: [], resources: [] });
      options.taint.enter(change.before, world.desired);
    }
    entered = true;
    await followUp();
    return [];
  };
  /** What has to be told of commits that took effect; what is left of one where this failed is told with the next. */
  const followUp = async (): Promise<void> => {
    for (let next = owed[0]; next !== undefined; next = owed[0]) {
      await inPieces(each(next.hosts, watchOne));
      await inPieces(each(some(next.ids), options.onSettled));
      options.onInForce(next);
      owed.shift();
    }
  };
  const take = async (commit: string): Promise<void> => {
    if (commit === head && ready && !unfinished) return note();
    const result = await workspace.load(commit);
    head = commit;
    unfinished = true;
    const found = result.ok ? await put(result.loaded) : result.problems;
    unfinished = false;
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
    unnoted = commit;
    tell({
      type: "commit.in-force",
      about: commit,
      text: `${commit.slice(0, 12)}: ${world.desired.resources.size} resources on ${world.hosts.size} hosts`,
    });
    await note();
  };
  /** Remembers the commit in force across restarts; whoever called tries again where that failed. */
  const note = async (): Promise<void> => {
    if (unnoted === undefined) return;
    await store.desired.setGoodCommit({ branch: workspace.branch, commit: unnoted, at: now() });
    unnoted = undefined;
  };
  return {
    take: (commit) => (tail = tail.catch(() => undefined).then(() => take(commit))),
    async begin() {
      await take(await workspace.head());
      if (ready) return;
      const good = await store.desired.goodCommit(workspace.branch);
      if (good !== undefined && good.commit !== head) {
        const result = await workspace.load(good.commit).catch((failure: unknown) => {
          options.log.error({ commit: good.commit, error: String(failure) }, "unable to read the last good commit");
          return { ok: false } as const;
        });
        if (result.ok) ready = (await put(result.loaded)).length === 0;
      }
    },
    watch,
    head: () => head,
    problems: () => problems,
    ready: () => ready,
  };
}

const sameItems = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one.length === other.length && one.every((item, at) => item === other[at]);

function* some(ids: readonly string[], count = 500): Generator<readonly string[]> {
  for (let at = 0; at < ids.length; at += count) yield ids.slice(at, at + count);
}
