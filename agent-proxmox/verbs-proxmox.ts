import type { Clock } from "../agent/runtime/clock.ts";
import type { Log } from "../agent/runtime/log.ts";
import type { By, VerbTable } from "../agent/runtime/verbs.ts";
import type { ProbeInput, ProxmoxAction, ProxmoxProbe } from "../schemas/verbs/index.ts";
import { backUpGuest } from "./actions/guest-backup.ts";
import { cloneGuest } from "./actions/guest-clone.ts";
import { createGuest } from "./actions/guest-create.ts";
import { deleteGuest } from "./actions/guest-delete.ts";
import { setHa } from "./actions/guest-ha.ts";
import { migrateGuest } from "./actions/guest-migrate.ts";
import { moveDisk } from "./actions/guest-move-disk.ts";
import { setPool } from "./actions/guest-pool.ts";
import { powerGuest } from "./actions/guest-power.ts";
import { resizeGuest } from "./actions/guest-resize.ts";
import { restartGuest } from "./actions/guest-restart.ts";
import { restoreGuest } from "./actions/guest-restore.ts";
import { rollBackGuest } from "./actions/guest-rollback.ts";
import { setGuest } from "./actions/guest-set.ts";
import { snapshotGuest } from "./actions/guest-snapshot.ts";
import { removeSnapshot } from "./actions/guest-snapshot-remove.ts";
import { makeTemplate } from "./actions/guest-template.ts";
import type { Around } from "./cluster/around.ts";
import { inventory, type Moved } from "./cluster/inventory.ts";
import type { Journal } from "./cluster/journal.ts";
import { movedInputs } from "./cluster/moved-inputs.ts";
import { told } from "./cluster/reading.ts";
import { sweep } from "./cluster/sweep.ts";
import { probeCluster } from "./probes/cluster.ts";
import { probeClusterLoad } from "./probes/cluster-load.ts";
import { probeGuest } from "./probes/guest.ts";
import { probeGuests } from "./probes/guests.ts";
import { probeTasks } from "./probes/tasks.ts";
import { probeVolumes } from "./probes/volumes.ts";
import type { PveClient } from "./pve/client.ts";

export interface ProxmoxOptions {
  readonly client: PveClient;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  /** The cluster's name where it is one node in no cluster. */
  readonly name: string;
  /** Milliseconds between looks at the cluster. */
  readonly everyMs?: number | undefined;
}

export type ProxmoxVerbs = VerbTable<ProxmoxProbe | "owned", ProxmoxAction> & { close(): Promise<void> };

/** Verbs of an agent that speaks for a Proxmox cluster. */
export function proxmoxVerbs({ client, journal, clock, log, name, everyMs }: ProxmoxOptions): ProxmoxVerbs {
  const marked = new Map<string, number>(),
    seenAs = new Map<string, number>(),
    watched = movedInputs();
  const known = { madeFor: (resource: string) => journal.madeFor(resource), markedFor: (resource: string) => marked.get(resource) };
  const seen = inventory({ client, clock, log, moved: (moved) => watched.tell(moved), everyMs });
  const around: Around = { client, journal, known, now: () => clock.now(), spoken: new Set() };
  const guest = probeGuest({ ...around, inventory: seen, marked, seenAs });
  return {
    probes: {
      cluster: probeCluster(client, seen, name),
      "cluster-load": probeClusterLoad(seen),
      guest,
      guests: probeGuests(seen),
      tasks: probeTasks(client),
      volumes: probeVolumes(client),
      owned: (_, { memory }) => Promise.resolve({ owned: [...memory.owned()] }),
    },
    actions: told({
      "guest.backup": backUpGuest(around),
      "guest.clone": cloneGuest(around),
      "guest.create": createGuest(around),
      "guest.delete": deleteGuest(around),
      "guest.ha": setHa(around),
      "guest.migrate": migrateGuest(around),
      "guest.move-disk": moveDisk(around),
      "guest.pool": setPool(around),
      "guest.power": powerGuest(around),
      "guest.resize": resizeGuest(around),
      "guest.restart": restartGuest(around),
      "guest.restore": restoreGuest(around),
      "guest.rollback": rollBackGuest(around),
      "guest.set": setGuest(around),
      "guest.snapshot": snapshotGuest(around),
      "guest.snapshot-remove": removeSnapshot(around),
      "guest.template": makeTemplate(around),
    }),
    watchers: {
      guest: (tell) => Promise.resolve(sweep(watched.watch<"guest">(tell, concerns), tell, clock)),
      guests: (tell) => Promise.resolve(watched.watch<"guests">(tell, ({ node }, moved) => (moved.nodes.has(node) ? {} : undefined))),
      cluster: (tell) => Promise.resolve(watched.watch<"cluster">(tell, (_, moved) => (moved.cluster ? {} : undefined))),
      "cluster-load": (tell) => Promise.resolve(watched.watch<"cluster-load">(tell, (_, moved) => (moved.load ? {} : undefined))),
    },
    close: () => Promise.resolve(seen.stop()),
  };

  /** Who moved the guest that is asked for, by every sign by which it is found; undefined where none of those moved. */
  function concerns(input: ProbeInput<"guest">, moved: Moved): { readonly by?: By | undefined } | undefined {
    const { id, resource, name } = input;
    const ids = id === undefined ? [seenAs.get(resource), known.madeFor(resource), known.markedFor(resource), ...seen.named(name)] : [id];
    const mine = ids.find((one) => one !== undefined && moved.guests.has(one));
    return mine === undefined ? undefined : { by: moved.guests.get(mine) };
  }
}
