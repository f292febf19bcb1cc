import { type Call, endpoint, type Endpoints, guestOf, startTask, textIn, yesIn } from "../endpoint.ts";
import { lockPath } from "../locks.ts";
import { flag, formatted, must, type Parameters, text } from "../parameters.ts";
import { need } from "../permissions.ts";
import { failed } from "../refused.ts";
import { type Config, type Guest, type GuestKind, seconds, type Snapshot, type State } from "../state.ts";
import type { Worker } from "../tasks.ts";
import { allocate, disksOf, drop, isCdrom, storageNamed, volumeAt } from "../volumes.ts";
import { snapshotConfig } from "./change.ts";
import { checkLock, digestOfGuest, isTemplate, memoryOf } from "./config.ts";
import { goesDown, goesUp, vmstateStorage } from "./running.ts";

const prefix = (kind: GuestKind): string => (kind === "lxc" ? "vz" : "qm");

/** Storages that can keep a moment of a disk: thin volumes, file systems with snapshots, qcow2 files. */
function canSnapshot(state: State, guest: Guest): boolean {
  return disksOf(guest.config)
    .filter(({ key, value }) => !key.startsWith("unused") && !isCdrom(value))
    .every(({ volid }) => {
      const volume = volumeAt(state, volid, guest.node),
        type = String(state.storages.get(volid.split(":")[0]!)?.config["type"]);
      return /^(lvmthin|zfspool|btrfs|rbd)$/.test(type) || volume?.format === "qcow2";
    });
}

const underLock = (call: Call, kind: GuestKind, type: string, work: (guest: Guest, worker: Worker) => Promise<void>): string => {
  const guest = guestOf(call, kind);
  return startTask(call, `${prefix(kind)}${type}`, guest.id, (worker) =>
    worker.lock(lockPath(kind, guest.id), call.state.pace.lockWait, () => work(guestOf(call, kind), worker)),
  );
};

const take =
  (kind: GuestKind) =>
  (call: Call): string => {
    const { state } = call,
      name = textIn(call, "snapname")!;
    return underLock(call, kind, "snapshot", async (guest, worker) => {
      checkLock(guest);
      if (isTemplate(guest)) throw failed("you can't take a snapshot if it's a template");
      if (guest.snapshots.has(name)) throw failed(`snapshot name '${name}' already used`);
      const withMemory = kind === "qemu" && yesIn(call, "vmstate") && guest.running;
      const vmstate = withMemory ? await keepMemory(state, guest, name, worker) : undefined;
      if (!canSnapshot(state, guest)) throw failed("snapshot feature is not available");
      guest.config["lock"] = "snapshot";
      await worker.wait(state.pace.task);
      delete guest.config["lock"];
      for (const { key, volid, value } of disksOf(guest.config))
        if (kind === "qemu" && guest.running && !key.startsWith("unused") && !isCdrom(value))
          worker.log(`snapshotting 'drive-${key}' (${volid})`);
      const description = textIn(call, "description") ?? "";
      guest.snapshots.set(name, {
        config: withoutParent(guest.config),
        snaptime: seconds(state),
        description: kind === "lxc" && description !== "" ? `${description}\n` : description,
        parent: guest.config["parent"] === undefined ? undefined : String(guest.config["parent"]),
        vmstate,
      });
      guest.config["parent"] = name;
      state.changed(guest);
    });
  };

const withoutParent = ({ parent: _, description: __, lock: ___, ...config }: Config): Config =>
  Object.fromEntries(Object.entries(config).filter(([key]) => !key.startsWith("unused")));

async function keepMemory(state: State, guest: Guest, name: string, worker: Worker): Promise<string> {
  const storage = storageNamed(state, vmstateStorage(state, guest));
  const volume = allocate(state, storage.id, guest.node, guest.id, {
    size: memoryOf("qemu", guest.config) * 2 + 500 * 1024 ** 2,
    content: "images",
    name: `vm-${guest.id}-state-${name}`,
  });
  worker.log(`saving VM state and RAM using storage '${storage.id}'`);
  await worker.wait(state.pace.task);
  worker.log("completed saving the VM state in 0s, saved 136.53 MiB");
  return volume.volid;
}

/** The snapshot of a path, for a task that says itself when it is not there. */
function named(guest: Guest, name: string): Snapshot {
  const snapshot = guest.snapshots.get(name);
  if (snapshot === undefined) throw failed(`snapshot '${name}' does not exist`);
  return snapshot;
}

