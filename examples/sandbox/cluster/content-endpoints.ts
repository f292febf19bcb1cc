import { type Call, endpoint, type Endpoints, numberIn, startTask, textIn, yesIn } from "./endpoint.ts";
import { flag, integer, must, oneOf, type Parameters, text } from "./parameters.ts";
import { may, need, requireAny } from "./permissions.ts";
import { pruneMarks } from "./prune.ts";
import { failed } from "./refused.ts";
import { seconds, type Volume } from "./state.ts";
import { mayUse, storageOf, use } from "./storage-endpoints.ts";
import { copyMs, drop, freeOn, isFiles, isShared, keep, pathOf, storageNamed, takes, volumeAt, volumesOn } from "./volumes.ts";

/** A volume as lists show it. */
function line(volume: Volume): object {
  const { volid, content, format, size, used, ctime, vmid, parent, subtype, notes } = volume;
  const base = { volid, content, format, size, ctime };
  if (content === "images" || content === "rootdir") return { ...base, used, vmid, parent: parent ?? null };
  return {
    ...base,
    ...(vmid === undefined ? {} : { vmid }),
    ...(subtype === undefined ? {} : { subtype }),
    ...(notes === undefined ? {} : { notes }),
    ...(volume.protected === true ? { protected: 1 } : {}),
  };
}

function content(call: Call): object[] {
  const storage = storageOf(call),
    wanted = textIn(call, "content"),
    guest = numberIn(call, "vmid");
  return volumesOn(call.state, storage, call.node.name)
    .filter((volume) => (wanted === undefined || volume.content === wanted) && (guest === undefined || volume.vmid === guest))
    .filter(
      (volume) =>
        volume.vmid === undefined || may(call.state, call.who, `/vms/${volume.vmid}`, "VM.Audit", "VM.Backup") || mayUse(call, storage.id),
    )
    .map(line);
}

/** The volume of a path: with its storage in front or not. */
function volumeOf(call: Call): Volume {
  const given = textIn(call, "volume")!,
    storage = textIn(call, "storage")!;
  const volid = given.includes(":") ? given : `${storage}:${given}`;
  const volume = volumeAt(call.state, volid, call.node.name);
  if (volume === undefined) throw failed(`volume_size_info on '${volid}' failed`);
  return volume;
}

function attributes(call: Call): object {
  const volume = volumeOf(call),
    storage = storageNamed(call.state, volume.storage);
  return {
    path: `${pathOf(storage)}/${volume.content === "backup" ? "dump" : volume.content === "images" ? "images" : "template"}/${volume.volid.split("/").slice(1).join("/") || volume.volid.split(":")[1]}`,
    size: volume.size,
    used: volume.used,
    format: volume.content === "backup" ? "raw" : volume.format,
    ...(volume.notes === undefined ? {} : { notes: volume.notes }),
    ...(volume.content === "backup" ? { protected: volume.protected === true ? 1 : 0 } : {}),
  };
}

function requireVolume({ state, who }: Call, storage: string, volume: Volume | undefined): void {
  if (volume?.vmid !== undefined && volume.content === "backup" && may(state, who, `/vms/${volume.vmid}`, "VM.Backup"))
    return requireAny(state, who, `/storage/${storage}`, "Datastore.AllocateSpace", "Datastore.Allocate");
  requireAny(state, who, `/storage/${storage}`, "Datastore.Allocate");
}

function change(call: Call): undefined {
  const volume = volumeOf(call);
  requireVolume(call, volume.storage, volume);
  const notes = textIn(call, "notes");
  if (notes !== undefined) volume.notes = notes;
  if (call.params["protected"] !== undefined) volume.protected = yesIn(call, "protected");
  return undefined;
}

/** Deletes a volume in a task; that it is protected only the task tells. */
function remove(call: Call): string {
  const { state } = call,
    given = textIn(call, "volume")!,
    storage = textIn(call, "storage")!;
  const volid = given.includes(":") ? given : `${storage}:${given}`,
    name = volid.slice(storage.length + 1);
  const volume = volumeAt(state, volid, call.node.name);
  requireVolume(call, storage, volume);
  const guest = volume?.vmid ?? /(\d+)/.exec(name)?.[1] ?? "";
  return startTask(call, "imgdel", `${guest}@${storage}`, async (worker) => {
    await worker.wait(state.pace.task / 2);
    const now = volumeAt(state, volid, call.node.name);
    if (now === undefined) throw failed(`volume '${volid}' does not exist`);
    if (now.protected === true) throw failed(`cannot remove protected volume '${name}' on '${storage}'`);
    for (const one of state.volumes.values())
      if (one.parent === volid) throw failed(`base volume '${name}' is still in use by linked cloned`);
    drop(state, now);
    worker.log(`Removed volume '${volid}'`);
  });
}

