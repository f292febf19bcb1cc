import type { Chance } from "./chance.ts";
import type { FileLocks } from "./locks.ts";
import type { Tasks } from "./tasks.ts";
import type { Time } from "./time.ts";

/** A value of a configuration as Proxmox VE keeps it. */
export type Value = string | number;
export type Config = Record<string, Value>;
export type GuestKind = "lxc" | "qemu";

export interface Snapshot {
  readonly config: Config;
  /** Seconds since the epoch. */
  readonly snaptime: number;
  description: string;
  readonly parent: string | undefined;
  /** Volume with the memory of a running VM. */
  readonly vmstate: string | undefined;
}

/** What pvestatd said last about a guest: /cluster/resources shows this, and not what is. */
export interface Broadcast {
  readonly status: string;
  readonly name: string;
  readonly figures: Figures;
}

/** How busy a guest is; bytes, seconds, share of its cores. */
export interface Figures {
  readonly cpu: number;
  readonly cpus: number;
  readonly mem: number;
  readonly maxmem: number;
  readonly disk: number;
  readonly maxdisk: number;
  readonly uptime: number;
  readonly netin: number;
  readonly netout: number;
  readonly diskread: number;
  readonly diskwrite: number;
}

/** The program inside a VM that answers the guest agent's calls. */
export interface Inside {
  readonly files: Map<string, Buffer>;
  readonly processes: Map<number, InsideProcess>;
  nextPid: number;
}

export interface InsideProcess {
  readonly endsAt: number;
  readonly out: string;
  readonly err: string;
  readonly exitcode: number | undefined;
  readonly signal: number | undefined;
}

export interface Guest {
  readonly id: number;
  readonly kind: GuestKind;
  /** Milliseconds since the epoch: others learn of a new guest a moment later. */
  readonly madeAt: number;
  node: string;
  config: Config;
  pending: Config;
  /** Keys that go at the next start, with whether their disk goes, too. */
  readonly pendingDelete: Map<string, boolean>;
  readonly snapshots: Map<string, Snapshot>;
  running: boolean;
  paused: boolean;
  /** Milliseconds since the epoch; of the last start, and from when on its agent answers. */
  startedAt: number;
  agentAt: number;
  pid: number;
  /** The system inside reacts to a request to shut down. */
  obeys: boolean;
  /** An agent runs inside a VM, once it has booted. */
  agent: boolean;
  readonly inside: Inside;
  seen: Broadcast | undefined;
  /** Node and tags as /cluster/resources has them, and since when something newer waits to show. */
  shown: { node: string; tags: Value | undefined } | undefined;
}

export interface Bridge extends Config {
  iface: string;
  type: string;
}

export interface Node {
  readonly name: string;
  readonly id: number;
  readonly address: string;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  readonly rootDisk: number;
  online: boolean;
  bootedAt: number;
  /** Since when it is not there. */
  lostAt: number;
  readonly network: Map<string, Bridge>;
  /** What is written to the interfaces file and not in force. */
  networkNew: Map<string, Bridge> | undefined;
  readonly fingerprint: string;
}

export interface Storage {
  readonly id: string;
  readonly config: Config;
  /** Bytes there are; of a shared one altogether, of another on each node. */
  readonly total: number;
  /** Bytes that something else than volumes fills, by node (`""` of a shared one). */
  readonly filled: Map<string, number>;
}

export interface Volume {
  readonly volid: string;
  readonly storage: string;
  /** Undefined on a shared storage. */
  readonly node: string | undefined;
  readonly content: string;
  readonly format: string;
  size: number;
  used: number;
  readonly ctime: number;
  readonly vmid?: number | undefined;
  /** Of a linked clone. */
  readonly parent?: string | undefined;
  readonly subtype?: string | undefined;
  notes?: string | undefined;
  protected?: boolean | undefined;
  /** The configuration in a backup. */
  readonly saved?: { readonly config: Config; readonly kind: GuestKind; readonly sizes: Readonly<Record<string, number>> } | undefined;
}