const rollback =
  (kind: GuestKind) =>
  (call: Call): string => {
    const { state } = call,
      name = textIn(call, "snapname")!;
    return underLock(call, kind, "rollback", async (guest, worker) => {
      const snapshot = named(guest, name);
      checkLock(guest);
      if (guest.running) goesDown(state, guest);
      guest.config["lock"] = "rollback";
      state.changed(guest);
      await worker.wait(state.pace.task);
      const { description } = guest.config;
      guest.config = { ...snapshot.config, parent: name, ...(description === undefined ? {} : { description }) };
      guest.pending = {};
      guest.pendingDelete.clear();
      if (kind === "qemu") guest.config["vmgenid"] = state.chance.uuid();
      state.changed(guest);
      if (snapshot.vmstate === undefined && !yesIn(call, "start")) return;
      if (Object.values(guest.config).some((value) => /-cloudinit/.test(String(value)))) worker.log("generating cloud-init ISO");
      await worker.wait(state.pace.task);
      goesUp(state, guest);
      if (snapshot.vmstate !== undefined) guest.agentAt = state.time.now();
    });
  };

const remove =
  (kind: GuestKind) =>
  (call: Call): string => {
    const { state } = call,
      name = textIn(call, "snapname")!;
    return underLock(call, kind, "delsnapshot", async (guest, worker) => {
      const snapshot = named(guest, name);
      checkLock(guest);
      guest.config["lock"] = "snapshot-delete";
      await worker.wait(state.pace.task);
      delete guest.config["lock"];
      guest.snapshots.delete(name);
      for (const [other, one] of guest.snapshots) if (one.parent === name) guest.snapshots.set(other, { ...one, parent: snapshot.parent });
      if (guest.config["parent"] === name) {
        if (snapshot.parent === undefined) delete guest.config["parent"];
        else guest.config["parent"] = snapshot.parent;
      }
      const memory = snapshot.vmstate === undefined ? undefined : volumeAt(state, snapshot.vmstate, guest.node);
      if (memory !== undefined) drop(state, memory);
      state.changed(guest);
    });
  };

/** All snapshots, and the present as the last line. */
function list(call: Call, kind: GuestKind): object[] {
  const guest = guestOf(call, kind),
    { parent } = guest.config;
  const lines = [...guest.snapshots].map(([name, one]) => ({
    name,
    snaptime: one.snaptime,
    description: one.description,
    ...(one.parent === undefined ? {} : { parent: one.parent }),
    ...(kind === "qemu" ? { vmstate: one.vmstate === undefined ? 0 : 1 } : {}),
  }));
  const now = {
    name: "current",
    description: "You are here!",
    digest: digestOfGuest(guest),
    running: guest.running ? 1 : 0,
    ...(parent === undefined ? {} : { parent }),
  };
  return [...lines, now];
}

const describe =
  (kind: GuestKind) =>
  (call: Call): undefined => {
    const guest = guestOf(call, kind),
      snapshot = named(guest, textIn(call, "snapname")!),
      description = textIn(call, "description");
    if (description !== undefined) snapshot.description = kind === "lxc" ? `${description}\n` : description;
    return undefined;
  };

const audit = need("/vms/{vmid}", "VM.Audit"),
  rights = need("/vms/{vmid}", "VM.Snapshot"),
  rollbackRights = need("/vms/{vmid}", "VM.Snapshot", "VM.Snapshot.Rollback");
const naming: Parameters = { snapname: must(formatted("pve-configid", { maxLength: 40 })), description: text() };

const of = (kind: GuestKind): Endpoints => {
  const path = `/nodes/{node}/${kind}/{vmid}/snapshot`;
  return {
    [`GET ${path}`]: endpoint(audit, {}, (call) => list(call, kind)),
    [`POST ${path}`]: endpoint(rights, kind === "lxc" ? naming : { ...naming, vmstate: flag }, take(kind)),
    [`DELETE ${path}/{snapname}`]: endpoint(rights, { force: flag }, remove(kind)),
    [`POST ${path}/{snapname}/rollback`]: endpoint(rollbackRights, { start: flag }, rollback(kind)),
    [`GET ${path}/{snapname}/config`]: endpoint(need("/vms/{vmid}", "VM.Snapshot", "VM.Snapshot.Rollback", "VM.Audit"), {}, (call) =>
      snapshotConfig(guestOf(call, kind), textIn(call, "snapname")!),
    ),
    [`PUT ${path}/{snapname}/config`]: endpoint(rights, { description: text() }, describe(kind)),
  };
};

/** Snapshots: taken, listed, gone back to, removed. */
export const snapshotEndpoints: Endpoints = { ...of("lxc"), ...of("qemu") };
