import { type Call, endpoint, type Endpoints, listIn, startTask, textIn, yesIn } from "./endpoint.ts";
import { checkLock, isTemplate, nameOf } from "./guests/config.ts";
import { goesDown, goesUp } from "./guests/running.ts";
import { each, flag, formatted, integer, many, must, oneOf, type Parameters, text } from "./parameters.ts";
import { requireAny } from "./permissions.ts";
import { failed, textOf } from "./refused.ts";
import { type Guest, type State, type Storage } from "./state.ts";
import type { Worker } from "./tasks.ts";
import {
  copyMs,
  disksOf,
  drop,
  freeOn,
  isCdrom,
  isShared,
  keep,
  pathOf,
  sizeText,
  storageNamed,
  takes,
  volumeAt,
  volumesOn,
} from "./volumes.ts";
import { pruneMarks } from "./prune.ts";

/** How backups are made. */
interface Job {
  readonly storage: Storage;
  readonly mode: string;
  readonly compress: string;
  readonly notes: string | undefined;
  readonly protected: boolean;
  readonly prune: string | undefined;
  readonly bwlimit: number;
}

const stamp = (ms: number): string => new Date(ms).toISOString().slice(0, 19);
const endings: Readonly<Record<string, string>> = { zstd: ".zst", gzip: ".gz", lzo: ".lzo", "1": ".lzo", "0": "" };

/** The guests that a job means, those of this node. */
function guestsOf(call: Call): { readonly ids: number[]; readonly single: string } {
  const { state, node } = call,
    excluded = new Set(listIn(call, "exclude").map(Number)),
    pool = textIn(call, "pool");
  const named = listIn(call, "vmid").map(Number);
  if (named.length > 0) return { ids: named, single: named.length === 1 ? String(named[0]) : "" };
  const members = pool === undefined ? undefined : state.pools.get(pool)?.guests;
  const ids = [...state.guests.values()]
    .filter((guest) => guest.node === node.name && !isTemplate(guest) && !excluded.has(guest.id))
    .filter((guest) => pool === undefined || members?.has(guest.id) === true)
    .map(({ id }) => id);
  return { ids, single: "" };
}

function vzdump(call: Call): string {
  const { state, who, node } = call,
    storageId = textIn(call, "storage") ?? "local",
    { ids, single } = guestsOf(call);
  if (textIn(call, "storage") !== undefined) requireAny(state, who, `/storage/${storageId}`, "Datastore.AllocateSpace");
  for (const id of ids) if (state.guests.has(id)) requireAny(state, who, `/vms/${id}`, "VM.Backup");
  const said = Object.entries(call.params)
    .filter(([key]) => key !== "vmid")
    .map(([key, value]) => `--${key} ${key === "notes-template" ? `'${String(value as string)}'` : String(value as string)}`);
  return startTask(call, "vzdump", single, async (worker) => {
    await worker.lock("/var/run/vzdump.lock" + node.name, state.pace.lockWait * 360, async () => {
      const storage = state.storages.get(storageId);
      if (storage === undefined || !takes(storage, "backup"))
        throw failed(
          storage === undefined
            ? `could not get storage information for '${storageId}': storage '${storageId}' does not exist`
            : `could not get storage information for '${storageId}': can't use storage '${storageId}' for backups - wrong content type`,
        );
      worker.log(`INFO: starting new backup job: vzdump ${ids.join(" ")} ${said.join(" ")} --node ${node.name}`.replace(/ +/g, " "));
      const job: Job = {
        storage,
        mode: textIn(call, "mode") ?? "snapshot",
        compress: textIn(call, "compress") ?? "0",
        notes: textIn(call, "notes-template"),
        protected: yesIn(call, "protected"),
        prune: textIn(call, "prune-backups"),
        bwlimit: Number(call.params["bwlimit"] ?? 0),
      };
      const elsewhere = ids.filter((id) => (state.guests.get(id)?.node ?? node.name) !== node.name);
      if (elsewhere.length > 0) worker.log(`INFO: skip external VMs: ${elsewhere.join(", ")}`);
      let errors = 0;
      for (const id of ids) if (!elsewhere.includes(id) && !(await one(state, node.name, id, job, worker))) errors += 1;
      if (errors > 0) {
        worker.log("INFO: Backup job finished with errors");
        throw failed("job errors");
      }
      worker.log("INFO: Backup job finished successfully");
    });
  });
}

