import { digestOf } from "./chance.ts";
import { type Call, endpoint, type Endpoints, listIn, textIn } from "./endpoint.ts";
import { each, flag, formatted, integer, must, oneOf, type Parameters, text } from "./parameters.ts";
import { may, need } from "./permissions.ts";
import { failed, wrong } from "./refused.ts";
import { type Config, type State, type Storage } from "./state.ts";
import { drop, isShared, onNode, storageNamed, takes, usedOn } from "./volumes.ts";

const digestOfStorages = (state: State): string => digestOf(JSON.stringify([...state.storages].map(([id, { config }]) => [id, config])));
const shown = (state: State, { id, config }: Storage): object => ({ storage: id, ...config, digest: digestOfStorages(state) });

/** How full a storage is on a node. */
export function spaceOf(state: State, storage: Storage, node: string): Record<string, unknown> {
  const used = usedOn(state, storage, node);
  return {
    type: storage.config["type"],
    content: storage.config["content"],
    shared: isShared(storage) ? 1 : 0,
    enabled: storage.config["disable"] === 1 ? 0 : 1,
    active: onNode(storage, node) ? 1 : 0,
    total: storage.total,
    used,
    avail: storage.total - used,
  };
}

/** Who may look into a storage. */
export const mayUse = ({ state, who }: Call, id: string): boolean =>
  may(state, who, `/storage/${id}`, "Datastore.Audit", "Datastore.AllocateSpace");

function onNodeList(call: Call): object[] {
  const { state, node } = call,
    contents = listIn(call, "content"),
    target = textIn(call, "target");
  return [...state.storages.values()]
    .filter((storage) => (textIn(call, "storage") ?? storage.id) === storage.id && onNode(storage, node.name) && mayUse(call, storage.id))
    .filter((storage) => contents.every((content) => takes(storage, content)))
    .filter((storage) => target === undefined || target === node.name || (isShared(storage) && onNode(storage, target)))
    .map((storage) => {
      const space = spaceOf(state, storage, node.name);
      return { storage: storage.id, ...space, used_fraction: Number(space["used"]) / storage.total };
    });
}

/** The storage of a path, which has to be on the node. */
export function storageOf(call: Call): Storage {
  const storage = call.state.storages.get(textIn(call, "storage")!);
  if (storage === undefined || !onNode(storage, call.node.name)) throw wrong({ storage: "No such storage." });
  return storage;
}

function create(call: Call): object {
  const id = textIn(call, "storage")!,
    type = textIn(call, "type")!;
  if (call.state.storages.has(id)) throw failed(`create storage failed: storage ID '${id}' already defined`);
  if ((type === "dir" || type === "btrfs") && textIn(call, "path") === undefined)
    throw wrong({ path: "property is missing and it is not optional" });
  const { storage: _, password: __, ...config } = call.params;
  const shared = type === "nfs" || type === "cifs" || config["shared"] === 1 ? { shared: 1 } : {};
  call.state.storages.set(id, {
    id,
    config: { content: "images,rootdir", ...(config as Config), ...shared },
    total: sizeOf(id),
    filled: new Map(),
  });
  return { storage: id, type };
}

/** A new storage has as much room as its name says (`tiny`), else 1 TB. */
const sizeOf = (id: string): number => (id === "tiny" ? 125_829_120 : 10 ** 12);

function update(call: Call): object {
  const storage = storageNamed(call.state, textIn(call, "storage")!),
    { storage: _, delete: __, digest, ...values } = call.params;
  if (digest !== undefined && digest !== digestOfStorages(call.state))
    throw failed("update storage failed: detected modified configuration - file changed by other user? Try again.");
  Object.assign(storage.config, values);
  for (const key of listIn(call, "delete")) delete storage.config[key];
  return { storage: storage.id, type: storage.config["type"] };
}

function removeStorage(call: Call): undefined {
  const id = textIn(call, "storage")!;
  storageNamed(call.state, id);
  call.state.storages.delete(id);
  for (const volume of call.state.volumes.values()) if (volume.storage === id) drop(call.state, volume);
  return undefined;
}

/** What looking into a storage needs. */
export const use = need("/storage/{storage}", "Datastore.Audit", "Datastore.AllocateSpace"),
  allocateAll = need("/storage", "Datastore.Allocate");
const types = "btrfs cephfs cifs dir esxi iscsi iscsidirect lvm lvmthin nfs pbs rbd zfs zfspool".split(" ");
const settings: Parameters = {
  ...each(
    "content nodes prune-backups preallocation options format bwlimit is_mountpoint content-dirs namespace fingerprint subdir password username pool mountpoint blocksize domain smbversion monhost encryption-key",
    text(),
  ),
  ...each("disable shared mkdir krbd sparse create-base-path create-subdirs saferemove tagged_only nocow", flag),
  server: text(),
  port: integer({ minimum: 1, maximum: 65_535 }),
  "max-protected-backups": integer({ minimum: -1 }),
};
const path = "/nodes/{node}/storage";

/** Storages and what they hold. */
export const storageEndpoints: Endpoints = {
  "GET /storage": endpoint("all", { type: oneOf(...types) }, (call) =>
    [...call.state.storages.values()]
      .filter((storage) => (textIn(call, "type") ?? storage.config["type"]) === storage.config["type"] && mayUse(call, storage.id))
      .map((storage) => shown(call.state, storage)),
  ),
  "POST /storage": endpoint(
    allocateAll,
    {
      ...settings,
      ...each("path export share datastore vgname thinpool portal target base", text()),
      storage: must(formatted("pve-storage-id")),
      type: must(oneOf(...types)),
    },
    create,
  ),
  "GET /storage/{storage}": endpoint(need("/storage/{storage}", "Datastore.Allocate"), {}, (call) =>
    shown(call.state, storageNamed(call.state, textIn(call, "storage")!)),
  ),
  "PUT /storage/{storage}": endpoint(
    allocateAll,
    { ...settings, delete: formatted("pve-configid-list", { maxLength: 4096 }), digest: text({ maxLength: 64 }) },
    update,
  ),
  "DELETE /storage/{storage}": endpoint(allocateAll, {}, removeStorage),
  [`GET ${path}`]: endpoint(
    "all",
    { content: text(), enabled: flag, format: flag, storage: formatted("pve-storage-id"), target: formatted("pve-node") },
    onNodeList,
  ),
  [`GET ${path}/{storage}/status`]: endpoint(use, {}, (call) => spaceOf(call.state, storageOf(call), call.node.name)),
};
