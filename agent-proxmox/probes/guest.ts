import type { ProbeContext } from "../../agent/runtime/verbs.ts";
import type { ProbeInput, ProbeOutput } from "../../schemas/verbs/index.ts";
import type { Around } from "../cluster/around.ts";
import type { Inventory } from "../cluster/inventory.ts";
import { readGuest } from "../cluster/read-guest.ts";
import { reading } from "../cluster/reading.ts";

export interface GuestNeeds extends Around {
  readonly inventory: Inventory;
  /** Guests whose description names a resource, by it; kept up to date by each look. */
  readonly marked: Map<string, number>;
  /** Numbers under which resources were found last. */
  readonly seenAs: Map<string, number>;
}

/** Probe `guest`: one guest as it is now, running and pending. */
export function probeGuest({ client, journal, known, now, inventory, marked, seenAs }: GuestNeeds) {
  const started = new Map<number, number>();
  return (input: ProbeInput<"guest">, { signal }: ProbeContext): Promise<ProbeOutput<"guest">> =>
    reading(`read ${input.resource}`, async () => {
      if (inventory.lines.length === 0) await inventory.look();
      const fact = await readGuest(
        input,
        {
          client,
          known,
          now,
          tasks: inventory.tasks,
          startedBefore: (id) => started.get(id),
          rolledBackAt: (id) => journal.rolledBackAt(id),
          offline: (node) => inventory.offline(node),
        },
        signal,
      );
      if (fact.id === undefined) {
        started.delete(seenAs.get(input.resource) ?? -1);
        seenAs.delete(input.resource);
        marked.delete(input.resource);
        return fact;
      }
      seenAs.set(input.resource, fact.id);
      if (fact.owner === input.resource) marked.set(input.resource, fact.id);
      if (fact.startedAt === undefined) started.delete(fact.id);
      else started.set(fact.id, fact.startedAt);
      return fact;
    });
}
