import { formatted, integer, must, type Parameters, type Params, text } from "./parameters.ts";
import type { Permission, Who } from "./permissions.ts";
import { failed, wrong } from "./refused.ts";
import type { Guest, GuestKind, Node, State } from "./state.ts";
import type { Worker } from "./tasks.ts";

/** A request that has been let in and checked. */
export interface Call {
  readonly state: State;
  readonly who: Who;
  /** The node that the path names, or the one that was asked. */
  readonly node: Node;
  /** The one that was asked. */
  readonly via: Node;
  readonly params: Params;
  /** Names of what was sent beside the path, also where it was null. */
  readonly given: readonly string[];
}

/** One endpoint: what it takes, who may call it, what it does. */
export interface Endpoint {
  readonly parameters: Parameters;
  readonly permission: Permission;
  /** Needs no quorum although it changes something. */
  readonly withoutQuorum?: true | undefined;
  /** The version from which, and up to which, it is there. */
  readonly from?: number | undefined;
  readonly until?: number | undefined;
  readonly handle: (call: Call) => unknown;
}

/** Endpoints by `METHOD /path/{part}`. */
export type Endpoints = Readonly<Record<string, Endpoint>>;

/** An answer with more than data. */
export class Listed {
  readonly data: unknown;
  readonly total: number;
  constructor(data: unknown, total: number) {
    this.data = data;
    this.total = total;
  }
}

/** An answer that is text and not JSON. */
export class PlainText {
  readonly text: string;
  constructor(content: string) {
    this.text = content;
  }
}

/** What the parts of paths may be. */
export const pathParameters: Parameters = {
  node: must(formatted("pve-node")),
  vmid: must(integer({ minimum: 100, maximum: 999_999_999, format: "pve-vmid" })),
  snapname: must(formatted("pve-configid", { maxLength: 40 })),
  storage: must(formatted("pve-storage-id")),
  volume: must(text()),
  upid: must(text()),
  sid: must(formatted("pve-ha-resource-or-vm-id")),
  group: must(formatted("pve-configid")),
  rule: must(formatted("pve-configid")),
  poolid: must(formatted("pve-poolid")),
  iface: must(formatted("pve-iface", { minLength: 2, maxLength: 20 })),
  id: must(text({ maxLength: 50 })),
  userid: must(text({ maxLength: 64 })),
  tokenid: must(text()),
};

/** Makes an endpoint that takes what its path names and the parameters given. */
export const endpoint = (
  permission: Permission,
  parameters: Parameters,
  handle: Endpoint["handle"],
  more: Pick<Endpoint, "withoutQuorum" | "from" | "until"> = {},
): Endpoint => ({ permission, parameters, handle, ...more });

export const textIn = ({ params }: Pick<Call, "params">, name: string): string | undefined =>
  params[name] === undefined ? undefined : String(params[name] as string);
export const numberIn = ({ params }: Pick<Call, "params">, name: string): number | undefined =>
  params[name] === undefined ? undefined : Number(params[name]);
export const yesIn = ({ params }: Pick<Call, "params">, name: string): boolean => params[name] === 1;
/** The parts of a list with commas, semicolons or blanks between them. */
export const listIn = (call: Pick<Call, "params">, name: string): string[] =>
  (textIn(call, name) ?? "").split(/[,;\s]+/).filter((part) => part !== "");

/** Starts a task on the node of the call, in the name of its caller; answers its UPID. */
export const startTask = (call: Call, type: string, id: string | number, work: (worker: Worker) => Promise<void>): string =>
  call.state.tasks.start({ node: call.node.name, type, id: String(id), user: call.who.id }, work);

export const configPath = (node: string, kind: GuestKind, id: number): string =>
  `nodes/${node}/${kind === "lxc" ? "lxc" : "qemu-server"}/${id}.conf`;

/** The guest of a path, or the refusal that Proxmox VE gives where it is not of this kind on this node. */
export function guestAt({ state, node }: Pick<Call, "state" | "node">, kind: GuestKind, id: number): Guest {
  const guest = state.guests.get(id);
  if (guest === undefined || guest.kind !== kind || guest.node !== node.name)
    throw failed(`Configuration file '${configPath(node.name, kind, id)}' does not exist`);
  return guest;
}

export const guestOf = (call: Call, kind: GuestKind): Guest => guestAt(call, kind, Number(call.params["vmid"]));

/** Only root itself may skip a lock. */
export function refuseSkiplock(call: Call): void {
  if (yesIn(call, "skiplock") && !call.who.isRoot) throw wrong({ skiplock: "Only root may use this option." });
}
