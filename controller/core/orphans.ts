import type { Owned } from "../../schemas/verbs/host.ts";
import type { KindTable } from "../kinds/define.ts";
import { type Draft, placeSteps } from "./changes.ts";
import type { HostView, PolicyRule } from "./model.ts";
import type { Desired } from "./select.ts";

/** Something we set on a host that no manifest claims any more; with a draft where policy allows to remove it. */
export interface Orphan {
  readonly id: string;
  readonly reason: string;
  readonly draft?: Draft | undefined;
}

/**
 * What agents remember to have set and no manifest claims: ownership is marked on the hosts, so that losing the controller's data deletes
 * nothing. It is removed only where a policy with `prune: true` speaks about the host and kind, and we made it; else it is reported.
 */
export function orphansOf(hosts: Iterable<HostView>, desired: Desired, kinds: KindTable, policies: readonly PolicyRule[]): Orphan[] {
  const found: Orphan[] = [];
  for (const host of hosts) {
    if (!host.online || host.owned === undefined || host.owned.length === 0) continue;
    for (const owned of host.owned) if (!desired.claims.has(host.name, owned.claim)) found.push(orphan(owned, host, kinds, policies));
  }
  return found;
}

function orphan(owned: Owned, host: HostView, kinds: KindTable, policies: readonly PolicyRule[]): Orphan {
  const id = `${owned.resource}@${host.name}`,
    kindName = owned.resource.slice(0, owned.resource.indexOf("/")),
    kind = kinds.get(kindName);
  const what = owned.claim.slice(owned.claim.indexOf(":") + 1);
  if (kind?.scope !== "hosts") return { id, reason: `${what}: set by us, and no manifest mentions it` };
  const { steps, reason } = kind.prune(owned);
  const allowed = policies.some(
    (policy) => policy.prune === true && policy.hosts(host) && (policy.kinds === undefined || policy.kinds.includes(kindName)),
  );
  if (steps.length === 0) return { id, reason };
  if (!allowed) return { id, reason: `${what}: no manifest mentions it any more; it stays, since no policy with prune: true covers it` };
  return {
    id,
    reason: `${what}: will be removed`,
    draft: {
      id,
      resource: owned.resource,
      host: host.name,
      act: "delete",
      summary: `remove ${what}: no manifest mentions it any more`,
      cause: "orphan",
      differences: [{ path: "state", want: "absent", have: "present" }],
      consequence: "none",
      undo: { how: "possible", note: "the agent keeps a backup" },
      needs: [],
      after: [],
      steps: placeSteps(id, host.name, steps),
      health: [],
      onFailure: "halt",
      group: id,
    },
  };
}
