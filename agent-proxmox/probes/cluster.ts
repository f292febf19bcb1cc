import type { ProbeContext } from "../../agent/runtime/verbs.ts";
import type { ProbeOutput } from "../../schemas/verbs/index.ts";
import type { Inventory } from "../cluster/inventory.ts";
import { readCluster } from "../cluster/read-cluster.ts";
import type { PveClient } from "../pve/client.ts";
import { reading } from "../cluster/reading.ts";

/** Probe `cluster`: how the cluster is made. */
export const probeCluster =
  (client: PveClient, inventory: Inventory, name: string) =>
  (_: unknown, { signal }: ProbeContext): Promise<ProbeOutput<"cluster">> =>
    reading("read the cluster", async () => {
      if (inventory.lines.length === 0) await inventory.look();
      return readCluster(client, inventory.lines, name, signal);
    });
