import { type Call, textIn, yesIn } from "./endpoint.ts";
import { storedValue } from "./guests/config.ts";
import { forget, wantedKeys } from "./guests/create.ts";
import { splitProperties } from "./property-strings.ts";
import { failed } from "./refused.ts";
import { type Config, type Guest, type GuestKind, word } from "./state.ts";
import type { Worker } from "./tasks.ts";
import { allocate, copyMs, formatting, isCloudInit, isFiles, sizeText, storageNamed, takes, volumeAt, volumeIdOf } from "./volumes.ts";

type Begin = (call: Call, kind: GuestKind, type: string, work: (guest: Guest, worker: Worker) => Promise<Config>) => Promise<string>;

/** The backup has to be there. */
export function checkRestore({ state, node }: Pick<Call, "state" | "node">, archive: string): void {
  storageNamed(state, archive.split(":")[0]!);
  if (volumeAt(state, archive, node.name) === undefined) throw failed(`volume '${archive}' does not exist`);
}

/** Makes a guest from a backup, or puts one back over itself with `force`. */
export async function restore(call: Call, kind: GuestKind, id: number, archive: string, begin: Begin): Promise<string> {
  const { state, node } = call,
    there = state.guests.get(id);
  if (there !== undefined) {
    if (!yesIn(call, "force")) throw failed(`${word(there.kind)} ${id} already exists on node '${there.node}'`);
    if (there.running) throw failed(kind === "lxc" ? "can't overwrite running container" : `unable to restore VM ${id} - VM is running`);
    if (there.kind !== kind || there.node !== node.name) throw failed(`${word(there.kind)} ${id} already exists on node '${there.node}'`);
    if (there.config["lock"] !== undefined) throw failed(`${word(kind)} is locked (${there.config["lock"]})`);
  }
  checkRestore(call, archive);
  const volume = volumeAt(state, archive, node.name)!,
    { saved } = volume;
  if (saved === undefined || saved.kind !== kind) throw failed(`unable to restore '${archive}': it is no backup of this kind`);
  const wanted = wantedKeys(kind, call.params),
    storage = textIn(call, "storage");
  if (storage !== undefined) storageNamed(state, storage, node.name);
  if (there !== undefined) forget(state, there);

  return begin(call, kind, kind === "lxc" ? "vzrestore" : "qmrestore", async (_, worker) => {
    const config: Config = { ...saved.config };
    worker.log(
      kind === "lxc"
        ? `recovering backed-up configuration from '${archive}'`
        : `restore vma archive: zstd -q -d -c ${archive} | vma extract -v -r - /var/tmp/vzdumptmp`,
    );
    await restoreDisks(call, kind, id, config, saved.sizes, storage, worker);
    if (kind === "lxc") {
      worker.log(`restoring '${archive}' now..`);
      worker.log("Total bytes read: 263710720 (252MiB, 220MiB/s)");
      worker.log("merging backed-up and given configuration..");
    }
    if (yesIn(call, "unique")) {
      for (const [key, value] of Object.entries(config))
        if (/^net\d+$/.test(key)) config[key] = withNewMac(kind, String(value), state.chance.mac);
      if (kind === "qemu") Object.assign(config, { smbios1: `uuid=${state.chance.uuid()}` });
    }
    if (kind === "qemu") config["vmgenid"] = state.chance.uuid();
    for (const [key, value] of Object.entries(wanted)) config[key] = storedValue(kind, key, value, state.chance.mac);
    return config;
  });
}

/** Makes the disks that the backup held, on the storage asked for or on the one they were on. */
async function restoreDisks(
  { state, node }: Call,
  kind: GuestKind,
  id: number,
  config: Config,
  sizes: Readonly<Record<string, number>>,
  storage: string | undefined,
  worker: Worker,
): Promise<void> {
  const keys = Object.keys(config).sort((a, b) => (a === "rootfs" ? -1 : b === "rootfs" ? 1 : a < b ? -1 : 1));
  for (const key of keys) {
    const size = sizes[key],
      value = String(config[key]),
      volid = volumeIdOf(config[key]);
    const cloudInit = volid !== undefined && isCloudInit(volid);
    if (size === undefined && !cloudInit) {
      if (volid !== undefined && /^(ide|sata|scsi|virtio|mp|unused)\d+$/.test(key) && !/media=cdrom/.test(value)) delete config[key];
      continue;
    }
    const target = storageNamed(state, storage ?? volid!.split(":")[0]!, node.name),
      content = kind === "lxc" ? "rootdir" : "images";
    if (!takes(target, content)) throw failed(`storage '${target.id}' does not support '${content}' content`);
    const made = allocate(state, target.id, node.name, id, {
      size: size ?? 4 * 1024 ** 2,
      content,
      format: isFiles(target) ? (/\.(qcow2|raw)$/.exec(volid!)?.[1] ?? "raw") : "raw",
      ...(cloudInit ? { name: `vm-${id}-cloudinit` } : {}),
    });
    if (kind === "qemu") {
      worker.log(formatting(target, made));
      worker.log(`new volume ID is '${made.volid}'`);
    } else worker.log(`Creating filesystem with ${Math.round(made.size / 4096)} 4k blocks`);
    await worker.wait(copyMs(state, made.size) / 4);
    const rest = value
      .split(",")
      .slice(1)
      .filter((part) => !part.startsWith("size="));
    config[key] = [made.volid, ...rest, `size=${sizeText(made.size)}`].join(",");
  }
}

/** A card with a new address, everything else as it was. */
export function withNewMac(kind: GuestKind, value: string, mac: () => string): string {
  if (kind === "lxc") {
    const { hwaddr: _, ...found } = splitProperties("lxc-net", value);
    return storedValue(
      kind,
      "net0",
      Object.entries(found)
        .map(([key, text]) => `${key}=${text}`)
        .join(","),
      mac,
    ) as string;
  }
  const { macaddr: _, model, ...found } = splitProperties("vm-net", value);
  return storedValue(kind, "net0", [model, ...Object.entries(found).map(([key, text]) => `${key}=${text}`)].join(","), mac) as string;
}
