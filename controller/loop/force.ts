import { askKey } from "../../schemas/canonical.ts";
import type { Problem } from "../../schemas/problem.ts";
import { claimConflictsInPieces } from "../core/graph.ts";
import type { Store } from "../store/store.ts";
import type { Fleet } from "./fleet.ts";
import { each, inPieces } from "./in-pieces.ts";
import type { Agents, Log, Tell } from "./ports.ts";
import type { Workspace } from "./workspace.ts";
import type { Loaded, World } from "./world.ts";

interface ForceOptions {
  readonly world: World;
  readonly fleet: Fleet;
  readonly store: Store;
  readonly workspace: Workspace;
  readonly agents: Pick<Agents, "setWatch">;
  /** Called after a commit took effect with all its instances, some at a time, and once at the end. */
  readonly onSettled: (ids: readonly string[]) => void;
  readonly onInForce: () => void;
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
    unnoted: string | undefined,
    tail: Promise<void> = Promise.resolve();
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
  /** What takes longer with every resource is done in pieces: connections and requests are served in between. */
  const put = async (loaded: Loaded): Promise<readonly Problem[]> => {
    fleet.setHostResources(loaded.resources);
    const prepared = await inPieces(world.prepare(loaded, fleet.views()));
    const conflicts = await inPieces(claimConflictsInPieces(prepared.desired.instances.values(), world.kinds));
    if (conflicts.length > 0) {
      fleet.setHostResources(world.desired.resources.values());
      return conflicts;
    }
    const ids = world.enter(prepared);
    entered = true;
    await inPieces(each(world.hosts.keys(), watchOne));
    await inPieces(each(some(ids), options.onSettled));
    options.onInForce();
    return [];
  };
  const take = async (commit: string): Promise<void> => {
    if (commit === head && ready) return note();
    const result = await workspace.load(commit);
    head = commit;
    const found = result.ok ? await put(result.loaded) : result.problems;
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

function* some(ids: readonly string[], count = 500): Generator<readonly string[]> {
  for (let at = 0; at < ids.length; at += count) yield ids.slice(at, at + count);
}
