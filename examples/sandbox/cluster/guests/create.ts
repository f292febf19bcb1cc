import { type Call, endpoint, type Endpoints, startTask, textIn, yesIn } from "../endpoint.ts";
import { lockPath } from "../locks.ts";
import { type Params, parameterOf } from "../parameters.ts";
import { may } from "../permissions.ts";
import { denied, failed, textOf } from "../refused.ts";
import { type Config, type Guest, type GuestKind, seconds, type State, type Value, word } from "../state.ts";
import { Interrupted, type Worker } from "../tasks.ts";
import { storageNamed, volumeAt, volumeIdOf } from "../volumes.ts";
import { checkRestore, restore } from "../restore.ts";
import { keysOf, storedValue } from "./config.ts";
import { checkDrive, freeDisks, isDriveKey, storeDrive, strayVolumes } from "./disks.ts";
import { containerRights, vmRights } from "./modify-rights.ts";
import { containerCreation, vmCreation } from "./parameters.ts";
import { start } from "./running.ts";
import { drop } from "../volumes.ts";

/** A guest without anything, as it stands while it is made. */
export const bareGuest = (kind: GuestKind, id: number, node: string, config: Config, madeAt = 0): Guest => ({
  id,
  kind,
  madeAt,
  node,
  config,
  pending: {},
  pendingDelete: new Map(),
  snapshots: new Map(),
  running: false,
  paused: false,
  startedAt: 0,
  agentAt: 0,
  pid: 0,
  obeys: true,
  agent: true,
  inside: { files: new Map(), processes: new Map(), nextPid: 400 },
  seen: undefined,
  shown: undefined,
});

/** A new guest is known to requests that come this much later, in milliseconds. */
const knownMs = 100;

/** Refuses an id that is taken, as far as it is known yet. */
export function checkKnown(state: State, id: number): void {
  if ((state.guests.get(id)?.madeAt ?? Infinity) + knownMs <= state.time.now()) checkFree(state, id);
}

/** Refuses an id that is taken, wherever in the cluster. */
export function checkFree(state: State, id: number): void {
  const there = state.guests.get(id);
  if (there !== undefined) throw failed(`${word(there.kind)} ${id} already exists on node '${there.node}'`);
}

/** Who makes guests needs the right for this id or for its pool. */
export function checkAllocate(call: Call, id: number): void {
  const { state, who } = call,
    pool = textIn(call, "pool");
  if (pool !== undefined && !state.pools.has(pool)) throw denied(`pool '${pool}' does not exist`);
  if (may(state, who, `/vms/${id}`, "VM.Allocate")) return;
  if (pool === undefined || !may(state, who, `/pool/${pool}`, "VM.Allocate")) throw denied();
}

export const joinPool = (call: Call, id: number): void => {
  const pool = textIn(call, "pool");
  if (pool !== undefined) call.state.pools.get(pool)?.guests.add(id);
};

/** The keys of a request that belong into the configuration. */
export const wantedKeys = (kind: GuestKind, params: Params): Record<string, Value> =>
  Object.fromEntries(Object.entries(params).filter(([key]) => key !== "vmid" && parameterOf(keysOf(kind), key) !== undefined)) as Record<
    string,
    Value
  >;

/** Takes the guest's file lock, writes `lock=create` and starts the task; one that comes second finds the guest there. */
async function begin(call: Call, kind: GuestKind, type: string, work: (guest: Guest, worker: Worker) => Promise<Config>): Promise<string> {
  const { state, node } = call,
    id = Number(call.params["vmid"]),
    path = lockPath(kind, id);
  // The file lock is the node's own: nobody waits for another node's.
  const there = state.guests.get(id);
  if (there !== undefined && there.node !== node.name)
    throw failed(`unable to create ${word(kind)} ${id} - ${word(there.kind)} ${id} already exists on node '${there.node}'`);
  return state.locks.hold(path, state.pace.lockWait, async () => {
    try {
      checkFree(state, id);
    } catch (refusal) {
      throw failed(`unable to create ${word(kind)} ${id} - ${textOf(refusal)}`);
    }
    const guest = bareGuest(kind, id, node.name, { lock: "create" }, state.time.now());
    state.guests.set(id, guest);
    state.changed(guest);
    return startTask(call, type, id, async (worker) => {
      try {
        await worker.lock(path, state.pace.lockWait, async () => {
          guest.config = await work(guest, worker);
          joinPool(call, id);
          state.changed(guest);
        });
      } catch (refusal) {
        forget(state, guest);
        throw failed(`unable to create ${word(kind)} ${id} - ${reasonOf(refusal, id)}`);
      }
      if (yesIn(call, "start"))
        startTask(call, kind === "lxc" ? "vzstart" : "qmstart", id, (other) =>
          other.lock(path, state.pace.lockWait, () => start(state, guest, other)),
        );
    });
  });
}

const reasonOf = (thrown: unknown, id: number): string =>
  thrown instanceof Interrupted
    ? `command 'lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- tar xpf - --zstd --totals --one-file-system -p --sparse --numeric-owner --acls --xattrs '--xattrs-include=user.*' '--xattrs-include=security.capability' '--warning=no-file-ignored' '--warning=no-xattr-write' -C /var/lib/lxc/${id}/rootfs --skip-old-files --anchored --exclude './dev/*'' failed: received interrupt`
    : textOf(thrown);

