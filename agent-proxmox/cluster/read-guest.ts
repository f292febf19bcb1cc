import { error, ProblemError } from "../../schemas/problem.ts";
import type { GuestFact, GuestRef, Snapshot } from "../../schemas/verbs/proxmox/guest.ts";
import type { PveClient } from "../pve/client.ts";
import { type PendingLine, readDescription, readPending } from "../pve/guest-config.ts";
import { PveError } from "../pve/pve-error.ts";
import { guestPath, type PlacedGuest } from "../pve/rows.ts";
import { type KnownGuests, readGuests, resolveGuest } from "./resolve.ts";
import type { RunningTasks } from "./running-tasks.ts";

interface Current {
  readonly status: string;
  readonly qmpstatus?: string;
  readonly uptime?: number;
  readonly lock?: string;
  readonly ha?: { readonly managed?: number; readonly state?: string };
}

interface SnapshotLine {
  readonly name: string;
  readonly snaptime?: number;
  readonly parent?: string;
  readonly description?: string;
  readonly vmstate?: number;
}

export interface ReadNeeds {
  readonly client: PveClient;
  readonly known: KnownGuests;
  readonly tasks: RunningTasks;
  readonly now: () => number;
  /** The moment of a start as it was told before, so that whole seconds of uptime do not make it wander. */
  readonly startedBefore: (id: number) => number | undefined;
  readonly rolledBackAt: (id: number) => number | undefined;
  /** Nodes that do not answer: what is on them is not known. */
  readonly offline: (node: string) => boolean;
}

/** What is asked about one guest. */
type GuestAsk = GuestRef & {
  readonly volumes?: readonly string[] | undefined;
  readonly origin?: number | GuestRef | undefined;
};

/** Reads one guest as it is now. A guest on a node that does not answer is unknown, never missing. */
export async function readGuest(input: GuestAsk, needs: ReadNeeds, signal: AbortSignal): Promise<GuestFact> {
  const { client } = needs;
  for (let attempt = 0; ; attempt += 1) {
    const guests = await readGuests(client, signal),
      found = resolveGuest(input, guests, needs.known);
    if (found.is === "missing") return missing(input, guests, found.taken, needs, signal);
    if (needs.offline(found.guest.node))
      throw new ProblemError(
        error("node/offline", `Unable to tell how guest ${found.guest.id} is: node ${found.guest.node} does not answer`, {
          retry: "later",
          hint: "Bring the node back, or wait until HA has moved the guest.",
        }),
      );
    try {
      return await present(found.guest, found.sameName, needs, signal);
    } catch (failure) {
      // It moved, or went, while it was read: lists are up to ten seconds old.
      if (!(failure instanceof PveError) || failure.kind !== "missing" || attempt >= 2) throw failure;
    }
  }
}

async function missing(
  input: GuestAsk,
  guests: readonly PlacedGuest[],
  taken: PlacedGuest | undefined,
  needs: ReadNeeds,
  signal: AbortSignal,
): Promise<GuestFact> {
  const status = (await needs.client.request("GET", "/cluster/status", {}, { signal })) as {
    type: string;
    quorate?: number;
    online?: number;
  }[];
  const quorate = status.find((line) => line.type === "cluster")?.quorate ?? 1;
  // Without quorum lists may lack guests: that must never look like a guest that is not there.
  if (quorate !== 1)
    throw new ProblemError(
      error("cluster/no-quorum", `Unable to tell whether ${input.resource} exists: the cluster has no quorum`, { retry: "later" }),
    );
  const remembered = input.id ?? needs.known.madeFor(input.resource);
  if (taken === undefined && remembered !== undefined && !(await isFree(remembered, needs.client, signal)))
    throw new ProblemError(
      error(
        "guest/hidden",
        `Unable to tell how guest ${remembered} of ${input.resource} is: it exists, and the cluster does not list it to us`,
        {
          retry: "later",
          hint: "Give the agent's token VM.Audit for it. A guest that was made a moment ago is listed soon.",
        },
      ),
    );
  const volumes = input.volumes === undefined ? undefined : await lookFor(input.volumes, needs.client, signal);
  const origin = input.origin === undefined ? undefined : await readOrigin(input.origin, guests, needs, signal);
  return {
    exists: false,
    type: input.type,
    ...(origin === undefined ? {} : { origin }),
    ...(taken === undefined ? {} : { taken: { type: taken.type, name: taken.name, node: taken.node } }),
    ...(volumes === undefined ? {} : { volumes }),
    ...(needs.tasks.of(input.id) === undefined ? {} : { changing: true, task: needs.tasks.of(input.id)! }),
  };
}

/** Whether no guest has a number: lists leave out guests that a token may not see, and this tells of them all. */
async function isFree(id: number, client: PveClient, signal: AbortSignal): Promise<boolean> {
  try {
    await client.request("GET", "/cluster/nextid", { vmid: id }, { signal });
    return true;
  } catch (failure) {
    if (failure instanceof PveError && failure.kind === "parameter" && /already exists/.test(failure.parameters["vmid"] ?? failure.message))
      return false;
    throw failure;
  }
}

/** The guest that a clone is to be made of. */
async function readOrigin(
  from: number | GuestRef,
  guests: readonly PlacedGuest[],
  { client, known }: ReadNeeds,
  signal: AbortSignal,
): Promise<NonNullable<GuestFact["origin"]> | null> {
  const found =
    typeof from === "number"
      ? guests.find(({ id }) => id === from)
      : ((resolved) => (resolved.is === "found" ? resolved.guest : undefined))(resolveGuest(from, guests, known));
  if (found === undefined) return null;
  const { id, type, name, node, template } = found;
  const lines = (await client.request("GET", `${guestPath(found)}/pending`, {}, { signal })) as PendingLine[];
  return { id, type, name, node, ...(template === true ? { template } : {}), config: without(readPending(type, lines).next, "template") };
}

