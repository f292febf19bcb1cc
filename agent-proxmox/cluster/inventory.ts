import type { Clock } from "../../agent/runtime/clock.ts";
import { type Log, reasonOf } from "../../agent/runtime/log.ts";
import type { By } from "../../agent/runtime/verbs.ts";
import { canonicalJson } from "../../schemas/canonical.ts";
import type { PveClient } from "../pve/client.ts";
import { guestRows, type PlacedGuest, type ResourceLine } from "../pve/rows.ts";
import { type RunningTasks, runningTasks, type TaskLine } from "./running-tasks.ts";

/** What moved since the last look. */
export interface Moved {
  /** Guests by number, with who did it where a task tells. */
  readonly guests: ReadonlyMap<number, By | undefined>;
  readonly nodes: ReadonlySet<string>;
  readonly cluster: boolean;
  readonly load: boolean;
}

/** The agent's picture of its cluster, from two lists that tell of all guests at once: the cost does not grow with their number. */
export interface Inventory {
  readonly lines: readonly ResourceLine[];
  readonly guests: readonly PlacedGuest[];
  readonly tasks: RunningTasks;
  /** Numbers of the guests of a name. */
  named(name: string): readonly number[];
  /** Whether a node does not answer. */
  offline(node: string): boolean;
  /** Looks now; several calls at once share one look. Rejects where the cluster does not answer. */
  look(): Promise<void>;
  stop(): void;
}

export interface InventoryNeeds {
  readonly client: PveClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly moved: (moved: Moved) => void;
  /** Milliseconds between looks; 2 s where not given: a task of somebody else is noticed within that, and 60 calls a minute are spent. */
  readonly everyMs?: number | undefined;
}

const failedMs = 10_000;
/** Quorum and nodes are asked for at every fifth look: no list tells that a cluster takes no changes. */
const statusEvery = 5;

/** Starts looking. */
export function inventory({ client, clock, log, moved, everyMs = 2000 }: InventoryNeeds): Inventory {
  let names = new Map<string, number[]>();
  let lines: readonly ResourceLine[] = [],
    guests: readonly PlacedGuest[] = [],
    tasks: RunningTasks = runningTasks([]),
    seenTasks = new Map<string, string>(),
    looking: Promise<void> | undefined,
    looks = 0,
    shape = "",
    first = true,
    stopped = false,
    cancel: (() => void) | undefined;

  const read = async (): Promise<void> => {
    const [nextLines, taskLines, status] = (await Promise.all([
      client.request("GET", "/cluster/resources"),
      client.request("GET", "/cluster/tasks"),
      looks++ % statusEvery === 0 ? client.request("GET", "/cluster/status") : undefined,
    ])) as [ResourceLine[], TaskLine[], readonly StatusLine[] | undefined];
    const nextShape = status === undefined ? shape : statusShape(status);
    const nextGuests = guestRows(nextLines),
      byTask = tasksMoved(taskLines, seenTasks, first);
    const found: Moved = {
      guests: new Map([...guestsMoved(guests, nextGuests).map((id) => [id, byTask.get(id)] as const), ...byTask]),
      nodes: nodesMoved(guests, nextGuests),
      cluster: clusterShape(lines) !== clusterShape(nextLines) || nextShape !== shape,
      load: true,
    };
    [lines, guests, tasks] = [nextLines, nextGuests, runningTasks(taskLines)];
    names = new Map([...Map.groupBy(nextGuests, ({ name }) => name)].map(([name, same]) => [name, same.map(({ id }) => id)]));
    seenTasks = new Map(taskLines.map((line) => [line.upid, stateOf(line)]));
    first = false;
    shape = nextShape;
    if (!stopped) moved(found);
  };
  const look = (): Promise<void> => (looking ??= read().finally(() => (looking = undefined)));
  const schedule = (ms: number): void => {
    if (stopped) return;
    cancel = clock.after(
      ms,
      () =>
        void look().then(
          () => schedule(everyMs),
          (failure: unknown) => {
            log("warn", "unable to look at the cluster", { reason: reasonOf(failure) });
            schedule(failedMs);
          },
        ),
    );
  };
  schedule(0);
  return {
    get lines() {
      return lines;
    },
    get guests() {
      return guests;
    },
    get tasks() {
      return tasks;
    },
    named: (name) => names.get(name) ?? [],
    offline: (node) => lines.some((line) => line.type === "node" && line.node === node && line.status !== "online"),
    look,
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}

interface StatusLine {
  readonly name: string;
  readonly quorate?: number;
  readonly online?: number;
}

const statusShape = (lines: readonly StatusLine[]): string =>
  canonicalJson(
    lines.map(({ name, quorate, online }) => [name, quorate ?? 0, online ?? 0]).sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
  );

const stateOf = (line: TaskLine): string => (line.endtime === undefined ? "running" : (line.status ?? "ended"));

/** Guests on which a task began or ended since the last look, with who did it. The first look tells of none: everything is read then anyway. */
function tasksMoved(lines: readonly TaskLine[], seen: ReadonlyMap<string, string>, first: boolean): Map<number, By> {
  const found = new Map<number, By>();
  if (first) return found;
  for (const line of lines)
    if (line.id !== undefined && /^\d+$/.test(line.id) && seen.get(line.upid) !== stateOf(line))
      found.set(Number(line.id), { who: line.user, how: line.type });
  return found;
}

const text = (guest: PlacedGuest): string => canonicalJson(guest);

function guestsMoved(before: readonly PlacedGuest[], after: readonly PlacedGuest[]): number[] {
  const was = new Map(before.map((guest) => [guest.id, text(guest)])),
    is = new Map(after.map((guest) => [guest.id, text(guest)]));
  return [...new Set([...was.keys(), ...is.keys()])].filter((id) => was.get(id) !== is.get(id));
}

/** Nodes of which the list of guests is another. */
function nodesMoved(before: readonly PlacedGuest[], after: readonly PlacedGuest[]): Set<string> {
  const was = new Map(before.map((guest) => [guest.id, guest])),
    is = new Map(after.map((guest) => [guest.id, guest]));
  return new Set(guestsMoved(before, after).flatMap((id) => [was.get(id)?.node, is.get(id)?.node].filter((node) => node !== undefined)));
}

/** What of the lines says how the cluster is made, not how busy it is. */
const clusterShape = (lines: readonly ResourceLine[]): string =>
  canonicalJson(
    lines
      .filter(({ type }) => type === "node" || type === "storage" || type === "pool")
      .map(({ id, status, maxcpu, maxmem, content, shared }) => [
        id,
        status ?? "",
        maxcpu ?? 0,
        maxmem ?? 0,
        (content ?? "").split(",").sort().join(","),
        shared ?? 0,
      ])
      .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
  );
