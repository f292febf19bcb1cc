import type { Instance } from "../core/model.ts";
import type { World } from "./world.ts";

/** What of the manifests does not run at this moment. */
export interface Unavailable {
  /** How many of a resource's hosts, but for these, do not run it, or are not known to; 0 where its kind counts none. */
  count(resource: string, except: ReadonlySet<string>): number;
  /** Whether an instance is known not to run. */
  isDown(id: string): boolean;
}

export function unavailableIn(world: World): Unavailable {
  const stateOf = ({ host, askKey, resource }: Instance): string | undefined => {
    const kind = world.kinds.get(resource.kind),
      fact = world.fact(host, askKey);
    return kind?.scope === "hosts" && fact?.value !== undefined ? kind.stateWord(fact.value) : undefined;
  };
  return {
    count(resource, except) {
      let down = 0;
      for (const instance of world.desired.byResource.get(resource) ?? []) {
        if (except.has(instance.host)) continue;
        const kind = world.kinds.get(instance.resource.kind);
        if (kind?.scope === "hosts" && !kind.countsDown) return 0;
        if (world.hosts.get(instance.host)?.online !== true || stateOf(instance) !== "running") down += 1;
      }
      return down;
    },
    isDown(id) {
      const instance = world.desired.instances.get(id),
        state = instance === undefined ? undefined : stateOf(instance);
      return state !== undefined && state !== "running";
    },
  };
}