async function present(
  guest: PlacedGuest,
  sameName: readonly number[],
  { client, tasks, now, startedBefore, rolledBackAt }: ReadNeeds,
  signal: AbortSignal,
): Promise<GuestFact> {
  const path = guestPath(guest),
    get = (below: string) => client.request("GET", `${path}${below}`, {}, { signal });
  const [current, lines] = (await Promise.all([get("/status/current"), get("/pending")])) as [Current, PendingLine[]];
  const { config, next, description, parent } = readPending(guest.type, lines);
  const lock = current.lock ?? lockOf(lines),
    running = current.status === "running",
    said = readDescription(description, guest.id),
    task = tasks.of(guest.id),
    name = (guest.type === "vm" ? config["name"] : config["hostname"]) ?? guest.name;
  const snapshots = parent === undefined ? undefined : await readSnapshots(client, path, signal);
  const ha = current.ha?.managed === 1 ? await readHa(client, guest, current.ha.state, signal) : undefined;
  const rolledBack = rolledBackAt(guest.id);
  return {
    exists: true,
    type: guest.type,
    id: guest.id,
    name: String(name),
    node: guest.node,
    status: statusOf(current),
    ...(config["template"] === "1" || guest.template === true ? { template: true } : {}),
    ...(lock === undefined ? {} : { lock }),
    ...(running && current.uptime !== undefined ? { startedAt: startOf(now() - current.uptime * 1000, startedBefore(guest.id)) } : {}),
    config: without(config, "template"),
    next: without(next, "template"),
    ...(snapshots === undefined ? {} : { snapshots }),
    ...(rolledBack === undefined ? {} : { rolledBackAt: rolledBack }),
    ...(guest.pool === undefined ? {} : { pool: guest.pool }),
    ...(ha === undefined ? {} : { ha }),
    ...(said.description === "" ? {} : { description: said.description }),
    ...(said.owner === undefined ? {} : { owner: said.owner }),
    ...(sameName.length === 0 ? {} : { sameName: [...sameName] }),
    ...(lock === undefined && task === undefined ? {} : { changing: true }),
    ...(task === undefined ? {} : { task }),
  };
}

const without = <T extends object>(of: T, key: string): T => Object.fromEntries(Object.entries(of).filter(([name]) => name !== key)) as T;
const lockOf = (lines: readonly PendingLine[]): string | undefined => lines.find(({ key }) => key === "lock")?.value as string | undefined;

const statusOf = ({ status, qmpstatus }: Current): NonNullable<GuestFact["status"]> => {
  if (status === "running" && qmpstatus === "paused") return "paused";
  if (status === "running" && qmpstatus === "suspended") return "suspended";
  return status === "running" || status === "stopped" ? status : "unknown";
};

/** Uptime is told in whole seconds: the same start is told as the same moment. */
const startOf = (computed: number, before: number | undefined): number =>
  before !== undefined && Math.abs(before - computed) < 5000 ? before : Math.round(computed);

async function readSnapshots(client: PveClient, path: string, signal: AbortSignal): Promise<Snapshot[]> {
  const lines = (await client.request("GET", `${path}/snapshot`, {}, { signal })) as SnapshotLine[];
  return lines
    .filter(({ name }) => name !== "current")
    .map(({ name, snaptime, parent, description, vmstate }) => ({
      name,
      ...(snaptime === undefined ? {} : { at: snaptime * 1000 }),
      ...(parent === undefined ? {} : { parent }),
      ...(description === undefined ? {} : { description: description.trimEnd() }),
      ...(vmstate === 1 ? { ram: true } : {}),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function readHa(
  client: PveClient,
  guest: PlacedGuest,
  now: string | undefined,
  signal: AbortSignal,
): Promise<NonNullable<GuestFact["ha"]>> {
  const sid = `${guest.type === "vm" ? "vm" : "ct"}:${guest.id}`;
  const found = (await client.request("GET", `/cluster/ha/resources/${sid}`, {}, { signal })) as {
    state?: string;
    group?: string;
    max_restart?: number;
    max_relocate?: number;
    comment?: string;
  };
  return {
    state: found.state ?? "started",
    ...(now === undefined ? {} : { now }),
    ...(found.group === undefined ? {} : { group: found.group }),
    ...(found.max_restart === undefined ? {} : { maxRestart: found.max_restart }),
    ...(found.max_relocate === undefined ? {} : { maxRelocate: found.max_relocate }),
    ...(found.comment === undefined ? {} : { comment: found.comment }),
  };
}

/** Whether volumes are there, on some node that has their storage. */
async function lookFor(volumes: readonly string[], client: PveClient, signal: AbortSignal): Promise<NonNullable<GuestFact["volumes"]>> {
  const found: NonNullable<GuestFact["volumes"]> = {};
  const lines = (await client.request("GET", "/cluster/resources", { type: "storage" }, { signal })) as {
    storage: string;
    node: string;
    status: string;
  }[];
  for (const volume of volumes) {
    const storage = volume.slice(0, volume.indexOf(":"));
    found[volume] = null;
    for (const { node } of lines.filter((line) => line.storage === storage && line.status === "available")) {
      const content = (await client.request("GET", `/nodes/${node}/storage/${storage}/content`, {}, { signal })) as {
        volid: string;
        size?: number;
        format?: string;
      }[];
      const mine = content.find(({ volid }) => volid === volume);
      if (mine === undefined) continue;
      found[volume] = { size: mine.size ?? 0, ...(mine.format === undefined ? {} : { format: mine.format }) };
      break;
    }
  }
  return found;
}
