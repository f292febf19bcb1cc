import type { Report } from "./figure.ts";

interface Entry {
  readonly about: string;
  /** It is ended after so many seconds. */
  readonly seconds: number;
  /** `scale`: of the sizes, 1 for the ones that targets are for. */
  load(): Promise<{ run(report: Report, scale: number): Promise<void> }>;
}

/** Every benchmark by name, in the order in which they run. */
export const benches: ReadonlyMap<string, Entry> = new Map(
  Object.entries({
    plan: { about: "plans of 10 000 and 100 000 instances", seconds: 120, load: () => import("./plan.ts") },
    load: { about: "one file of 1 000 changes in a workspace of 100 000 resources", seconds: 180, load: () => import("./load.ts") },
    drift: {
      about: "from a change on a host to the alert, within the process and over TLS",
      seconds: 120,
      load: () => import("./drift.ts"),
    },
    agent: { about: "a real agent when idle, compiled and as a bundle", seconds: 420, load: () => import("./agent.ts") },
    fleet: { about: "5 000 agents over TLS on one controller", seconds: 300, load: () => import("./fleet.ts") },
    hosts: { about: "drift, correction and commits on ten real systemd hosts (root)", seconds: 360, load: () => import("./hosts.ts") },
    proxmox: { about: "a pretend Proxmox cluster of 50 nodes and 2 000 guests", seconds: 420, load: () => import("./proxmox.ts") },
  }),
);
