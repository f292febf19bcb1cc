import { parseSize } from "../../../../schemas/proxmox/properties.ts";
import { type Call, endpoint, type Endpoints, guestOf, refuseSkiplock, startTask, textIn, yesIn } from "../endpoint.ts";
import { lockPath } from "../locks.ts";
import { flag, formatted, integer, must, number, oneOf, type Parameters, text } from "../parameters.ts";
import { need, requireAny } from "../permissions.ts";
import { failed, Refused } from "../refused.ts";
import type { Guest, GuestKind, State, Volume } from "../state.ts";
import type { Worker } from "../tasks.ts";
import { allocate, copyMs, drop, formatting, freeOn, isFiles, sizeText, storageNamed, takes, volumeAt, volumeIdOf } from "../volumes.ts";
import { checkDigest, checkLock, unusedKey } from "./config.ts";

const row = (name: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${name}${n}`);
const containerDisks = ["rootfs", ...row("mp", 256)];
const vmDisks = [...row("ide", 4), ...row("scsi", 31), ...row("virtio", 16), ...row("sata", 6), "efidisk0", "tpmstate0"];
const sizePattern = /\+?\d+(\.\d+)?[KMGT]?/;

const diskOf = (state: State, guest: Guest, key: string): Volume | undefined => {
  const volid = volumeIdOf(guest.config[key]);
  return volid === undefined ? undefined : volumeAt(state, volid, guest.node);
};

/** The size that is asked for, in bytes: `+` adds to what is there. */
const wantedSize = (text: string, before: number): number =>
  text.startsWith("+") ? before + (parseSize(text.slice(1)) ?? 0) : (parseSize(text) ?? 0);

async function grow(state: State, guest: Guest, key: string, volume: Volume, size: number, worker: Worker): Promise<void> {
  await worker.wait(state.pace.task);
  volume.size = size;
  guest.config[key] = `${String(guest.config[key]).replace(/,size=[^,]+/, "")},size=${sizeText(size)}`;
  guest.config[key] = sortedParts(String(guest.config[key]));
  if (!(guest.kind === "qemu" && guest.running)) worker.log("Image resized.");
  state.changed(guest);
}

const sortedParts = (value: string): string => {
  const [first, ...rest] = value.split(",");
  const mount = rest.filter((part) => part.startsWith("mp=")),
    others = rest.filter((part) => !part.startsWith("mp=")).sort();
  return [first, ...mount, ...others].join(",");
};

function resizeContainer(call: Call): string {
  const { state } = call,
    guest = guestOf(call, "lxc"),
    key = textIn(call, "disk")!;
  checkDigest(guest, textIn(call, "digest"));
  checkLock(guest);
  if (guest.config[key] === undefined)
    throw new Refused(500, "format error", {
      volume: "property is missing and it is not optional",
      mp: "property is missing and it is not optional",
    });
  const volume = diskOf(state, guest, key);
  if (volume === undefined) throw failed(`can't resize mount point '${key}'`);
  const size = wantedSize(textIn(call, "size")!, volume.size);
  if (size < volume.size) throw failed("unable to shrink disk size");
  return startTask(call, "resize", guest.id, (worker) =>
    worker.lock(lockPath("lxc", guest.id), state.pace.lockWait, () => grow(state, guestOf(call, "lxc"), key, volume, size, worker)),
  );
}

function resizeVm(call: Call): string {
  const { state } = call,
    { id } = guestOf(call, "qemu"),
    key = textIn(call, "disk")!;
  refuseSkiplock(call);
  return startTask(call, "resize", id, (worker) =>
    worker.lock(lockPath("qemu", id), state.pace.lockWait, async () => {
      const guest = guestOf(call, "qemu");
      checkDigest(guest, textIn(call, "digest"));
      checkLock(guest);
      const volume = diskOf(state, guest, key);
      if (guest.config[key] === undefined || volume === undefined) throw failed(`disk '${key}' does not exist`);
      const size = wantedSize(textIn(call, "size")!, volume.size);
      if (size < volume.size) throw failed("shrinking disks is not supported");
      await grow(state, guest, key, volume, size, worker);
    }),
  );
}