/** One guest; what goes wrong is logged, and the job goes on with the next one. */
async function one(state: State, node: string, id: number, job: Job, worker: Worker): Promise<boolean> {
  const guest = state.guests.get(id);
  try {
    if (guest === undefined || guest.node !== node) throw failed(`unable to find VM '${id}'`);
    worker.log(`INFO: Starting Backup of VM ${id} (${guest.kind})`);
    worker.log(`INFO: Backup started at ${stamp(state.time.now()).replace("T", " ")}`);
    worker.log(`INFO: status = ${guest.running ? "running" : "stopped"}`);
    checkLock(guest);
    await save(state, guest, job, worker);
    return true;
  } catch (refusal) {
    worker.log(
      `ERROR: Backup of VM ${id} failed - ${textOf(refusal) === "received interrupt" ? "interrupted by signal" : textOf(refusal)}`,
    );
    worker.log(`INFO: Failed at ${stamp(state.time.now()).replace("T", " ")}`);
    return false;
  }
}

async function save(state: State, guest: Guest, job: Job, worker: Worker): Promise<void> {
  const { storage } = job,
    began = state.time.now(),
    mode = guest.running ? job.mode : "stop";
  worker.log(`INFO: backup mode: ${mode}`);
  if (job.bwlimit > 0) worker.log(`INFO: bandwidth limit: ${job.bwlimit} KiB/s`);
  worker.log(`INFO: ${guest.kind === "lxc" ? "CT" : "VM"} Name: ${nameOf(guest)}`);
  const disks = disksOf(guest.config).filter(({ key, value }) => included(guest, key, value));
  const sizes = Object.fromEntries(disks.map(({ key, volid }) => [key, volumeAt(state, volid, guest.node)?.size ?? 0])),
    bytes = disks.reduce((sum, { volid }) => sum + (volumeAt(state, volid, guest.node)?.used ?? 0), 0);
  for (const { key, volid } of disks)
    worker.log(
      guest.kind === "lxc"
        ? `INFO: including mount point ${key} in backup`
        : `INFO: include disk '${key}' '${volid}' ${sizeText(sizes[key]!)}`,
    );
  const stopped = mode === "stop" && guest.running;
  const { lock: _, ...config } = guest.config;
  guest.config["lock"] = "backup";
  state.changed(guest);
  try {
    if (stopped) {
      worker.log("INFO: stopping virtual guest");
      await worker.wait(state.pace.task);
      goesDown(state, guest);
    }
    const name = `vzdump-${guest.kind}-${guest.id}-${fileStamp(began)}`,
      ending = guest.kind === "lxc" ? "tar" : "vma",
      file = `${name}.${ending}${endings[job.compress] ?? ""}`;
    worker.log(`INFO: creating vzdump archive '${pathOf(storage)}/dump/${file}'`);
    const size = Math.round(bytes * (job.compress === "0" ? 1 : 0.35));
    await worker.wait(Math.max(state.pace.task, job.bwlimit > 0 ? (bytes / (job.bwlimit * 1024)) * 1000 : copyMs(state, bytes)));
    if (freeOn(state, storage, guest.node) < size) {
      const left = freeOn(state, storage, guest.node);
      worker.log(`INFO: Total bytes written: ${left} (?/s)`);
      worker.log("INFO: tar: -: Cannot write: No space left on device");
      throw failed("command 'set -o pipefail && tar' failed: exit code 2");
    }
    worker.log(`INFO: archive file size: ${Math.max(1, Math.round(size / 1024 ** 2))}MB`);
    keep(state, {
      volid: `${storage.id}:backup/${storage.config["type"] === "pbs" ? `${guest.kind === "lxc" ? "ct" : "vm"}/${guest.id}/${stamp(began)}Z` : file}`,
      storage: storage.id,
      node: isShared(storage) ? undefined : guest.node,
      content: "backup",
      format: storage.config["type"] === "pbs" ? `pbs-${guest.kind === "lxc" ? "ct" : "vm"}` : `${ending}${endings[job.compress] ?? ""}`,
      size,
      used: size,
      ctime: Math.floor(began / 1000),
      vmid: guest.id,
      subtype: guest.kind,
      notes: noteOf(job.notes, guest),
      protected: job.protected,
      saved: { config, kind: guest.kind, sizes },
    });
    prune(state, guest, job, worker);
    worker.log(
      `INFO: Finished Backup of VM ${guest.id} (00:00:${String(Math.min(59, Math.round((state.time.now() - began) / 1000))).padStart(2, "0")})`,
    );
  } finally {
    delete guest.config["lock"];
    if (stopped && !guest.running) goesUp(state, guest);
    state.changed(guest);
  }
}

