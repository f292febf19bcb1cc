import {
  type Call,
  configPath,
  endpoint,
  type Endpoint,
  type Endpoints,
  guestOf,
  numberIn,
  refuseSkiplock,
  startTask,
  textIn,
  yesIn,
} from "../endpoint.ts";
import { managed, sidOf } from "../ha-view.ts";
import { requestState } from "../ha-manager.ts";
import { lockPath } from "../locks.ts";
import { flag, formatted, integer, type Parameters, text } from "../parameters.ts";
import { need } from "../permissions.ts";
import { failed } from "../refused.ts";
import { type Guest, type GuestKind, word } from "../state.ts";
import type { Worker } from "../tasks.ts";
import { allocate, storageNamed } from "../volumes.ts";
import { checkLock, memoryOf } from "./config.ts";
import { goesDown, goesUp, shutDown, start, vmstateStorage } from "./running.ts";

interface Power {
  readonly type: string;
  /** Refuses before a task begins; undefined: only the task tells. */
  readonly refuse?: ((guest: Guest) => void) | undefined;
  readonly work: (call: Call, guest: Guest, worker: Worker) => Promise<void>;
  /** What HA is asked for instead. */
  readonly ha?: "started" | "stopped" | undefined;
}

const mustRun =
  (text: (id: number) => string) =>
  (guest: Guest): void => {
    if (!guest.running) throw failed(text(guest.id));
  };
const secondsOf = (call: Call, otherwise: number): number => (numberIn(call, "timeout") ?? otherwise) * 1000;

/** Runs the work of a task under the lock of the guest's configuration, which has to be there. */
const underLock = async (call: Call, kind: GuestKind, worker: Worker, work: (guest: Guest) => Promise<void>): Promise<void> => {
  const { state } = call;
  await worker.lock(lockPath(kind, Number(call.params["vmid"])), state.pace.lockWait, async () => work(guestOf(call, kind)));
};

const stopWork = async ({ state }: Call, guest: Guest, worker: Worker): Promise<void> => {
  checkLock(guest);
  await worker.wait(state.pace.task / 2);
  if (guest.running) goesDown(state, guest);
};

const shutdownWork = async (call: Call, guest: Guest, worker: Worker): Promise<void> => {
  const { state } = call;
  checkLock(guest);
  if (!guest.running) return;
  if (guest.kind === "qemu" && guest.agentAt > state.time.now())
    worker.log(`QEMU Guest Agent is not running - VM ${guest.id} qmp command 'guest-ping' failed - got timeout`);
  const down = await shutDown(state, guest, worker, secondsOf(call, guest.kind === "qemu" ? 180 : 60));
  if (down) return;
  if (!yesIn(call, "forceStop"))
    throw failed(
      guest.kind === "qemu"
        ? "VM quit/powerdown failed - got timeout"
        : `command 'lxc-stop -n ${guest.id} --timeout ${secondsOf(call, 60) / 1000}' failed: exit code 1`,
    );
  if (guest.kind === "qemu") worker.log("VM quit/powerdown failed - terminating now with SIGTERM");
  goesDown(state, guest);
};

/** The task ends when the guest is down; it comes up again a moment later. */
const rebootWork = async (call: Call, guest: Guest, worker: Worker): Promise<void> => {
  const { state } = call;
  checkLock(guest);
  if (!(await shutDown(state, guest, worker, secondsOf(call, guest.kind === "qemu" ? 180 : 60))))
    throw failed(guest.kind === "qemu" ? "VM quit/powerdown failed - got timeout" : `unable to reboot CT ${guest.id}: got timeout`);
  if (guest.kind === "lxc") goesUp(state, guest);
  else
    state.time.after(state.pace.task, () =>
      guest.running || guest.config["lock"] !== undefined || !state.guests.has(guest.id) ? undefined : goesUp(state, guest),
    );
};

async function hibernate(call: Call, guest: Guest, worker: Worker): Promise<void> {
  const { state } = call;
  checkLock(guest);
  const storage = storageNamed(state, textIn(call, "statestorage") ?? vmstateStorage(state, guest));
  const day = new Date(state.time.now()).toISOString().slice(0, 10);
  const volume = allocate(state, storage.id, guest.node, guest.id, {
    size: memoryOf("qemu", guest.config) * 2 + 500 * 1024 ** 2,
    content: "images",
    name: `vm-${guest.id}-state-suspend-${day}`,
  });
  guest.config["lock"] = "suspending";
  await worker.wait(state.pace.task * 2);
  worker.log("State saved, quitting");
  guest.config["lock"] = "suspended";
  guest.config["vmstate"] = volume.volid;
  goesDown(state, guest);
}

