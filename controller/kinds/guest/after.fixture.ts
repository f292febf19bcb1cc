import { isDiskKey, isNetworkKey, parseSize, printSize, storageOf } from "../../../schemas/proxmox/properties.ts";
import type { GuestConfig, GuestFact } from "../../../schemas/verbs/proxmox/guest.ts";
import type { PlannedStep } from "../../core/model.ts";

type Parts = Readonly<Record<string, string>>;
type Value = GuestConfig[string];
type Input = Readonly<Record<string, unknown>> & {
  readonly guest: { readonly resource: string; readonly id?: number; readonly name: string };
};

/** The guest once its steps are done, as Proxmox VE does them: volumes get names, cards get addresses, and what waits for a start waits unless one comes. */
export function guestAfter(fact: GuestFact, steps: readonly PlannedStep[]): GuestFact {
  const started = steps.some(
    ({ action, input }) => action === "guest.restart" || (action === "guest.power" && (input as Input)["to"] === "running"),
  );
  return steps.reduce((now, step) => done(now, step, started), fact.exists ? { config: fact.next ?? {}, ...fact } : fact);
}

/** Each verb on a guest. `waits`: a start follows, until which values of a guest that runs are pending. */
function done(fact: GuestFact, { action, input }: PlannedStep, waits: boolean): GuestFact {
  const of = input as Input,
    text = (key: string): string => String(of[key]);
  switch (action) {
    case "guest.create":
      return madeOf(fact, of, { ...(fact.type === "container" ? { arch: "amd64", ostype: "debian" } : {}), ...valuesOf(of["config"]) });
    case "guest.clone":
      return madeOf(fact, of, clonedFrom(fact, of));
    case "guest.restore":
      return madeOf(fact, of, { memory: "1024", net0: { model: "virtio", macaddr: "BC:24:11:00:00:09", bridge: "vmbr0" } });
    case "guest.set":
      return set(fact, of, waits && fact.status === "running");
    case "guest.resize":
      return alter(fact, text("disk"), (disk) => ({ ...disk, size: printSize(of["size"] as number) }));
    case "guest.move-disk":
      return alter(fact, text("disk"), (disk) => ({ ...disk, volume: disk["volume"]!.replace(/^[^:]+/, text("storage")) }));
    case "guest.power":
      return of["to"] === "running" ? start(fact) : { ...fact, status: "stopped", config: fact.next ?? {} };
    case "guest.restart":
      return start(fact);
    case "guest.migrate":
      return { ...fact, node: text("node") };
    case "guest.snapshot":
      return { ...fact, snapshots: [...(fact.snapshots ?? []), { name: text("name") }] };
    case "guest.snapshot-remove":
      return { ...fact, snapshots: (fact.snapshots ?? []).filter(({ name }) => name !== of["name"]) };
    case "guest.rollback":
      return { ...fact, rolledBackAt: 2e14 };
    case "guest.template":
      return { ...fact, status: "stopped", template: true };
    case "guest.ha":
      return of["ha"] === null ? without(fact, "ha") : { ...fact, ha: { state: "started", ...fact.ha, ...(of["ha"] as object) } };
    case "guest.pool":
      return of["pool"] === null ? without(fact, "pool") : { ...fact, pool: text("pool") };
    case "guest.delete":
      return { exists: false, type: fact.type };
    default:
      throw new TypeError(`${action} is no verb of a guest`);
  }
}

const without = (fact: GuestFact, key: keyof GuestFact): GuestFact =>
  Object.fromEntries(Object.entries(fact).filter(([name]) => name !== key)) as GuestFact;

const start = (fact: GuestFact): GuestFact => ({ ...fact, status: "running", startedAt: 2e14, config: fact.next ?? {} });

const valuesOf = (values: unknown): Record<string, Value> =>
  Object.fromEntries(
    Object.entries((values ?? {}) as Record<string, Value | { secretRef: string }>).flatMap(([key, value]): [string, Value][] => {
      if (["password", "ssh-public-keys", "description"].includes(key)) return [];
      return [[key, key === "cipassword" || (typeof value === "object" && "secretRef" in value) ? "**********" : (value as Value)]];
    }),
  );

function madeOf({ type }: GuestFact, { guest, node, pool, config }: Input, values: Record<string, Value>): GuestFact {
  const id = guest.id ?? 117,
    description = String((config as Record<string, unknown> | undefined)?.["description"] ?? "");
  const next = Object.fromEntries(
    Object.entries({ ...values, [type === "vm" ? "name" : "hostname"]: guest.name }).map(([key, value]) => [
      key,
      stored(type, id, key, value),
    ]),
  );
  return {
    exists: true,
    type,
    id,
    name: guest.name,
    node: String(node),
    status: "stopped",
    owner: guest.resource,
    config: next,
    next,
    ...(description === "" ? {} : { description }),
    ...(pool === undefined ? {} : { pool: String(pool) }),
  };
}

