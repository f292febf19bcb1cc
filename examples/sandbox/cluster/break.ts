import { workersPerNode, type Slots } from "./api.ts";
import { applyPending } from "./guests/pending.ts";
import { goesDown, start } from "./guests/running.ts";
import type { Troubles } from "./faults.ts";
import { lockPath } from "./locks.ts";
import { countQuorum, nodeComesUp, nodeGoesDown } from "./node-power.ts";
import { failed } from "./refused.ts";
import type { Config, Guest, Node, State } from "./state.ts";
import { isShared, storageNamed, usedOn } from "./volumes.ts";

/** What can be done to the pretend cluster behind its API's back. */
export interface Faults {
  /** Requests that are slow, answered by the proxy itself, or cut. */
  readonly requests: Troubles;
  /** Kills a worker as SIGKILL does: its locks on files go, its `lock=` stays, its status is unknown. */
  killTask(upid: string): void;
  lockGuest(id: number, lock: string): void;
  unlockGuest(id: number): void;
  /** Holds the file lock of a guest, as a stuck process does; the answer lets it go. */
  holdFileLock(id: number): () => void;
  /** Fills a storage but for so many bytes; the answer empties it again. */
  fillStorage(storage: string, leave?: number, node?: string): () => void;
  /** The system inside goes down by itself. */
  powerOff(id: number): void;
  /** Another user stops or starts it: there is a task by that user. */
  stopBy(id: number, user: string): string;
  startBy(id: number, user: string): string;
  /** Another user changes its configuration. */
  changeBy(id: number, values: Config): void;
  /** The guest agent of a VM falls silent, or answers again. */
  agentOff(id: number): void;
  agentOn(id: number): void;
  /** The system inside does not react to a request to shut down. */
  deaf(id: number): void;
  nodeDown(node: string): void;
  nodeUp(node: string): void;
  loseQuorum(): void;
  regainQuorum(): void;
  /** All workers of a node are busy until the answer is called. */
  busyWorkers(node: string): () => void;
  /** Requests that begin a task are told that no worker could be started. */
  noWorkers(times?: number): () => void;
}

/** Makes them for a cluster. */
export function faults(state: State, troubles: Troubles, workers: (node: string) => Slots): Faults {
  const guest = (id: number): Guest => {
    const found = state.guests.get(id);
    if (found === undefined) throw new RangeError(`there is no guest ${id}`);
    return found;
  };
  const node = (name: string): Node => {
    const found = state.nodes.get(name);
    if (found === undefined) throw new RangeError(`there is no node ${name}`);
    return found;
  };
  let forced = false;
  const count = (): void => countQuorum(state, forced);
  const by = (id: number, user: string, type: "start" | "stop"): string => {
    const found = guest(id);
    const named = `${found.kind === "lxc" ? "vz" : "qm"}${type}`;
    return state.tasks.start({ node: found.node, type: named, id: String(id), user }, (worker) =>
      worker.lock(lockPath(found.kind, id), state.pace.lockWait, async () => {
        if (type === "start") return start(state, found, worker);
        await worker.wait(state.pace.task / 2);
        if (found.running) goesDown(state, found);
      }),
    );
  };

  return {
    requests: troubles,
    killTask: (upid) => state.tasks.all.get(upid)?.kill(),
    lockGuest(id, lock) {
      guest(id).config["lock"] = lock;
      state.changed(guest(id));
    },
    unlockGuest(id) {
      delete guest(id).config["lock"];
      state.changed(guest(id));
    },
    holdFileLock: (id) => state.locks.seize(lockPath(guest(id).kind, id)),
    fillStorage(id, leave = 0, where) {
      const storage = storageNamed(state, id);
      const nodes = isShared(storage) ? [""] : where === undefined ? [...state.nodes.keys()] : [where];
      const before = new Map(nodes.map((name) => [name, storage.filled.get(name) ?? 0]));
      for (const name of nodes) {
        const seen = name === "" ? [...state.nodes.keys()][0]! : name;
        storage.filled.set(name, storage.total - leave - (usedOn(state, storage, seen) - before.get(name)!));
      }
      return () => {
        for (const [name, bytes] of before) storage.filled.set(name, bytes);
      };
    },
    powerOff: (id) => goesDown(state, guest(id)),
    stopBy: (id, user) => by(id, user, "stop"),
    startBy: (id, user) => by(id, user, "start"),
    changeBy(id, values) {
      const found = guest(id);
      Object.assign(found.pending, values);
      applyPending({ state }, found);
    },
    agentOff: (id) => void (guest(id).agent = false),
    agentOn: (id) => void (guest(id).agent = true),
    deaf: (id) => void (guest(id).obeys = false),
    nodeDown(name) {
      nodeGoesDown(state, node(name));
      count();
    },
    nodeUp(name) {
      nodeComesUp(state, node(name));
      count();
    },
    loseQuorum() {
      forced = true;
      count();
    },
    regainQuorum() {
      forced = false;
      count();
    },
    busyWorkers(name) {
      node(name);
      let free!: () => void;
      const until = new Promise<void>((done) => (free = done));
      for (let n = 0; n < workersPerNode; n += 1) void workers(name)(() => until);
      return free;
    },
    noWorkers: (times) =>
      troubles.make(
        {
          method: "POST",
          path: /\/(status\/\w+|clone|migrate|vzdump|snapshot|rollback|lxc|qemu)$/,
          ...(times === undefined ? {} : { times }),
        },
        { refuse: failed("got no worker upid - start worker failed") },
      ),
  };
}
