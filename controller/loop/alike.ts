import { isCluster } from "../core/inventory.ts";
import type { HostView } from "../core/model.ts";

/** The part of a host that selectors in manifests and templates can see: when it changes, the host is selected for anew. */
export const selectable = (host: HostView): string =>
  JSON.stringify([host.aliases, host.tags, host.labels, host.address, host.facts?.os, host.facts?.virtualization, isCluster(host)]);

/** Whether two views of a host compare its instances alike. */
export const comparedAlike = (one: HostView, other: HostView): boolean =>
  one.online === other.online &&
  one.clockOffset === other.clockOffset &&
  one.cluster?.fact === other.cluster?.fact &&
  one.agent?.releases === other.agent?.releases &&
  one.agent?.takenBack === other.agent?.takenBack &&
  (one.facts?.shuttingDown === true) === (other.facts?.shuttingDown === true);

/** Whether a view says of a host what another said, as far as comparing is concerned; each host is looked at once. */
export function sameHosts(before: ReadonlyMap<string, HostView>): (view: HostView) => boolean {
  const known = new Map<HostView, boolean>();
  return (view) => {
    let same = known.get(view);
    if (same !== undefined) return same;
    const old = before.get(view.name);
    same = old !== undefined && comparedAlike(old, view) && selectable(old) === selectable(view);
    known.set(view, same);
    return same;
  };
}