const powers: Readonly<Record<string, Readonly<Partial<Record<GuestKind, Power>>>>> = {
  start: {
    lxc: {
      type: "vzstart",
      refuse: (guest) => {
        if (guest.running) throw failed(`CT ${guest.id} already running`);
      },
      work: ({ state }, guest, worker) => start(state, guest, worker),
      ha: "started",
    },
    qemu: {
      type: "qmstart",
      work: (call, guest, worker) => start(call.state, guest, worker, { skiplock: yesIn(call, "skiplock") }),
      ha: "started",
    },
  },
  stop: {
    lxc: { type: "vzstop", refuse: mustRun((id) => `CT ${id} not running`), work: stopWork, ha: "stopped" },
    qemu: { type: "qmstop", work: stopWork, ha: "stopped" },
  },
  shutdown: {
    lxc: { type: "vzshutdown", refuse: mustRun((id) => `CT ${id} not running`), work: shutdownWork, ha: "stopped" },
    qemu: { type: "qmshutdown", work: shutdownWork, ha: "stopped" },
  },
  reboot: {
    lxc: { type: "vzreboot", refuse: mustRun((id) => `VM ${id} not running`), work: rebootWork },
    qemu: { type: "qmreboot", refuse: mustRun((id) => `VM ${id} not running`), work: rebootWork },
  },
  suspend: {
    lxc: {
      type: "vzsuspend",
      refuse: mustRun((id) => `CT ${id} not running`),
      work: async () => Promise.reject(failed("suspend is experimental and not done here")),
    },
    qemu: {
      type: "qmpause",
      refuse: mustRun((id) => `VM ${id} not running`),
      work: async (call, guest, worker) => {
        if (yesIn(call, "todisk")) return hibernate(call, guest, worker);
        checkLock(guest);
        await worker.wait(call.state.pace.task / 2);
        guest.paused = true;
      },
    },
  },
  resume: {
    qemu: {
      type: "qmresume",
      refuse: mustRun((id) => `VM ${id} not running`),
      work: async (call, guest, worker) => {
        await worker.wait(call.state.pace.task / 2);
        guest.paused = false;
      },
    },
  },
  reset: {
    qemu: {
      type: "qmreset",
      refuse: mustRun((id) => `VM ${id} not running`),
      work: async ({ state }, guest, worker) => {
        await worker.wait(state.pace.task / 2);
        guest.agentAt = state.time.now() + state.pace.boot;
      },
    },
  },
};

/** Asks HA, where it manages the guest: a task that ends at once, and the manager acts later. */
export function askHa(call: Call, guest: Guest, wanted: "started" | "stopped"): string {
  const kind = word(guest.kind),
    verb = wanted === "started" ? "start" : "stop";
  return startTask(call, `ha${verb}`, guest.id, async (worker) => {
    worker.log(`Requesting HA ${verb} for ${kind} ${guest.id}`);
    await worker.wait(call.state.pace.task / 2);
    requestState(call.state, sidOf(guest), wanted);
  });
}

const powerEndpoint = (kind: GuestKind, { type, refuse, work, ha }: Power, parameters: Parameters): Endpoint =>
  endpoint(
    need("/vms/{vmid}", "VM.PowerMgmt"),
    parameters,
    (call) => {
      refuseSkiplock(call);
      const id = Number(call.params["vmid"]),
        guest = call.state.guests.get(id);
      const here = guest !== undefined && guest.kind === kind && guest.node === call.node.name ? guest : undefined;
      if (here === undefined && refuse !== undefined && !type.endsWith("start"))
        throw failed(`Configuration file '${configPath(call.node.name, kind, id)}' does not exist`);
      if (here !== undefined) refuse?.(here);
      if (here !== undefined && ha !== undefined && managed(call.state, here) !== undefined) return askHa(call, here, ha);
      const named = type === "qmpause" && yesIn(call, "todisk") ? "qmsuspend" : type;
      return startTask(call, named, id, (worker) => underLock(call, kind, worker, (found) => work(call, found, worker)));
    },
    { withoutQuorum: true },
  );

const timeout: Parameters = { timeout: integer({ minimum: 0 }) },
  skiplock: Parameters = { skiplock: flag };
const parametersOf: Readonly<Record<string, { readonly lxc?: Parameters; readonly qemu: Parameters }>> = {
  start: {
    lxc: { ...skiplock, debug: flag },
    qemu: {
      ...skiplock,
      ...timeout,
      "force-cpu": text(),
      machine: text(),
      migratedfrom: formatted("pve-node"),
      stateuri: text({ maxLength: 128 }),
      targetstorage: text(),
    },
  },
  stop: {
    lxc: { ...skiplock, "overrule-shutdown": flag },
    qemu: { ...skiplock, ...timeout, "overrule-shutdown": flag, keepActive: flag, migratedfrom: formatted("pve-node") },
  },
  shutdown: { lxc: { ...timeout, forceStop: flag }, qemu: { ...skiplock, ...timeout, forceStop: flag, keepActive: flag } },
  reboot: { lxc: timeout, qemu: timeout },
  suspend: { lxc: {}, qemu: { ...skiplock, todisk: flag, statestorage: formatted("pve-storage-id") } },
  resume: { qemu: { ...skiplock, nocheck: flag } },
  reset: { qemu: skiplock },
};

/** Starting, stopping and what lies between. */
export const powerEndpoints: Endpoints = Object.fromEntries(
  Object.entries(powers).flatMap(([verb, kinds]) =>
    (["lxc", "qemu"] as const).flatMap((kind) => {
      const power = kinds[kind],
        parameters = parametersOf[verb]?.[kind];
      if (power === undefined || parameters === undefined) return [];
      return [[`POST /nodes/{node}/${kind}/{vmid}/status/${verb}`, powerEndpoint(kind, power, parameters)] as const];
    }),
  ),
);
