import type { Change } from "../../schemas/plan.ts";
import type { LoadedResource } from "./model.ts";
import type { Desired } from "./select.ts";

/** Resources in which untrusted text had a say, with the digests that they had then; `removed` in place of a digest where it took them away. */
export type Tainted = ReadonlyMap<string, ReadonlySet<string>>;

/** Stands for the digest of a resource that is no more. */
export const removed = "removed";

/** Digests of one resource that are kept, the newest. */
const most = 50;

type Resources = ReadonlyMap<string, Pick<LoadedResource, "digest">>;
/** The digest of the resource with which an instance was last in sync. */
type Synced = (id: string) => string | undefined;

/** What an edit changes: ids with the digests that follow. */
export function changedResources(before: Resources, after: Resources): (readonly [id: string, digest: string])[] {
  return [
    ...[...after].flatMap(([id, { digest }]) => (before.get(id)?.digest === digest ? [] : [[id, digest] as const])),
    ...[...before.keys()].flatMap((id) => (after.has(id) ? [] : [[id, removed] as const])),
  ];
}

/**
 * What is tainted once `after` is in force. Taint goes with a resource through later edits until it was carried out everywhere: an edit on top of
 * it may still hold it. After that, the next edit leaves it behind.
 */
export function carryTaint(
  tainted: Tainted,
  before: { readonly resources: Pick<Desired["resources"], "get" | "has"> },
  after: Pick<Desired, "resources" | "byResource">,
  synced: Synced,
): Tainted {
  const next = new Map(tainted);
  for (const [id, digests] of tainted) {
    const now = after.resources.get(id)?.digest;
    if (now === undefined && before.resources.has(id) && !digests.has(removed)) next.delete(id);
    if (now === undefined || now === before.resources.get(id)?.digest || digests.has(now)) continue;
    const open = (after.byResource.get(id) ?? []).some((instance) => {
      const last = synced(instance.id);
      return last !== now && (last === undefined || !digests.has(last));
    });
    if (open) next.set(id, new Set([...[...digests].slice(-most), now]));
    else next.delete(id);
  }
  return next;
}

/** Whether untrusted text had a say in what a change brings about, and nobody has had it carried out yet: what drifts afterwards was agreed to before. */
export function taintedBy(
  tainted: Tainted,
  desired: Pick<Desired, "instances" | "resources">,
  synced: Synced,
): (change: Pick<Change, "id" | "resource">) => boolean {
  return ({ id, resource }) => {
    const digests = tainted.get(resource);
    if (digests === undefined) return false;
    const now = desired.resources.get(resource)?.digest ?? removed;
    return digests.has(now) && synced(id) !== now;
  };
}
