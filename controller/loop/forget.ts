import type { Store } from "../store/store.ts";
import type { Settle } from "./alert.ts";
import type { World } from "./world.ts";
import type { WriteBehind } from "./write-behind.ts";

/**
 * Lets go of what is kept about instances that are no more, and of holds whose resource became another: memory and store grow with what is
 * wanted now, not with what ever was. An instance that comes back is new, and its differences are no drift. `ids`: instances that may be gone or have become
 * another; without them all are looked through.
 */
export function forgetGone(world: World, settle: Settle, store: Store, writes: WriteBehind, ids?: readonly string[]): void {
  const { instances } = world.desired,
    gone = new Set<string>(),
    released: string[] = [];
  for (const id of ids ?? world.synced.keys()) if (!instances.has(id) && world.synced.has(id)) gone.add(id);
  for (const id of ids ?? world.held.keys()) {
    const instance = instances.get(id),
      hold = world.held.get(id);
    if (hold === undefined) continue;
    if (instance === undefined) gone.add(id);
    else if (instance.resource.digest !== hold.digest) released.push(id);
  }
  for (const id of gone) {
    world.synced.delete(id);
    world.held.delete(id);
  }
  for (const id of released) world.held.delete(id);
  for (const id of ids ?? settle.alerts.keys()) if (!instances.has(id)) settle.close(id);
  if (gone.size > 0) writes.add(() => store.desired.forget([...gone]));
  if (released.length > 0) writes.add(() => store.desired.release(released));
}