/** The marks of the backups on a storage, guest by guest. */
function marks(call: Call): ReturnType<typeof pruneMarks> {
  const storage = storageOf(call),
    rule = textIn(call, "prune-backups") ?? String(storage.config["prune-backups"] ?? "keep-all=1");
  const byGuest = new Map<string, Volume[]>();
  for (const volume of volumesOn(call.state, storage, call.node.name)) {
    if (volume.content !== "backup" || (numberIn(call, "vmid") ?? volume.vmid) !== volume.vmid) continue;
    if ((textIn(call, "type") ?? volume.subtype) !== volume.subtype) continue;
    const key = `${volume.subtype}/${volume.vmid}`;
    byGuest.set(key, [...(byGuest.get(key) ?? []), volume]);
  }
  return [...byGuest.values()].flatMap((volumes) => pruneMarks(volumes, rule));
}

const prune = (call: Call): string =>
  startTask(call, "prunebackups", `${numberIn(call, "vmid") ?? ""}@${textIn(call, "storage")!}`, async (worker) => {
    await worker.wait(call.state.pace.task / 2);
    for (const { volume, mark } of marks(call)) {
      if (mark !== "remove") continue;
      drop(call.state, volume);
      worker.log(`Removed volume '${volume.volid}'`);
    }
  });

/** Fetches an image or a template: a task that takes as long as its (made up) size. */
function download(call: Call): string {
  const { state } = call,
    storage = storageOf(call),
    filename = textIn(call, "filename")!,
    kind = textIn(call, "content")!;
  if (!isFiles(storage) || !takes(storage, kind)) throw failed(`storage '${storage.id}' is not configured for content-type '${kind}'`);
  return startTask(call, "download", filename, async (worker) => {
    const size = 400 * 1024 ** 2;
    worker.log(`downloading ${textIn(call, "url")!} to ${pathOf(storage)}/template/${kind}/${filename}`);
    await worker.wait(copyMs(state, size));
    if (freeOn(state, storage, call.node.name) < size) throw failed("download failed: No space left on device");
    keep(state, {
      volid: `${storage.id}:${kind}/${filename}`,
      storage: storage.id,
      node: isShared(storage) ? undefined : call.node.name,
      content: kind,
      format: filename.endsWith(".iso")
        ? "iso"
        : kind === "vztmpl"
          ? `t${filename.split(".").at(-1)}`
          : (filename.split(".").at(-1) ?? "raw"),
      size,
      used: size,
      ctime: seconds(state),
    });
  });
}

const pruning: Parameters = {
  "prune-backups": text(),
  type: oneOf("qemu", "lxc"),
  vmid: integer({ format: "pve-vmid", minimum: 100, maximum: 999_999_999 }),
};
const path = "/nodes/{node}/storage";

/** What storages hold. */
export const contentEndpoints: Endpoints = {
  [`GET ${path}/{storage}/content`]: endpoint(
    use,
    { content: text(), vmid: integer({ format: "pve-vmid", minimum: 100, maximum: 999_999_999 }) },
    content,
  ),
  [`GET ${path}/{storage}/content/{volume}`]: endpoint("all", {}, attributes),
  [`PUT ${path}/{storage}/content/{volume}`]: endpoint("all", { notes: text(), protected: flag }, change),
  [`DELETE ${path}/{storage}/content/{volume}`]: endpoint("all", { delay: integer({ minimum: 1, maximum: 30 }) }, remove),
  [`GET ${path}/{storage}/prunebackups`]: endpoint(use, pruning, (call) =>
    marks(call).map(({ volume, mark }) => ({ volid: volume.volid, ctime: volume.ctime, vmid: volume.vmid, type: volume.subtype, mark })),
  ),
  [`DELETE ${path}/{storage}/prunebackups`]: endpoint("all", pruning, prune),
  [`POST ${path}/{storage}/download-url`]: endpoint(
    need("/storage/{storage}", "Datastore.AllocateTemplate"),
    {
      url: must(text({ pattern: /https?:\/\/.*/ })),
      filename: must(text({ maxLength: 255 })),
      content: must(oneOf("iso", "vztmpl", "import")),
      checksum: text(),
      "checksum-algorithm": oneOf("md5", "sha1", "sha224", "sha256", "sha384", "sha512"),
      compression: text(),
      "verify-certificates": flag,
    },
    download,
  ),
};
