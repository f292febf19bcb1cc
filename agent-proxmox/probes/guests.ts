import type { ProbeInput, ProbeOutput } from "../../schemas/verbs/index.ts";
import type { Inventory } from "../cluster/inventory.ts";
import { reading } from "../cluster/reading.ts";

/** Probe `guests`: the inventory of one node. */
export const probeGuests =
  (inventory: Inventory) =>
  ({ node }: ProbeInput<"guests">): Promise<ProbeOutput<"guests">> =>
    reading("list guests", async () => {
      if (inventory.lines.length === 0) await inventory.look();
      const guests = inventory.guests.filter((guest) => guest.node === node).map(({ node: _, ...row }) => row);
      return { node, guests: guests.sort((a, b) => a.id - b.id) };
    });