/** Takes back what a creation had made so far. */
export function forget(state: State, guest: Guest): void {
  freeDisks(state, guest.config, guest.id, guest.node);
  for (const volume of strayVolumes(state, guest.id, guest.node)) drop(state, volume);
  state.guests.delete(guest.id);
  for (const pool of state.pools.values()) pool.guests.delete(guest.id);
}

async function createContainer(call: Call): Promise<string> {
  const { state, node, who } = call,
    id = Number(call.params["vmid"]);
  checkAllocate(call, id);
  const template = textIn(call, "ostemplate")!;
  if (yesIn(call, "restore")) return restore(call, "lxc", id, template, begin);
  const wanted = wantedKeys("lxc", call.params);
  const keys = textIn(call, "ssh-public-keys");
  if (keys !== undefined && !/^(ssh-(rsa|ed25519|dss)|ecdsa-|sk-)\S* \S+/m.test(keys)) throw failed("SSH public key validation error");
  checkKnown(state, id);
  containerRights(call, wanted, [], {}, `/vms/${id}`);
  if (template.startsWith("/")) {
    if (!who.isRoot) throw failed("Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 581.");
  } else storageNamed(state, template.split(":")[0]!);
  if (wanted["rootfs"] === undefined) wanted["rootfs"] = `${textIn(call, "storage") ?? "local"}:4`;
  for (const [key, value] of Object.entries(wanted)) if (isDriveKey("lxc", key)) checkDrive(call, "lxc", key, value);

  return begin(call, "lxc", "vzcreate", async (guest, worker) => {
    const config: Config = {};
    for (const [key, value] of Object.entries(wanted).sort(([a], [b]) => (a === "rootfs" ? -1 : b === "rootfs" ? 1 : a < b ? -1 : 1))) {
      config[key] = isDriveKey("lxc", key)
        ? await storeDrive(call, worker, "lxc", id, key, value)
        : storedValue("lxc", key, value, state.chance.mac);
      if (key === "rootfs") makeFileSystem(state, worker);
    }
    const archive = volumeAt(state, template, node.name);
    if (archive === undefined) throw failed(`volume '${template}' does not exist`);
    const storage = storageNamed(state, archive.storage);
    worker.log(`extracting archive '${String(storage.config["path"] ?? "")}/template/cache/${archive.volid.split("/").at(-1)!}'`);
    await worker.wait(state.pace.task * 3);
    worker.log("Total bytes read: 226314240 (216MiB, 89MiB/s)");
    const disk = volumeAt(state, volumeIdOf(config["rootfs"]) ?? "", node.name);
    if (disk !== undefined) disk.used = Math.min(disk.size, Math.round(archive.size * unpacked));
    const system = systemOf(archive.volid);
    if (config["ostype"] !== undefined && config["ostype"] !== "unmanaged" && config["ostype"] !== system)
      worker.log(`got unexpected ostype (${system} != ${config["ostype"]})`);
    worker.log("Detected container architecture: amd64");
    for (const type of ["ecdsa", "ed25519", "rsa"]) {
      worker.log(`Creating SSH host key 'ssh_host_${type}_key' - this may take some time ...`);
      worker.log(`done: SHA256:${state.chance.hex(43)} root@${String(config["hostname"] ?? "localhost")}`);
    }
    guest.config = {};
    return { arch: "amd64", hostname: `CT${id}`, memory: 512, swap: 512, ...config, ostype: config["ostype"] ?? system };
  });
}

/** An archive of a system grows by this when it is unpacked. */
const unpacked = 3.1;

const makeFileSystem = (state: State, worker: Worker): void => {
  worker.log("Creating filesystem with 262144 4k blocks and 65536 inodes");
  worker.log(`Filesystem UUID: ${state.chance.uuid()}`);
  worker.log("Superblock backups stored on blocks: ");
  worker.log("\t32768, 98304, 163840, 229376");
};

/** The distribution that a template's name tells. */
const systemOf = (volid: string): string => /vztmpl\/([a-z]+)/.exec(volid)?.[1] ?? "unmanaged";

async function createVm(call: Call): Promise<string> {
  const { state } = call,
    id = Number(call.params["vmid"]),
    archive = textIn(call, "archive");
  checkAllocate(call, id);
  if (archive !== undefined) {
    checkRestore(call, archive);
    return restore(call, "qemu", id, archive, begin);
  }
  const wanted = wantedKeys("qemu", call.params);
  checkKnown(state, id);
  vmRights(call, wanted, [], `/vms/${id}`);
  for (const [key, value] of Object.entries(wanted)) if (isDriveKey("qemu", key)) checkDrive(call, "qemu", key, value);
  return begin(call, "qemu", "qmcreate", async (_, worker) => {
    const config: Config = {};
    await worker.wait(state.pace.task);
    for (const [key, value] of Object.entries(wanted).sort(([a], [b]) => (a < b ? -1 : 1)))
      config[key] = isDriveKey("qemu", key)
        ? await storeDrive(call, worker, "qemu", id, key, value)
        : storedValue("qemu", key, value, state.chance.mac);
    return {
      ...config,
      smbios1: config["smbios1"] ?? `uuid=${state.chance.uuid()}`,
      vmgenid: state.chance.uuid(),
      meta: `creation-qemu=9.2.0,ctime=${seconds(state)}`,
    };
  });
}

/** Making guests, from nothing or from a backup. */
export const createEndpoints: Endpoints = {
  "POST /nodes/{node}/lxc": endpoint("all", containerCreation, createContainer),
  "POST /nodes/{node}/qemu": endpoint("all", vmCreation, createVm),
};
