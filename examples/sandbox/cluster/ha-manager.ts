import { migrate } from "./guests/migrate.ts";
import { goesDown, start } from "./guests/running.ts";
import { lockPath } from "./locks.ts";
import { sidOf } from "./ha-view.ts";
import type { Guest, HaResource, Node, State } from "./state.ts";

/** Says how a resource is wanted; the manager sees to it when it looks next. */
export function requestState(state: State, sid: string, wanted: "started" | "stopped"): void {
  const resource = state.ha.resources.get(sid);
  if (resource !== undefined) resource.config = { ...resource.config, state: wanted };
}

/** Says where it is wanted. Asked while it is on its way, or for a node that is not there, it is taken and forgotten. */
export function requestNode(state: State, sid: string, node: string): void {
  const resource = state.ha.resources.get(sid);
  if (resource !== undefined && resource.state === "started" && state.nodes.has(node)) resource.wantedNode = node;
}

const wantedState = (resource: HaResource): string => {
  const wanted = String(resource.config["state"] ?? "started");
  return wanted === "enabled" ? "started" : wanted;
};

/** One look of the HA manager: it brings each resource a step nearer to how it is wanted. */
export function lookAfter(state: State): void {
  if (!state.quorate) return;
  for (const resource of state.ha.resources.values()) {
    const guest = state.guests.get(resource.id);
    if (guest === undefined || resource.busy || resource.config["state"] === "ignored") continue;
    const node = state.nodes.get(guest.node);
    if (node === undefined || !node.online) {
      fence(state, resource, guest);
      continue;
    }
    lookAt(state, resource, guest);
  }
}

function lookAt(state: State, resource: HaResource, guest: Guest): void {
  const wanted = wantedState(resource);
  resource.node = guest.node;
  if (wanted === "stopped" || wanted === "disabled") {
    if (!guest.running) resource.state = wanted === "disabled" || resource.state === "request_stop" ? "stopped" : "request_stop";
    else {
      resource.state = "request_stop";
      stop(state, resource, guest);
    }
    return;
  }
  if (resource.wantedNode !== undefined && resource.wantedNode !== guest.node && resource.state === "started")
    return moveIt(state, resource, guest);
  resource.wantedNode = undefined;
  resource.state = "started";
  if (!guest.running && guest.config["template"] !== 1) startIt(state, resource, guest);
}

const byManager = (
  guest: Guest,
  type: string,
): { readonly node: string; readonly type: string; readonly id: string; readonly user: string } => ({
  node: guest.node,
  type: guest.kind === "qemu" && type === "migrate" ? "qmigrate" : `${guest.kind === "lxc" ? "vz" : "qm"}${type}`,
  id: String(guest.id),
  user: "root@pam",
});

/** Runs a task in the manager's name; the resource is busy until it has ended. */
function run(state: State, resource: HaResource, guest: Guest, type: string, work: Parameters<State["tasks"]["start"]>[1]): void {
  resource.busy = true;
  const upid = state.tasks.start(byManager(guest, type), (worker) =>
    worker.lock(lockPath(guest.kind, guest.id), state.pace.lockWait, () => work(worker)),
  );
  void state.tasks.all.get(upid)?.ended.then(() => {
    resource.busy = false;
  });
}

const startIt = (state: State, resource: HaResource, guest: Guest): void =>
  run(state, resource, guest, "start", (worker) => start(state, guest, worker));

const stop = (state: State, resource: HaResource, guest: Guest): void =>
  run(state, resource, guest, "shutdown", async (worker) => {
    await worker.wait(state.pace.task);
    if (guest.running) goesDown(state, guest);
  });

function moveIt(state: State, resource: HaResource, guest: Guest): void {
  const target = resource.wantedNode!;
  resource.wantedNode = undefined;
  resource.state = "migrate";
  run(state, resource, guest, "migrate", (worker) =>
    migrate(state, guest, { target, online: guest.kind === "qemu", restart: true, withLocalDisks: true, timeoutMs: 180_000 }, worker),
  );
}

const lostSince = new WeakMap<HaResource, number>();

/** Guests of a node that stays away are taken over by another one. */
function fence(state: State, resource: HaResource, guest: Guest): void {
  const now = state.time.now(),
    since = lostSince.get(resource) ?? now;
  lostSince.set(resource, since);
  resource.state = "fence";
  if (now - since < state.pace.fence) return;
  const next = nodeFor(state, resource, guest);
  if (next === undefined) return;
  lostSince.delete(resource);
  guest.node = next.name;
  guest.running = false;
  delete guest.config["lock"];
  resource.state = "started";
  state.changed(guest);
}

/** Where a resource may run: by its group or rule, else anywhere. */
function nodeFor(state: State, resource: HaResource, guest: Guest): Node | undefined {
  const group = state.ha.groups.get(String(resource.config["group"] ?? "")),
    rule = [...state.ha.rules.values()].find((one) =>
      String(one["resources"] ?? "")
        .split(",")
        .includes(sidOf(guest)),
    );
  const listed = String((group ?? rule)?.["nodes"] ?? "")
    .split(",")
    .filter((part) => part !== "");
  const wanted = new Map(listed.map((part) => [part.split(":")[0]!, Number(part.split(":")[1] ?? 0)]));
  const online = [...state.nodes.values()].filter((node) => node.online);
  const within = online.filter(({ name }) => wanted.has(name)).sort((a, b) => wanted.get(b.name)! - wanted.get(a.name)!);
  const strict = (group?.["restricted"] ?? rule?.["strict"]) === 1;
  return within[0] ?? (strict && listed.length > 0 ? undefined : online[0]);
}
