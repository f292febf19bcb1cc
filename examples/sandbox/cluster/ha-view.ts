import type { Guest, HaResource, State } from "./state.ts";

export const sidOf = (guest: Pick<Guest, "kind" | "id">): string => `${guest.kind === "lxc" ? "ct" : "vm"}:${guest.id}`;

/** The HA resource of a guest that the manager cares for; one that it ignores counts as none. */
export function managed(state: State, guest: Pick<Guest, "kind" | "id">): HaResource | undefined {
  const resource = state.ha.resources.get(sidOf(guest));
  return resource === undefined || resource.config["state"] === "ignored" ? undefined : resource;
}

/** What a guest's status tells of HA. */
export function haOf(state: State, guest: Guest): object {
  const resource = managed(state, guest);
  if (resource === undefined) return { managed: 0 };
  const { group } = resource.config;
  return { managed: 1, ...(resource.state === undefined ? {} : { state: resource.state }), ...(group === undefined ? {} : { group }) };
}
