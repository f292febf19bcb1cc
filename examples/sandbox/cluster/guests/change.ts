import { type Call, endpoint, type Endpoints, guestOf, listIn, refuseSkiplock, startTask, textIn, yesIn } from "../endpoint.ts";
import { lockPath } from "../locks.ts";
import { flag, integer, type Parameters, type Params, parameterOf, text, formatted } from "../parameters.ts";
import { need } from "../permissions.ts";
import { failed, wrong } from "../refused.ts";
import type { Guest, GuestKind, Value } from "../state.ts";
import type { Worker } from "../tasks.ts";
import { checkDigest, checkLock, digestOfGuest, keysOf, pendingLines, shownConfig, storedValue } from "./config.ts";
import { checkDrive, isDriveKey, storeDrive } from "./disks.ts";
import { containerRights, vmRights } from "./modify-rights.ts";
import { changeKeys, containerKeys, vmKeys } from "./parameters.ts";
import { applyPending, dropEqual } from "./pending.ts";

const containerConfigRights = ["VM.Config.Disk", "VM.Config.CPU", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options"];
const vmConfigRights = [
  "VM.Config.Disk",
  "VM.Config.CDROM",
  "VM.Config.CPU",
  "VM.Config.Memory",
  "VM.Config.Network",
  "VM.Config.HWType",
  "VM.Config.Options",
  "VM.Config.Cloudinit",
];

/** A change of a configuration, taken apart. */
interface Change {
  readonly set: Params;
  readonly remove: readonly string[];
  readonly revert: readonly string[];
  readonly force: boolean;
}

/** Takes a change apart and refuses what contradicts itself. */
function changeOf(call: Call, kind: GuestKind): Change {
  const keys = keysOf(kind),
    remove = listIn(call, "delete"),
    revert = listIn(call, "revert");
  const set = Object.fromEntries(Object.entries(call.params).filter(([key]) => key !== "vmid" && parameterOf(keys, key) !== undefined));
  if (call.given.every((name) => name === "digest" || name === "skiplock")) throw failed("no options specified");
  for (const key of remove) {
    if (parameterOf(keys, key) === undefined) throw wrong({ delete: `unknown option '${key}'` });
    if (set[key] !== undefined) throw wrong({ delete: `you can't use '-${key}' and -delete ${key}' at the same time` });
  }
  for (const key of revert) if (parameterOf(keys, key) === undefined) throw wrong({ revert: `unknown option '${key}'` });
  return { set, remove, revert, force: yesIn(call, "force") };
}

/** Writes a change down as pending and takes at once what may be taken; the caller holds the lock. */
async function write(call: Call, guest: Guest, change: Change, worker?: Worker): Promise<void> {
  checkDigest(guest, textIn(call, "digest"));
  if (!(call.who.isRoot && (yesIn(call, "skiplock") || change.remove.includes("lock")))) checkLock(guest);
  for (const key of change.remove)
    if (key === "rootfs" || key === "unprivileged" || key === "ostype") throw failed(`unable to delete required option '${key}'`);
  if (guest.kind === "lxc" && change.set["unprivileged"] !== undefined) throw failed("unable to modify read-only option: 'unprivileged'");
  for (const key of change.revert) {
    delete guest.pending[key];
    guest.pendingDelete.delete(key);
  }
  for (const key of change.remove) {
    delete guest.pending[key];
    guest.pendingDelete.set(key, change.force);
  }
  for (const [key, value] of Object.entries(change.set)) {
    guest.pendingDelete.delete(key);
    guest.pending[key] = isDriveKey(guest.kind, key)
      ? await drive(call, guest, key, value as Value, worker)
      : storedValue(guest.kind, key, value as Value, call.state.chance.mac);
  }
  dropEqual(guest);
  applyPending(call, guest);
}

/** A drive's new value; an unused disk that is taken again leaves its key. */
async function drive(call: Call, guest: Guest, key: string, value: Value, worker: Worker | undefined): Promise<string> {
  const stored = await storeDrive(call, worker, guest.kind, guest.id, key, value);
  const volid = stored.split(",")[0];
  for (const [other, old] of Object.entries(guest.config)) if (/^unused\d+$/.test(other) && old === volid) delete guest.config[other];
  return stored;
}

const locked = <T>(call: Call, guest: Guest, work: () => Promise<T>): Promise<T> =>
  call.state.locks.hold(lockPath(guest.kind, guest.id), call.state.pace.lockWait, work);

async function changeContainer(call: Call): Promise<undefined> {
  const change = changeOf(call, "lxc"),
    id = Number(call.params["vmid"]);
  const before = call.state.guests.get(id);
  containerRights(call, change.set, change.remove, before?.config ?? {}, `/vms/${id}`);
  const guest = guestOf(call, "lxc");
  for (const [key, value] of Object.entries(change.set)) if (isDriveKey("lxc", key)) checkDrive(call, "lxc", key, value as Value);
  await locked(call, guest, async () => write(call, guestOf(call, "lxc"), change));
  return undefined;
}

async function prepareVm(call: Call): Promise<Change> {
  const change = changeOf(call, "qemu"),
    id = Number(call.params["vmid"]);
  refuseSkiplock(call);
  vmRights(call, change.set, change.remove, `/vms/${id}`);
  guestOf(call, "qemu");
  for (const [key, value] of Object.entries(change.set)) if (isDriveKey("qemu", key)) checkDrive(call, "qemu", key, value as Value);
  return change;
}

async function changeVm(call: Call): Promise<undefined> {
  const change = await prepareVm(call),
    guest = guestOf(call, "qemu");
  await locked(call, guest, async () => write(call, guestOf(call, "qemu"), change));
  return undefined;
}

/** The same in a task of its own. */
async function changeVmLater(call: Call): Promise<string> {
  const change = await prepareVm(call),
    guest = guestOf(call, "qemu");
  return locked(call, guest, async () => {
    const now = guestOf(call, "qemu");
    checkDigest(now, textIn(call, "digest"));
    checkLock(now);
    const said = Object.entries(change.set)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => `-${key} ${key === "cipassword" ? "<hidden>" : String(value as string)}`);
    const { digest: _, ...params } = call.params;
    return startTask(call, "qmconfig", guest.id, async (worker) => {
      worker.log(
        `update VM ${guest.id}: ${[...said, ...(change.remove.length > 0 ? [`-delete ${change.remove.join(",")}`] : [])].join(" ")}`,
      );
      await worker.lock(lockPath("qemu", guest.id), call.state.pace.lockWait, async () => {
        await worker.wait(call.state.pace.task);
        await write({ ...call, params }, guestOf(call, "qemu"), change, worker);
      });
    });
  });
}

