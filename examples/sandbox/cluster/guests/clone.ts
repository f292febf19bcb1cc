import { type Call, endpoint, type Endpoints, guestOf, startTask, textIn, yesIn } from "../endpoint.ts";
import { lockPath } from "../locks.ts";
import { flag, formatted, integer, must, number, oneOf, type Parameters, text } from "../parameters.ts";
import { may, need, requireAny } from "../permissions.ts";
import { denied, failed, textOf } from "../refused.ts";
import { type Config, type Guest, type GuestKind, type State, type Storage, word } from "../state.ts";
import type { Worker } from "../tasks.ts";
import {
  allocate,
  copyMs,
  disksOf,
  formatting,
  freeOn,
  isCdrom,
  isCloudInit,
  isFiles,
  isShared,
  sizeText,
  storageNamed,
  volumeAt,
} from "../volumes.ts";
import { withNewMac } from "../restore.ts";
import { checkLock, isTemplate, nameOf } from "./config.ts";
import { bareGuest, checkFree, forget, joinPool } from "./create.ts";

/** What is copied: the configuration of now or of a snapshot. */
interface Source {
  readonly guest: Guest;
  readonly config: Config;
  readonly full: boolean;
  readonly newId: number;
}

function sourceOf(call: Call, kind: GuestKind): Source {
  const { state } = call,
    guest = guestOf(call, kind),
    newId = Number(call.params["newid"]),
    snapname = textIn(call, "snapname"),
    target = textIn(call, "target");
  if (target !== undefined && !state.nodes.has(target)) throw failed(`no such cluster node '${target}'`);
  const storage = textIn(call, "storage");
  if (storage !== undefined) storageNamed(state, storage);
  checkLock(guest);
  const snapshot = snapname === undefined ? undefined : guest.snapshots.get(snapname);
  if (snapname !== undefined && snapshot === undefined) throw failed(`snapshot '${snapname}' does not exist`);
  const full = call.params["full"] === undefined ? !isTemplate(guest) : yesIn(call, "full");
  if (!full && !isTemplate(guest)) throw failed("Linked clone feature is not supported for drive 'scsi0'");
  return { guest, config: snapshot?.config ?? guest.config, full, newId };
}

/** Rules for where the copy may lie. */
function checkTarget(call: Call, { config, full, guest }: Source): void {
  const { state, node } = call,
    storage = textIn(call, "storage"),
    target = textIn(call, "target");
  if (!full && storage !== undefined) throw failed("parameter 'storage' not allowed for linked clones");
  if (target === undefined || target === node.name) return;
  if (storage !== undefined && !isShared(storageNamed(state, storage))) throw failed(`can't clone to non-shared storage '${storage}'`);
  const local = disksOf(config).find(({ volid }) => !isShared(storageNamed(state, volid.split(":")[0]!)));
  if (local !== undefined) throw failed(`can't clone ${word(guest.kind)} to node '${target}' (${word(guest.kind)} uses local storage)`);
}

/** What stays out of a copy. */
const notCopied = /^(template|lock|parent|snaptime|vmstate|unused\d+|digest|runningmachine|runningcpu)$/;

/** Copies the disks and answers the configuration of the copy. */
async function copy(call: Call, { guest, config, full, newId }: Source, worker: Worker): Promise<Config> {
  const { state, node } = call,
    copied: Config = {};
  for (const [key, value] of Object.entries(config)) {
    if (notCopied.test(key)) continue;
    copied[key] = /^net\d+$/.test(key) ? withNewMac(guest.kind, String(value), state.chance.mac) : value;
  }
  for (const { key, volid, value } of disksOf(config)) {
    if (notCopied.test(key)) continue;
    const volume = volumeAt(state, volid, node.name),
      cloudInit = isCloudInit(volid);
    if (volume === undefined || (isCdrom(value) && !cloudInit)) continue;
    const from = storageNamed(state, volume.storage),
      storage = storageNamed(state, full ? (textIn(call, "storage") ?? from.id) : from.id, node.name);
    const linked = !full && !cloudInit;
    worker.log(
      guest.kind === "lxc"
        ? `create ${linked ? "linked" : "full"} clone of mountpoint ${key} (${volid})`
        : `create ${linked ? "linked" : "full"} clone of drive ${key} (${volid})`,
    );
    const made = allocate(state, storage.id, node.name, newId, {
      size: volume.size,
      used: 0,
      content: guest.kind === "lxc" ? "rootdir" : "images",
      format: textIn(call, "format") ?? (isFiles(from) ? volume.format : undefined),
      ...(cloudInit ? { name: `vm-${newId}-cloudinit` } : {}),
      ...(linked ? { parent: volume } : {}),
    });
    if (guest.kind === "qemu" && isFiles(storage)) worker.log(formatting(storage, made));
    if (!linked) await fill(state, node.name, storage, made, volume.used, worker);
    const rest = value
      .split(",")
      .slice(1)
      .filter((part) => !part.startsWith("size="));
    copied[key] = [made.volid, ...rest, `size=${sizeText(made.size)}`].join(",");
  }
  return copied;
}

