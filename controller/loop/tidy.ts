import { askKey } from "../../schemas/canonical.ts";
import type { Store } from "../store/store.ts";
import type { World } from "./world.ts";

/** Lets go of what is not needed any more: facts that nobody watches, plans that nobody decided about, and the oldest of what is over. */
export async function tidy(world: World, store: Store, now: number, pending: string | null): Promise<void> {
  for (const host of world.hosts.keys()) await store.facts.keepOnly(host, new Set(world.asks(host).map(askKey)));
  await dropUndecided(store, now - world.settings.retention.undecidedMs, pending);
  const { plans, runs, alerts } = world.settings.retention;
  await store.trim({ plans, runs, alerts });
}

async function dropUndecided(store: Store, before: number, pending: string | null): Promise<void> {
  let cursor: string | undefined;
  const old: string[] = [];
  do {
    const page = await store.plans.list({ states: ["pending"], limit: 1000, cursor });
    for (const plan of page.items) if (plan.digest !== pending && Date.parse(plan.madeAt) < before) old.push(plan.digest);
    cursor = page.next;
  } while (cursor !== undefined);
  for (const digest of old) await store.plans.move(digest, ["pending"], "superseded");
}
