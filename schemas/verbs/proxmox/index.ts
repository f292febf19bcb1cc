import { clusterLoadProbe, clusterProbe, tasksProbe, volumesProbe } from "./cluster.ts";
import * as guest from "./guest-actions.ts";
import { guestProbe, guestsProbe } from "./guest.ts";

/** Everything that a Proxmox agent can be asked about its cluster. */
export const proxmoxProbes = {
  cluster: clusterProbe,
  "cluster-load": clusterLoadProbe,
  guest: guestProbe,
  guests: guestsProbe,
  tasks: tasksProbe,
  volumes: volumesProbe,
} as const;

/** Everything that a Proxmox agent can be told to do to its cluster. */
export const proxmoxActions = {
  "guest.backup": guest.guestBackup,
  "guest.clone": guest.guestClone,
  "guest.create": guest.guestCreate,
  "guest.delete": guest.guestDelete,
  "guest.ha": guest.guestHa,
  "guest.migrate": guest.guestMigrate,
  "guest.move-disk": guest.guestMoveDisk,
  "guest.pool": guest.guestPool,
  "guest.power": guest.guestPower,
  "guest.resize": guest.guestResize,
  "guest.restart": guest.guestRestart,
  "guest.restore": guest.guestRestore,
  "guest.rollback": guest.guestRollback,
  "guest.set": guest.guestSet,
  "guest.snapshot": guest.guestSnapshot,
  "guest.snapshot-remove": guest.guestSnapshotRemove,
  "guest.template": guest.guestTemplate,
} as const;