export interface Pool {
  readonly id: string;
  comment: string | undefined;
  readonly guests: Set<number>;
  readonly storages: Set<string>;
}

export interface Token {
  readonly secret: string;
  privsep: number;
  comment: string | undefined;
  expire: number;
}

export interface User {
  readonly id: string;
  password: string | undefined;
  enable: number;
  expire: number;
  comment: string | undefined;
  readonly tokens: Map<string, Token>;
}

export interface AclLine {
  readonly path: string;
  readonly type: "user" | "token" | "group";
  readonly ugid: string;
  readonly roleid: string;
  readonly propagate: number;
}

export interface HaResource {
  readonly sid: string;
  readonly type: "ct" | "vm";
  readonly id: number;
  config: Config;
  /** What the manager is at; undefined: it has not seen it yet. */
  state: string | undefined;
  /** Where the manager knows it to be, since it looked last. */
  node: string | undefined;
  /** Where a person asked it to go. */
  wantedNode: string | undefined;
  busy: boolean;
}

/** How long things take, in the cluster's milliseconds. */
export interface Pace {
  /** From a change until /cluster/resources shows status, name and memory, at most; and node and tags. */
  readonly stale: number;
  readonly staleConfig: number;
  /** A file lock is waited for this long. */
  readonly lockWait: number;
  /** A refused login is answered after this. */
  readonly refusal: number;
  /** A node that is down is given up after this. */
  readonly offline: number;
  /** The guest agent is given up after this. */
  readonly agentWait: number;
  /** A VM's agent answers this long after its start. */
  readonly boot: number;
  /** The HA manager looks this often. */
  readonly ha: number;
  /** What pvestatd of a lost node said last is forgotten after this. */
  readonly forget: number;
  /** A node that is told to reboot is back after this. */
  readonly reboot: number;
  /** Guests of a lost node are started elsewhere after this. */
  readonly fence: number;
  /** A write without quorum is refused after this. */
  readonly quorumWait: number;
  /** Bytes a second that copying a disk moves. */
  readonly copy: number;
  /** A task with nothing to copy, about. */
  readonly task: number;
  /** Until a worker process has begun its work. */
  readonly fork: number;
}

/** Everything that the pretend cluster is and knows. */
export interface State {
  readonly name: string;
  readonly version: { readonly version: string; readonly release: string; readonly repoid: string };
  readonly major: number;
  readonly time: Time;
  readonly chance: Chance;
  readonly pace: Pace;
  readonly nodes: Map<string, Node>;
  readonly guests: Map<number, Guest>;
  readonly storages: Map<string, Storage>;
  /** By `node|volid`; node is empty on a shared storage. */
  readonly volumes: Map<string, Volume>;
  readonly pools: Map<string, Pool>;
  readonly users: Map<string, User>;
  readonly roles: Map<string, readonly string[]>;
  acl: AclLine[];
  readonly ha: { readonly resources: Map<string, HaResource>; readonly groups: Map<string, Config>; readonly rules: Map<string, Config> };
  readonly jobs: Map<string, Config>;
  readonly options: Config;
  readonly tasks: Tasks;
  readonly locks: FileLocks;
  quorate: boolean;
  /** Called whenever a guest has changed. */
  changed: (guest: Guest) => void;
}

export const seconds = (state: State): number => Math.floor(state.time.now() / 1000);

/** Resolves after so many of the cluster's milliseconds. */
export const waitFor = (state: State, ms: number): Promise<void> => new Promise((done) => void state.time.after(ms, done));

/** "CT" or "VM" as messages have it. */
export const word = (kind: GuestKind): string => (kind === "lxc" ? "CT" : "VM");
export const tagsOf = (config: Config): Value | undefined => config["tags"];
/** Number of a guest's key, or what it is without. */
export const numberOf = (config: Config, key: string, otherwise: number): number =>
  config[key] === undefined ? otherwise : Number(config[key]);
