import type { ActionContext } from "../../../agent/runtime/verbs.ts";
import { tell } from "../host/world.ts";
import type { PretendHost } from "../pretend-host.ts";

/** Remembers something as ours; what was ours already keeps whether we made it. */
export async function ownClaim(
  host: PretendHost,
  claim: string,
  created: boolean,
  { memory, resource }: ActionContext,
  sha256?: string,
): Promise<void> {
  const before = memory.owned().find((owned) => owned.claim === claim);
  await memory.own({
    claim,
    resource,
    at: host.clock.now(),
    created: before?.created ?? created,
    ...(sha256 === undefined ? {} : { sha256 }),
  });
  tell(host, { probe: "owned" });
}

export async function disownClaim(host: PretendHost, claim: string, { memory }: ActionContext): Promise<void> {
  await memory.disown(claim);
  tell(host, { probe: "owned" });
}
