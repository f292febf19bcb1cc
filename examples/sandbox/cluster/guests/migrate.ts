import { type Call, endpoint, type Endpoints, guestOf, numberIn, startTask, textIn, yesIn } from "../endpoint.ts";
import { managed, sidOf } from "../ha-view.ts";
import { requestNode } from "../ha-manager.ts";
import { lockPath } from "../locks.ts";
import { flag, formatted, integer, must, number, oneOf, text } from "../parameters.ts";
import { need } from "../permissions.ts";
import { failed, Refused, textOf, wrong } from "../refused.ts";
import { type Guest, type GuestKind, type State, type Volume, word } from "../state.ts";
import type { Worker } from "../tasks.ts";
import { allocate, copyMs, disksOf, drop, isCdrom, onNode, storageNamed, volumeAt } from "../volumes.ts";
import { checkLock } from "./config.ts";
import { strayVolumes } from "./disks.ts";
import { goesDown, goesUp, shutDown } from "./running.ts";

/** How a guest is moved. */
export interface Move {
  readonly target: string;
  readonly online: boolean;
  readonly restart: boolean;
  readonly withLocalDisks: boolean;
  readonly targetStorage?: string | undefined;
  readonly timeoutMs: number;
}

/** The volumes of a guest that lie on its node alone, with the key that names them. */
function localVolumes(state: State, guest: Guest): { readonly volume: Volume; readonly key: string | undefined }[] {
  const named = new Map(disksOf(guest.config).map(({ key, volid }) => [volid, key]));
  return strayVolumes(state, guest.id, guest.node)
    .filter((volume) => volume.node !== undefined)
    .map((volume) => ({ volume, key: named.get(volume.volid) }));
}

const stamp = (state: State): string => new Date(state.time.now()).toISOString().slice(0, 19).replace("T", " ");

/** The work of a migration, under the guest's lock; throws "migration aborted" with the reason in the log. */
export async function migrate(state: State, guest: Guest, move: Move, worker: Worker): Promise<void> {
  const began = state.time.now(),
    log = (line: string): void => worker.log(`${stamp(state)} ${line}`),
    wasRunning = guest.running;
  try {
    checkLock(guest);
    if (guest.kind === "lxc" && wasRunning && !move.restart) throw failed("lxc live migration is currently not implemented");
    if (guest.kind === "lxc" && wasRunning) {
      log(`shutdown CT ${guest.id}`);
      if (!(await shutDown(state, guest, worker, move.timeoutMs))) goesDown(state, guest);
    }
    const target = state.nodes.get(move.target)!;
    log(`starting migration of ${word(guest.kind)} ${guest.id} to node '${move.target}' (${target.address})`);
    if (!target.online) throw failed("ssh error: no route to host");
    const local = localVolumes(state, guest);
    await worker.wait(state.pace.task / 2);
    checkVolumes(state, guest, local, move, log);
    guest.config["lock"] = "migrate";
    state.changed(guest);
    for (const { volume, key } of local) await moveVolume(state, guest, volume, key, move, worker, log);
    if (guest.kind === "qemu" && wasRunning) await moveMemory(state, guest, worker, log, move.target);
    else await worker.wait(state.pace.task);
    guest.node = move.target;
    state.changed(guest);
    await worker.wait(state.pace.task);
    delete guest.config["lock"];
    state.changed(guest);
    if (guest.kind === "lxc" && wasRunning) {
      log(`start container on target node`);
      goesUp(state, guest);
    }
    log(`migration finished successfully (duration ${duration(state.time.now() - began)})`);
  } catch (refusal) {
    if (!(refusal instanceof Refused) || !/is locked/.test(refusal.message)) delete guest.config["lock"];
    if (guest.kind === "lxc" && wasRunning && !guest.running) goesUp(state, guest);
    log(`ERROR: migration aborted (duration ${duration(state.time.now() - began)}): ${textOf(refusal)}`);
    throw failed("migration aborted");
  }
}

function checkVolumes(state: State, guest: Guest, local: ReturnType<typeof localVolumes>, move: Move, log: (line: string) => void): void {
  let trouble = false;
  for (const { volume, key } of local) {
    log(
      guest.kind === "lxc"
        ? `found local volume '${volume.volid}' (in current VM config)`
        : `found local disk '${volume.volid}' (${key === undefined || key.startsWith("unused") ? "unused" : "attached"})`,
    );
    const to = storageNamed(state, move.targetStorage ?? volume.storage);
    if (!onNode(to, move.target)) throw failed(`storage '${to.id}' is not available on node '${move.target}'`);
    if (guest.kind === "qemu" && guest.running && key !== undefined && !key.startsWith("unused") && !move.withLocalDisks) {
      log(`can't migrate local disk '${volume.volid}': can't live migrate attached local disks without with-local-disks option`);
      trouble = true;
    }
  }
  for (const { value, volid, key } of disksOf(guest.config))
    if (
      isCdrom(value) &&
      volumeAt(state, volid, guest.node)?.node !== undefined &&
      !/cloudinit/.test(volid) &&
      !local.some((one) => one.key === key)
    ) {
      log(`can't migrate local disk '${volid}': local cdrom image`);
      trouble = true;
    }
  if (!trouble) return;
  log("ERROR: Problem found while scanning volumes - can't migrate VM - check log");
  log("aborting phase 1 - cleanup resources");
  throw failed("Problem found while scanning volumes - can't migrate VM - check log");
}

