import type { ProbeOutput } from "../../schemas/verbs/index.ts";
import type { Inventory } from "../cluster/inventory.ts";
import { loadOf } from "../cluster/read-cluster.ts";
import { reading } from "../cluster/reading.ts";

type Load = ProbeOutput<"cluster-load">;

/** Points of per cent by which a figure has to move before it is told anew. */
const enough = 5;

/** Probe `cluster-load`: how busy the cluster is; figures that moved by little are told as before. */
export function probeClusterLoad(inventory: Inventory): () => Promise<Load> {
  let told: Load | undefined;
  return () =>
    reading("read the cluster's load", async () => {
      if (inventory.lines.length === 0) await inventory.look();
      const now = loadOf(inventory.lines);
      if (told === undefined || moved(told, now)) told = now;
      return told;
    });
}

/** Whether a figure moved by enough, or there is another node or storage. */
function moved(before: Load, now: Load): boolean {
  const figures = (load: Load): Map<string, number> =>
    new Map([
      ...load.nodes.flatMap(
        ({ name, cpu, memory, disk }) =>
          [
            [`${name} cpu`, cpu],
            [`${name} memory`, memory],
            [`${name} disk`, disk],
          ] as const,
      ),
      ...load.storages.map(({ storage, node, used }) => [`${storage} ${node ?? ""}`, used] as const),
    ]);
  const was = figures(before),
    is = figures(now);
  return was.size !== is.size || [...is].some(([key, value]) => Math.abs(value - (was.get(key) ?? -1000)) >= enough);
}