/** Copies what a disk holds, in ten parts; the storage may run full on the way. */
async function fill(
  state: State,
  node: string,
  storage: Storage,
  made: ReturnType<typeof allocate>,
  used: number,
  worker: Worker,
): Promise<void> {
  for (let part = 1; part <= 10; part += 1) {
    await worker.wait(copyMs(state, made.size) / 10);
    const step = Math.min(used, Math.round((used * part) / 10)) - made.used;
    if (freeOn(state, storage, node) < step) throw failed(`copy failed: write to '${made.volid}' failed - No space left on device`);
    made.used += step;
    worker.log(`transferred ${sizeOf((made.size * part) / 10)} of ${sizeOf(made.size)} (${part * 10}.00%)`);
  }
}

const sizeOf = (bytes: number): string =>
  bytes >= 1024 ** 3 ? `${(bytes / 1024 ** 3).toFixed(1)} GiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;

function identity(call: Call, kind: GuestKind, source: Guest): Config {
  const description = textIn(call, "description"),
    said = description === undefined ? {} : { description: kind === "lxc" ? `${description}\n` : description };
  if (kind === "lxc") return { hostname: textIn(call, "hostname") ?? nameOf(source), ...said };
  return {
    name: textIn(call, "name") ?? `Copy-of-VM-${nameOf(source)}`,
    vmgenid: call.state.chance.uuid(),
    smbios1: `uuid=${call.state.chance.uuid()}`,
    ...said,
  };
}

const clone =
  (kind: GuestKind) =>
  (call: Call): string => {
    const { state, who, node } = call,
      newId = Number(call.params["newid"]),
      pool = textIn(call, "pool");
    if (pool !== undefined && !state.pools.has(pool)) throw denied(`pool '${pool}' does not exist`);
    if (!may(state, who, `/vms/${newId}`, "VM.Allocate"))
      requireAny(state, who, pool === undefined ? `/vms/${newId}` : `/pool/${pool}`, "VM.Allocate");
    const source = sourceOf(call, kind);
    if (kind === "lxc") {
      if (source.full && source.guest.running && textIn(call, "snapname") === undefined)
        throw failed("Cannot do full clones on a running container without snapshots");
      checkFree(state, newId);
    }
    checkTarget(call, source);
    return startTask(call, kind === "lxc" ? "vzclone" : "qmclone", source.guest.id, async (worker) => {
      const there = state.guests.get(newId);
      if (there !== undefined)
        throw failed(
          `close (rename) atomic file '/etc/pve/nodes/${node.name}/${kind === "lxc" ? "lxc" : "qemu-server"}/${newId}.conf' failed: File exists`,
        );
      const made = bareGuest(kind, newId, node.name, { lock: kind === "lxc" ? "create" : "clone" });
      state.guests.set(newId, made);
      state.changed(made);
      try {
        await worker.lock(lockPath(kind, newId), state.pace.lockWait, async () => {
          await worker.wait(state.pace.task);
          const config = await copy(call, source, worker);
          made.config = { ...config, ...identity(call, kind, source.guest) };
          made.node = textIn(call, "target") ?? node.name;
          joinPool(call, newId);
          state.changed(made);
        });
      } catch (refusal) {
        forget(state, made);
        throw failed(`clone failed: ${textOf(refusal)}`);
      }
    });
  };

const storage = formatted("pve-storage-id");
const common: Parameters = {
  newid: must(integer({ minimum: 100, maximum: 999_999_999, format: "pve-vmid" })),
  description: text(),
  full: flag,
  pool: formatted("pve-poolid"),
  snapname: formatted("pve-configid", { maxLength: 40 }),
  storage,
  target: formatted("pve-node"),
};

/** Copies of guests. */
export const cloneEndpoints: Endpoints = {
  "POST /nodes/{node}/lxc/{vmid}/clone": endpoint(
    need("/vms/{vmid}", "VM.Clone"),
    { ...common, hostname: formatted("dns-name"), bwlimit: number({ minimum: 0 }) },
    clone("lxc"),
  ),
  "POST /nodes/{node}/qemu/{vmid}/clone": endpoint(
    need("/vms/{vmid}", "VM.Clone"),
    { ...common, name: formatted("dns-name"), bwlimit: integer({ minimum: 0 }), format: oneOf("raw", "qcow2", "vmdk") },
    clone("qemu"),
  ),
};
