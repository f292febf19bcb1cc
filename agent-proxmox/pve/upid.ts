/** A task of Proxmox VE: who runs it, where, since when. `startedAt`: milliseconds since the epoch. */
export interface Upid {
  readonly upid: string;
  readonly node: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly type: string;
  /** The guest's number for tasks of guests; empty for others. */
  readonly id: string;
  /** `root@pam`, or `root@pam!token`. */
  readonly user: string;
}

const form = /^UPID:([A-Za-z0-9][A-Za-z0-9.-]*):([0-9A-F]{8}):([0-9A-F]{8,9}):([0-9A-F]{8}):([^:\s]+):([^:\s]*):([^:\s]+):$/i;

/** Takes a UPID apart (`UPID:node:pid:pstart:starttime:type:id:user:`, PVE::Tools::upid_decode); undefined for any other text. */
export function parseUpid(text: unknown): Upid | undefined {
  const found = typeof text === "string" ? form.exec(text) : null;
  if (found === null) return undefined;
  const [upid, node, pid, , start, type, id, user] = found as unknown as string[];
  return {
    upid: upid!,
    node: node!,
    pid: Number.parseInt(pid!, 16),
    startedAt: Number.parseInt(start!, 16) * 1000,
    type: type!,
    id: id!,
    user: user!,
  };
}
