import { setTimeout as sleep } from "node:timers/promises";
import type { PveClient } from "../pve/client.ts";
import type { PlacedGuest } from "../pve/rows.ts";

/** A guest's name with the HA manager. */
export const sidOf = ({ type, id }: Pick<PlacedGuest, "type" | "id">): string => `${type === "vm" ? "vm" : "ct"}:${id}`;

/** Whether HA manages a guest now. */
export async function underHa(client: PveClient, guest: PlacedGuest, signal: AbortSignal): Promise<boolean> {
  const lines = (await client.request("GET", "/cluster/ha/resources", {}, { signal })) as { sid: string; state?: string }[];
  const mine = lines.find(({ sid }) => sid === sidOf(guest));
  return mine !== undefined && mine.state !== "ignored";
}

/** The HA manager acts seconds after it was asked: waits until what was asked for is there. Rejects when told to stop. */
export async function until(holds: () => Promise<boolean>, signal: AbortSignal, everyMs = 1000): Promise<void> {
  while (!(await holds())) await sleep(everyMs, undefined, { signal });
}