/** What a clone brings whose origin nobody has looked at. */
const unseen = {
  container: { rootfs: { volume: "shared:101/vm-101-disk-0.raw", size: "2G" } },
  vm: { scsi0: { volume: "shared:9000/base.raw", size: "2G" } },
};

/** A clone has its origin's configuration, other addresses, and disks where it was told to have them. */
function clonedFrom({ origin, type }: GuestFact, { storage }: Input): Record<string, Value> {
  return Object.fromEntries(
    Object.entries((origin?.config ?? unseen[type]) as GuestConfig).map(([key, value]): [string, Value] => {
      if (typeof value === "string") return [key, value];
      if (isNetworkKey(key))
        return [key, Object.fromEntries(Object.entries(value).filter(([part]) => part !== "macaddr" && part !== "hwaddr"))];
      const lies =
        isDiskKey(key) && storage !== undefined && storageOf(value["volume"]) !== undefined && !value["volume"]?.includes(":iso/");
      return [key, lies ? { ...value, volume: value["volume"]!.replace(/^[^:]+/, String(storage)) } : value];
    }),
  );
}

/** A value as the configuration keeps it. */
function stored(type: GuestFact["type"], id: number, key: string, value: Value): Value {
  if (typeof value === "string") return value;
  if (isNetworkKey(key)) {
    const address = type === "vm" ? "macaddr" : "hwaddr";
    return { [address]: `BC:24:11:00:00:${key.replace("net", "").padStart(2, "0")}`, ...value };
  }
  return isDiskKey(key) ? made(id, key, value) : value;
}

function made(id: number, key: string, { volume = "", "import-from": image, ...parts }: Parts): Parts {
  const [, storage = "", size] = /^([^:]+):([\d.]+|cloudinit)$/.exec(volume) ?? [];
  if (size === undefined) return { volume, ...parts };
  if (size === "cloudinit") return { volume: `${storage}:vm-${id}-cloudinit`, ...parts, size: "4M" };
  const bytes = image === undefined ? Number(size) * 1024 ** 3 : 2 * 1024 ** 3;
  return { volume: `${storage}:vm-${id}-disk-${key}`, ...parts, size: key === "efidisk0" ? "4M" : printSize(Math.round(bytes)) };
}

function set(fact: GuestFact, of: Input, waits: boolean): GuestFact {
  const values = of["set"] as Readonly<Record<string, Value>> | undefined,
    next: Record<string, Value> = { ...fact.next };
  for (const [key, value] of Object.entries(valuesOf(values)))
    if (value === "") delete next[key];
    else next[key] = stored(fact.type, fact.id ?? 0, key, value);
  for (const [key, parts] of Object.entries((of["merge"] ?? {}) as Readonly<Record<string, Parts>>)) {
    const before = next[key] ?? {};
    next[key] = Object.fromEntries(
      Object.entries({ ...(typeof before === "object" ? before : {}), ...parts }).filter(([, text]) => text !== ""),
    );
  }
  for (const [key, value] of Object.entries(next)) if (typeof value === "object" && Object.keys(value).length === 0) delete next[key];
  for (const key of (of["remove"] ?? []) as readonly string[]) {
    const gone = next[key];
    delete next[key];
    if (isDiskKey(key) && typeof gone === "object" && gone["media"] !== "cdrom" && parseSize(gone["size"]) !== undefined)
      next[`unused${Object.keys(next).filter((one) => one.startsWith("unused")).length}`] = { volume: gone["volume"]! };
  }
  const name = next[fact.type === "vm" ? "name" : "hostname"];
  const changed = { ...fact, next, config: waits ? (fact.config ?? {}) : next, ...(typeof name === "string" ? { name } : {}) };
  if (values?.["description"] === undefined) return changed;
  return values["description"] === "" ? without(changed, "description") : { ...changed, description: String(values["description"]) };
}

/** A disk that is changed at once, in what runs and in what will. */
function alter(fact: GuestFact, key: string, how: (disk: Parts) => Parts): GuestFact {
  const on = (config: GuestConfig = {}): GuestConfig => (typeof config[key] === "object" ? { ...config, [key]: how(config[key]) } : config);
  return { ...fact, next: on(fact.next), config: on(fact.config) };
}
