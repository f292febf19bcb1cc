import type { ClusterFact } from "../../../schemas/verbs/proxmox/cluster.ts";
import type { GuestRow } from "../../../schemas/verbs/proxmox/guest.ts";
import type { ClusterView } from "../../core/model.ts";

const GiB = 1024 ** 3,
  nodes = ["pve1", "pve2", "pve3"];

/** What a case may say otherwise of the cluster; guests by node. */
export type ClusterCase = Partial<ClusterFact> & {
  readonly guests?: Readonly<Record<string, readonly GuestRow[]>>;
  readonly others?: readonly string[];
};

/** The cluster of all cases: three alike nodes, a local storage for ISOs, one for disks, one that all share; its agent has a token. */
export const clusterOf = ({ guests = {}, others = [], ...otherwise }: ClusterCase = {}): ClusterView => ({
  fact: {
    name: "lab",
    standalone: false,
    quorate: true,
    version: "8.4.21",
    nodes: nodes.map((name) => ({
      name,
      online: true,
      cpus: 16,
      memory: 64 * GiB,
      version: "8.4.21",
      bridges: [{ name: "vmbr0" }, { name: "vmbr1" }],
    })),
    storages: [
      { name: "local", type: "dir", shared: false, content: ["backup", "iso", "snippets", "vztmpl"], nodes },
      { name: "local-lvm", type: "lvmthin", shared: false, content: ["images", "rootdir"], nodes },
      { name: "shared", type: "nfs", shared: true, content: ["images", "import", "iso", "rootdir", "vztmpl"], nodes },
      { name: "fast", type: "zfspool", shared: false, content: ["images", "rootdir"], nodes: ["pve2"] },
    ],
    haGroups: [{ name: "prefer1", nodes: { pve1: 2, pve2: 1 }, restricted: false }],
    pools: ["production", "web"],
    rights: {},
    root: false,
    ...otherwise,
  },
  guests: new Map(Object.entries(guests)),
  others,
});
