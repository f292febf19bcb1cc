import type { GuestFact } from "../../schemas/verbs/proxmox/guest.ts";
import { parseUpid } from "../pve/upid.ts";

type Task = NonNullable<GuestFact["task"]>;

/** Tasks that run now, by the guest they work on, as the last look at the cluster's task list had them. */
export interface RunningTasks {
  of(guest: number | undefined): Task | undefined;
}

/** A line of `GET /cluster/tasks`; without `endtime` it runs. */
export interface TaskLine {
  readonly upid: string;
  readonly node: string;
  readonly type: string;
  readonly id?: string;
  readonly user: string;
  readonly starttime: number;
  readonly endtime?: number;
  readonly status?: string;
}

/** Tasks that change nothing about a guest that facts tell. */
const harmless = /^(vncproxy|vncshell|spiceproxy|termproxy|qmmove_dummy)$/;

export const runningTasks = (lines: readonly TaskLine[]): RunningTasks => {
  const byGuest = new Map<number, Task>();
  for (const { upid, type, id, user, endtime } of lines) {
    if (endtime !== undefined || id === undefined || !/^\d+$/.test(id) || harmless.test(type)) continue;
    byGuest.set(Number(id), { type, user: parseUpid(upid)?.user ?? user, upid });
  }
  return { of: (guest) => (guest === undefined ? undefined : byGuest.get(guest)) };
};
