import { error, ProblemError } from "../../schemas/problem.ts";
import type { GuestRef } from "../../schemas/verbs/proxmox/guest.ts";
import type { PveClient } from "../pve/client.ts";
import { guestRows, type PlacedGuest, type ResourceLine } from "../pve/rows.ts";

/** What the agent remembers of guests that it made, and what it saw in descriptions. */
export interface KnownGuests {
  /** Number of the guest that was made for a resource. */
  madeFor(resource: string): number | undefined;
  /** Number of the guest whose description carries our marker for a resource. */
  markedFor(resource: string): number | undefined;
}

/** Where a guest is, or why it cannot be told; `missing` only where the whole inventory was there to look in. */
export type Resolved =
  | { readonly is: "found"; readonly guest: PlacedGuest; readonly sameName: readonly number[] }
  | { readonly is: "missing"; readonly taken?: PlacedGuest };

/** All guests of the cluster, read now. */
export async function readGuests(client: PveClient, signal?: AbortSignal): Promise<PlacedGuest[]> {
  return guestRows((await client.request("GET", "/cluster/resources", { type: "vm" }, { signal })) as ResourceLine[]);
}

/**
 * Finds a guest among all: by the number its manifest gives, by the one that was made for it, by our marker, by type and name. A guest is its cluster and its
 * number; the node is only where it is now.
 */
export function resolveGuest(ref: GuestRef, guests: readonly PlacedGuest[], known: KnownGuests): Resolved {
  const mine = guests.filter((guest) => guest.type === ref.type);
  if (ref.id !== undefined) {
    const holder = guests.find((guest) => guest.id === ref.id);
    if (holder === undefined) return { is: "missing" };
    return holder.type === ref.type ? { is: "found", guest: holder, sameName: [] } : { is: "missing", taken: holder };
  }
  for (const id of [known.madeFor(ref.resource), known.markedFor(ref.resource)]) {
    const guest = id === undefined ? undefined : mine.find((one) => one.id === id);
    if (guest !== undefined) return { is: "found", guest, sameName: [] };
  }
  const named = mine.filter((guest) => guest.name === ref.name);
  const [guest, ...others] = named;
  return guest === undefined ? { is: "missing" } : { is: "found", guest, sameName: others.length === 0 ? [] : named.map(({ id }) => id) };
}

/** The guest, for an action that needs it. Throws ProblemError where it is not there or not clear. */
export async function mustResolve(ref: GuestRef, client: PveClient, known: KnownGuests, signal?: AbortSignal): Promise<PlacedGuest> {
  const found = resolveGuest(ref, await readGuests(client, signal), known);
  if (found.is === "missing")
    throw new ProblemError(
      error("guest/missing", `Unable to find ${ref.type === "vm" ? "VM" : "container"} ${ref.id ?? ref.name}: the cluster has none`),
    );
  if (found.sameName.length > 0)
    throw new ProblemError(
      error("guest/ambiguous", `Unable to tell which guest is meant: ${found.sameName.join(", ")} are all named ${ref.name}`, {
        hint: "Add its id to the manifest.",
      }),
    );
  return found.guest;
}
