import type { GuestRow, GuestType } from "../../schemas/verbs/proxmox/guest.ts";
import { parseTags } from "../../schemas/proxmox/properties.ts";

/** A line of `GET /cluster/resources`, of whichever type. */
export interface ResourceLine {
  readonly id: string;
  readonly type: string;
  readonly node?: string;
  readonly status?: string;
  readonly vmid?: number;
  readonly name?: string;
  readonly template?: number;
  readonly tags?: string;
  readonly pool?: string;
  readonly lock?: string;
  readonly hastate?: string;
  readonly cpu?: number;
  readonly maxcpu?: number;
  readonly mem?: number;
  readonly maxmem?: number;
  readonly disk?: number;
  readonly maxdisk?: number;
  readonly uptime?: number;
  readonly storage?: string;
  readonly plugintype?: string;
  readonly shared?: number;
  readonly content?: string;
}

/** A guest with the node where it is. */
export type PlacedGuest = GuestRow & { readonly node: string };

export const guestPath = (guest: { readonly type: GuestType; readonly node: string; readonly id: number }): string =>
  `/nodes/${guest.node}/${guest.type === "vm" ? "qemu" : "lxc"}/${guest.id}`;

const states: Readonly<Record<string, GuestRow["status"]>> = {
  running: "running",
  stopped: "stopped",
  paused: "paused",
  suspended: "suspended",
};

/** The guests among the lines of /cluster/resources. */
export const guestRows = (lines: readonly ResourceLine[]): PlacedGuest[] =>
  lines.flatMap((line) => {
    if ((line.type !== "qemu" && line.type !== "lxc") || line.vmid === undefined || line.node === undefined) return [];
    const { pool, lock, hastate } = line;
    return [
      {
        id: line.vmid,
        type: line.type === "qemu" ? ("vm" as const) : ("container" as const),
        name: line.name ?? "",
        node: line.node,
        status: states[line.status ?? ""] ?? ("unknown" as const),
        tags: parseTags(line.tags),
        cpus: line.maxcpu ?? 0,
        memory: line.maxmem ?? 0,
        disk: line.maxdisk ?? 0,
        ...(line.template === 1 ? { template: true } : {}),
        ...(pool === undefined ? {} : { pool }),
        ...(lock === undefined ? {} : { lock }),
        ...(hastate === undefined ? {} : { ha: hastate }),
      },
    ];
  });