async function moveVolume(
  state: State,
  guest: Guest,
  volume: Volume,
  key: string | undefined,
  move: Move,
  worker: Worker,
  log: (line: string) => void,
): Promise<void> {
  const storage = storageNamed(state, move.targetStorage ?? volume.storage);
  await worker.wait(copyMs(state, volume.size));
  log(`${volume.size} bytes copied`);
  const made = allocate(state, storage.id, move.target, guest.id, {
    size: volume.size,
    used: volume.used,
    content: volume.content as "images" | "rootdir",
    format: volume.format,
    ...(/cloudinit/.test(volume.volid) ? { name: `vm-${guest.id}-cloudinit` } : {}),
  });
  log(`successfully imported '${made.volid}'`);
  drop(state, volume);
  if (key !== undefined) guest.config[key] = String(guest.config[key]).replace(volume.volid, made.volid);
}

async function moveMemory(state: State, guest: Guest, worker: Worker, log: (line: string) => void, target: string): Promise<void> {
  log(`starting VM ${guest.id} on remote node '${target}'`);
  log("start remote tunnel");
  log("ssh tunnel ver 1");
  log(`starting online/live migration on unix:/run/qemu-server/${guest.id}.migrate`);
  await worker.wait(state.pace.task * 4);
  log("average migration speed: 128.4 MiB/s - downtime 47 ms");
  log("migration status: completed");
}

const duration = (ms: number): string => {
  const total = Math.floor(ms / 1000);
  return [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60].map((part) => String(part).padStart(2, "0")).join(":");
};

const moveOf = (call: Call): Move => ({
  target: textIn(call, "target")!,
  online: yesIn(call, "online"),
  restart: yesIn(call, "restart"),
  withLocalDisks: yesIn(call, "with-local-disks"),
  targetStorage: textIn(call, "target-storage") ?? textIn(call, "targetstorage"),
  timeoutMs: (numberIn(call, "timeout") ?? 180) * 1000,
});

const ask =
  (kind: GuestKind) =>
  (call: Call): string => {
    const { state, node } = call,
      move = moveOf(call);
    if (move.target === node.name) throw wrong({ target: "target is local node." });
    if (!state.nodes.has(move.target)) throw failed(`no such cluster node '${move.target}'`);
    const guest = guestOf(call, kind),
      ha = managed(state, guest);
    if (ha === undefined && guest.running && !move.online && !move.restart)
      throw failed(
        kind === "lxc" ? "can't migrate running container without --online or --restart" : "can't migrate running VM without --online",
      );
    if (ha !== undefined)
      return startTask(call, "hamigrate", guest.id, async (worker) => {
        worker.log(`Requesting HA migration for ${word(kind)} ${guest.id} to node ${move.target}`);
        await worker.wait(state.pace.task / 2);
        requestNode(state, sidOf(guest), move.target);
      });
    return startTask(call, kind === "lxc" ? "vzmigrate" : "qmigrate", guest.id, (worker) =>
      worker.lock(lockPath(kind, guest.id), state.pace.lockWait, () => migrate(state, guestOf(call, kind), move, worker)),
    );
  };

/** What stands in the way of a VM's migration. */
function preconditions(call: Call): object {
  const { state } = call,
    guest = guestOf(call, "qemu");
  const local = localVolumes(state, guest).map(({ volume, key }) => {
    const attached = key !== undefined && !key.startsWith("unused");
    return {
      volid: volume.volid,
      ...(attached ? { drivename: key, size: volume.size } : {}),
      cdrom: attached && isCdrom(String(guest.config[key])) ? 1 : 0,
      shared: 0,
      is_vmstate: /vm-\d+-state-/.test(volume.volid) ? 1 : 0,
      is_tpmstate: key === "tpmstate0" ? 1 : 0,
      replicate: 1,
      is_unused: attached ? 0 : 1,
      is_attached: attached ? 1 : 0,
    };
  });
  const needed = new Set(disksOf(guest.config).map(({ volid }) => volid.split(":")[0]!));
  const others = [...state.nodes.values()].filter(({ name }) => name !== guest.node);
  const missing = (name: string): string[] =>
    [...needed].filter((id) => {
      const storage = state.storages.get(id);
      return storage === undefined || !onNode(storage, name);
    });
  return {
    running: guest.running ? 1 : 0,
    allowed_nodes: others.filter(({ name }) => missing(name).length === 0).map(({ name }) => name),
    not_allowed_nodes: Object.fromEntries(
      others.map(({ name }) => [name, missing(name).length === 0 ? {} : { unavailable_storages: missing(name) }]),
    ),
    local_disks: local,
    local_resources: [],
    "mapped-resources": [],
    "mapped-resource-info": {},
  };
}

const rights = need("/vms/{vmid}", "VM.Migrate");
const target = must(formatted("pve-node"));

/** Moves between nodes. */
export const migrateEndpoints: Endpoints = {
  "POST /nodes/{node}/lxc/{vmid}/migrate": endpoint(
    rights,
    { target, online: flag, restart: flag, timeout: integer(), "target-storage": text(), bwlimit: number({ minimum: 0 }) },
    ask("lxc"),
  ),
  "POST /nodes/{node}/qemu/{vmid}/migrate": endpoint(
    rights,
    {
      target,
      online: flag,
      force: flag,
      "with-local-disks": flag,
      targetstorage: text(),
      bwlimit: integer({ minimum: 0 }),
      migration_network: text(),
      migration_type: oneOf("secure", "insecure"),
    },
    ask("qemu"),
  ),
  "GET /nodes/{node}/qemu/{vmid}/migrate": endpoint(rights, { target: formatted("pve-node") }, preconditions),
};