/** Copies a disk to another storage and puts the copy in its place. */
const move =
  (kind: GuestKind) =>
  (call: Call): string => {
    const { state, who } = call,
      guest = guestOf(call, kind),
      key = textIn(call, kind === "lxc" ? "volume" : "disk")!,
      storageId = textIn(call, "storage");
    if (storageId === undefined) throw failed("moving a disk to another guest is not done here");
    requireAny(state, who, `/storage/${storageId}`, "Datastore.AllocateSpace");
    const target = storageNamed(state, storageId, guest.node);
    checkDigest(guest, textIn(call, "digest"));
    checkLock(guest);
    const volume = diskOf(state, guest, key);
    if (volume === undefined) throw failed(kind === "lxc" ? `mount point ${key} does not exist` : `disk '${key}' does not exist`);
    const format = textIn(call, "format") ?? (isFiles(target) ? volume.format : "raw");
    if (target.id === volume.storage && format === volume.format)
      throw failed(kind === "lxc" ? "you can't move a volume to the same storage" : "you can't move to the same storage with same format");
    if (kind === "lxc" && guest.running) throw failed("cannot move volumes of a running container");
    const inSnapshots = [...guest.snapshots.values()].some(({ config }) => volumeIdOf(config[key]) === volume.volid);
    if (inSnapshots && yesIn(call, "delete")) throw failed("you can't move a disk with snapshots and delete the source");
    const content = kind === "lxc" ? "rootdir" : "images";
    if (!takes(target, content)) throw failed(`storage '${target.id}' does not support '${content}' content`);
    return startTask(call, kind === "lxc" ? "move_volume" : "qmmove", guest.id, (worker) =>
      worker.lock(lockPath(kind, guest.id), state.pace.lockWait, async () => {
        checkLock(guest);
        worker.log(`create full clone of drive ${key} (${volume.volid})`);
        if (freeOn(state, target, guest.node) < volume.used) throw failed(`storage migration failed: No space left on device`);
        const made = allocate(state, target.id, guest.node, guest.id, { size: volume.size, used: volume.used, content, format });
        if (kind === "qemu") worker.log(formatting(target, made));
        if (guest.running) worker.log(`drive mirror is starting for drive-${key}`);
        try {
          await worker.wait(copyMs(state, volume.size));
        } catch (stopped) {
          drop(state, made);
          throw stopped;
        }
        if (guest.running) worker.log(`drive-${key}: mirror-job finished`);
        guest.config[key] = String(guest.config[key]).replace(volume.volid, made.volid);
        if (yesIn(call, "delete")) drop(state, volume);
        else guest.config[unusedKey(guest.config)] = volume.volid;
        state.changed(guest);
      }),
    );
  };

const rights = need("/vms/{vmid}", "VM.Config.Disk");
const digest = text({ maxLength: 40 }),
  storage = formatted("pve-storage-id");
const size: Parameters = { digest, size: must(text({ pattern: sizePattern })) };

/** Disks: their size and their place. */
export const sizeEndpoints: Endpoints = {
  "PUT /nodes/{node}/lxc/{vmid}/resize": endpoint(rights, { ...size, disk: must(oneOf(...containerDisks)) }, resizeContainer),
  "PUT /nodes/{node}/qemu/{vmid}/resize": endpoint(rights, { ...size, disk: must(oneOf(...vmDisks)), skiplock: flag }, resizeVm),
  "POST /nodes/{node}/qemu/{vmid}/move_disk": endpoint(
    rights,
    {
      disk: must(oneOf(...vmDisks)),
      storage,
      format: oneOf("raw", "qcow2", "vmdk"),
      delete: flag,
      digest,
      bwlimit: integer({ minimum: 0 }),
    },
    move("qemu"),
  ),
  "POST /nodes/{node}/lxc/{vmid}/move_volume": endpoint(
    rights,
    { volume: must(oneOf(...containerDisks)), storage, delete: flag, digest, bwlimit: number({ minimum: 0 }) },
    move("lxc"),
  ),
};
