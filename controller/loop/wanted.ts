import type { Instance } from "../core/model.ts";
import type { World } from "./world.ts";

/** The digest that plans compare with a resource's own: equal where the instance was in sync with what is wanted now. */
export const syncedDigest =
  (world: Pick<World, "desired" | "synced" | "wasSynced">) =>
  (id: string): string | undefined => {
    const instance = world.desired.instances.get(id);
    return instance !== undefined && world.wasSynced(instance) ? instance.resource.digest : world.synced.get(id);
  };

/** What is wanted of an instance at a moment: its resource's digest; another while a moment that the resource names lies ahead, and by what its kind says it depends on `beside`. */
export function wantedAt({ resource: { resource, digest } }: Instance, now: number, beside?: string): string {
  const { restartedAt, upgradedAt } = resource.spec;
  const ahead = [restartedAt, upgradedAt].some((text) => typeof text === "string" && Date.parse(text) > now);
  return `${digest}${ahead ? " ahead" : ""}${beside === undefined ? "" : ` ${beside}`}`;
}