/** GET config: of now, of a snapshot, or with what is pending. */
const readConfig =
  (kind: GuestKind) =>
  (call: Call): unknown => {
    const guest = guestOf(call, kind),
      name = textIn(call, "snapshot");
    if (name === undefined) return shownConfig(guest, yesIn(call, "current"));
    const snapshot = guest.snapshots.get(name);
    if (snapshot === undefined) throw failed(`snapshot '${name}' does not exist`);
    return { ...snapshotConfig(guest, name), digest: digestOfGuest(guest) };
  };

/** A snapshot's configuration as it stands in the file, secrets too. */
export function snapshotConfig(guest: Guest, name: string): object {
  const snapshot = guest.snapshots.get(name);
  if (snapshot === undefined) throw failed(`snapshot '${name}' does not exist`);
  const { config, snaptime, description, parent, vmstate } = snapshot;
  return {
    ...config,
    snaptime,
    ...(description === "" ? {} : { description }),
    ...(parent === undefined ? {} : { parent }),
    ...(vmstate === undefined
      ? {}
      : { vmstate, runningmachine: "pc-i440fx-9.2+pve1", runningcpu: "kvm64,enforce,+kvm_pv_eoi,+kvm_pv_unhalt,+lahf_lm,+sep" }),
  };
}

/** Takes a disk out of a VM: it stays as an unused one, or goes for good. */
async function unlink(call: Call): Promise<undefined> {
  const guest = guestOf(call, "qemu");
  await locked(call, guest, async () => {
    checkLock(guest);
    for (const key of listIn(call, "idlist")) if (guest.config[key] !== undefined) guest.pendingDelete.set(key, yesIn(call, "force"));
    applyPending(call, guest);
  });
  return undefined;
}

const shown: Parameters = { current: flag, snapshot: formatted("pve-configid", { maxLength: 40 }) };
const lxc = "/nodes/{node}/lxc/{vmid}",
  qemu = "/nodes/{node}/qemu/{vmid}";
const audit = need("/vms/{vmid}", "VM.Audit");
const mayChangeVm = need("/vms/{vmid}", ...vmConfigRights);
const vmChange: Parameters = { ...vmKeys, ...changeKeys, force: flag, skiplock: flag };

/** Configurations: read, with what is pending, and changed. */
export const changeEndpoints: Endpoints = {
  [`GET ${lxc}/config`]: endpoint(audit, shown, readConfig("lxc")),
  [`GET ${qemu}/config`]: endpoint(audit, shown, readConfig("qemu")),
  [`GET ${lxc}/pending`]: endpoint(audit, {}, (call) => pendingLines(guestOf(call, "lxc"))),
  [`GET ${qemu}/pending`]: endpoint(audit, {}, (call) => pendingLines(guestOf(call, "qemu"))),
  [`PUT ${lxc}/config`]: endpoint(need("/vms/{vmid}", ...containerConfigRights), { ...containerKeys, ...changeKeys }, changeContainer),
  [`PUT ${qemu}/config`]: endpoint(mayChangeVm, vmChange, changeVm),
  [`POST ${qemu}/config`]: endpoint(
    mayChangeVm,
    { ...vmChange, background_delay: integer({ minimum: 1, maximum: 30 }), "import-working-storage": formatted("pve-storage-id") },
    changeVmLater,
  ),
  [`PUT ${qemu}/unlink`]: endpoint(
    need("/vms/{vmid}", "VM.Config.Disk"),
    { idlist: { ...text({ format: "pve-configid-list" }), required: true }, force: flag },
    unlink,
  ),
};