/** Mount points have to say that they are wanted; drives that they are not. */
const included = (guest: Guest, key: string, value: string): boolean => {
  if (key.startsWith("unused") || isCdrom(value)) return false;
  return guest.kind === "lxc" ? key === "rootfs" || /(^|,)backup=1/.test(value) : !/(^|,)backup=0/.test(value);
};

const fileStamp = (ms: number): string => stamp(ms).replaceAll("-", "_").replace("T", "-").replaceAll(":", "_");
const noteOf = (template: string | undefined, guest: Guest): string | undefined =>
  template
    ?.replaceAll("{{guestname}}", nameOf(guest))
    .replaceAll("{{vmid}}", String(guest.id))
    .replaceAll("{{node}}", guest.node)
    .replaceAll("{{cluster}}", "");

function prune(state: State, guest: Guest, job: Job, worker: Worker): void {
  const rule = job.prune ?? String(job.storage.config["prune-backups"] ?? "keep-all=1");
  const mine = volumesOn(state, job.storage, guest.node).filter((volume) => volume.content === "backup" && volume.vmid === guest.id);
  for (const { volume, mark } of pruneMarks(mine, rule)) {
    if (mark !== "remove") continue;
    worker.log(`INFO: removing backup '${volume.volid}'`);
    drop(state, volume);
  }
}

/** The configuration in a backup, as the file has it. */
function extractConfig(call: Call): string {
  const volid = textIn(call, "volume")!,
    volume = volumeAt(call.state, volid, call.node.name);
  storageNamed(call.state, volid.split(":")[0]!);
  if (volume?.saved === undefined) throw failed(`volume '${volid}' does not exist`);
  const { description, ...config } = volume.saved.config;
  const head = String(description ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => `#${encodeURIComponent(line).replaceAll("%20", " ")}\n`);
  const lines = Object.entries(config)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}: ${value}\n`);
  return [...head, ...lines].join("");
}

const list = (name: "pve-vmid-list" | "pve-node"): Parameters[string] => formatted(name);
/** What every backup may be told. */
export const backupParameters: Parameters = {
  ...each("all protected quiet remove stdexcludes stop", flag),
  ...each("dumpdir fleecing mailto performance pool prune-backups script tmpdir", text()),
  bwlimit: integer({ minimum: 0 }),
  compress: oneOf("0", "1", "gzip", "lzo", "zstd"),
  exclude: list("pve-vmid-list")!,
  "exclude-path": many(),
  ionice: integer({ minimum: 0, maximum: 8 }),
  lockwait: integer({ minimum: 0 }),
  mailnotification: oneOf("always", "failure"),
  mode: oneOf("snapshot", "suspend", "stop"),
  "notes-template": text({ maxLength: 1024 }),
  "notification-mode": oneOf("auto", "legacy-sendmail", "notification-system"),
  "pbs-change-detection-mode": oneOf("legacy", "data", "metadata"),
  pigz: integer(),
  stopwait: integer({ minimum: 0 }),
  storage: formatted("pve-storage-id"),
  vmid: list("pve-vmid-list")!,
  zstd: integer(),
};
/** Backups: made now, looked into. */
export const backupEndpoints: Endpoints = {
  "POST /nodes/{node}/vzdump": endpoint("all", { ...backupParameters, "job-id": text({ maxLength: 50 }), stdout: flag }, vzdump),
  "GET /nodes/{node}/vzdump/extractconfig": endpoint("all", { volume: must(text()) }, extractConfig),
};
