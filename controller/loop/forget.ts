import type { Store } from "../store/store.ts";
import type { Settle } from "./alert.ts";
import type { World } from "./world.ts";
import type { WriteBehind } from "./write-behind.ts";

/**
 * Lets go of what is kept about instances that are no more, and of holds whose resource became another: memory and store grow with what is
 * wanted now, not with what ever was. An instance that comes back is new, and its differences are no drift.
 */
export function forgetGone(world: World, settle: Settle, store: Store, writes: WriteBehind): void {
  const { instances } = world.desired,
    gone = new Set<string>(),
    released: string[] = [];
  for (const id of world.synced.keys()) if (!instances.has(id)) gone.add(id);
  for (const [id, { digest }] of world.held) {
    const instance = instances.get(id);
    if (instance === undefined) gone.add(id);
    else if (instance.resource.digest !== digest) released.push(id);
  }
  for (const id of gone) {
    world.synced.delete(id);
    world.held.delete(id);
  }
  for (const id of released) world.held.delete(id);
  for (const id of settle.alerts.keys()) if (!instances.has(id)) settle.close(id);
  if (gone.size > 0) writes.add(() => store.desired.forget([...gone]));
  if (released.length > 0) writes.add(() => store.desired.release(released));
}
