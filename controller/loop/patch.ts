import type { Problem } from "../../schemas/problem.ts";
import type { HostView, LoadedResource } from "../core/model.ts";
import { changedParts } from "../core/parts.ts";
import { Picking } from "../core/picking.ts";
import { selectable } from "./alike.ts";
import type { Compared } from "./compared.ts";
import { contextsOf, type Loaded, nothingLoaded, partsOf } from "./loaded.ts";

/** What a commit that took effect changed. */
export interface Change {
  /** Instances that have to be judged anew: new ones, changed ones, and those that are gone. */
  readonly ids: readonly string[];
  /** Hosts that are watched for other things now. */
  readonly hosts: readonly string[];
  /** Resources that are new or changed. */
  readonly resources: readonly string[];
  /** Everything was compared anew; then `ids` holds no instances that are gone. */
  readonly all?: true | undefined;
  /** The resources as they were. */
  readonly before: { readonly resources: Pick<ReadonlyMap<string, LoadedResource>, "get" | "has"> };
}

/** Why a commit does not take effect. */
export interface Refused {
  readonly conflicts: readonly Problem[];
}

/** A host as it is with the `Host` resources of the commit. */
export type ViewOf = (host: string) => HostView | undefined;

/**
 * Brings what is selected from one commit to the next by the resources that differ, and by the hosts whose `Host` resource does (`viewOf`): the
 * same as selecting everything anew, at the cost of the change. Refused: nothing was changed. Undefined: nothing was changed, it is more than `most`
 * instances, or changes what selectors mean elsewhere.
 */
export function patchDesired(state: Compared, loaded: Loaded, viewOf: ViewOf, most: number): Change | Refused | undefined {
  if (state.loaded === nothingLoaded) return undefined;
  const { desired, hosts } = state,
    { gone, come } = changedParts(partsOf(state.loaded), partsOf(loaded));
  const moved = movedHosts([...gone, ...come], hosts, viewOf),
    earlier = moved.map(({ name }) => hosts.get(name)!);
  if (gone.length + come.length + idsOn(moved, state).length > most) return undefined;
  setAll(hosts, moved);
  const touched =
    moved.length > 0 && !desired.keepsMeaning(hosts)
      ? undefined
      : desired.replace(gone, come, new Picking(hosts, contextsOf(loaded)), most);
  if (touched === undefined) return void setAll(hosts, earlier);
  const { ids } = touched,
    context = contextsOf(loaded);
  for (const id of idsOn(moved, state)) ids.add(id);
  for (const view of moved) desired.reselect(view, hosts, context);
  const conflicts = desired.claims.conflicts();
  if (conflicts.length > 0) {
    setAll(hosts, earlier);
    desired.replace(come, gone, new Picking(hosts, state.context), Number.POSITIVE_INFINITY);
    for (const view of earlier) desired.reselect(view, hosts, state.context);
    return { conflicts };
  }
  for (const id of idsOn(moved, state)) ids.add(id);
  desired.commit = loaded.commit;
  desired.tree = loaded.tree;
  return {
    ids: [...ids],
    hosts: [...new Set([...touched.hosts, ...moved.map(({ name }) => name)])],
    resources: come.map(({ id }) => id),
    before: { resources: resourcesBefore(gone, come, desired.resources) },
  };
}

/** Hosts whose `Host` resource is among these, where that makes a difference for selectors. */
function movedHosts(resources: readonly LoadedResource[], hosts: ReadonlyMap<string, HostView>, viewOf: ViewOf): HostView[] {
  const names = new Set(resources.flatMap((one) => (one.kind === "Host" ? [one.name] : [])));
  return [...names].flatMap((name) => {
    const before = hosts.get(name),
      view = before === undefined ? undefined : viewOf(name);
    return before === undefined || view === undefined || selectable(view) === selectable(before) ? [] : [view];
  });
}

function setAll(hosts: Map<string, HostView>, views: readonly HostView[]): void {
  for (const view of views) hosts.set(view.name, view);
}

const idsOn = (views: readonly HostView[], { desired }: Compared): string[] =>
  views.flatMap(({ name }) => (desired.byHost.get(name) ?? []).map((instance) => instance.id));

function resourcesBefore(
  gone: readonly LoadedResource[],
  come: readonly LoadedResource[],
  now: ReadonlyMap<string, LoadedResource>,
): Change["before"]["resources"] {
  const left = new Map(gone.map((one) => [one.id, one])),
    arrived = new Set(come.map(({ id }) => id));
  const get = (id: string): LoadedResource | undefined => left.get(id) ?? (arrived.has(id) ? undefined : now.get(id));
  return { get, has: (id) => get(id) !== undefined };
}
