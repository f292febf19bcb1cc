import { instanceId } from "../../schemas/ids.ts";
import type { KindTable } from "../kinds/define.ts";
import type { HostView, LoadedResource } from "./model.ts";
import { type Candidate, type ContextOf, Picking, type Rule } from "./picking.ts";
import { type Desired, Selection } from "./selection.ts";

export { type Desired, Selection };

interface From {
  readonly commit: string;
  readonly tree: string;
  readonly resources: readonly LoadedResource[];
}

/** Resolves every resource's `on:` against the inventory; a selector that matches no host is a warning. Cost: the instances, once a commit. */
export function select(from: From, hosts: ReadonlyMap<string, HostView>, kinds: KindTable, context: ContextOf): Selection {
  const selecting = selectInPieces(from, hosts, kinds, context);
  for (;;) {
    const { done, value } = selecting.next();
    if (done === true) return value;
  }
}

/** Pieces of work between two yields. */
const piece = 200;

/** An earlier selection, and whether a host is as it was for it: instances of unchanged resources on unchanged hosts are taken over as they are. */
export interface Before {
  readonly selection: Selection;
  readonly same: (view: HostView) => boolean;
}

/** The same in pieces of a millisecond or two. */
export function* selectInPieces(
  from: From,
  hosts: ReadonlyMap<string, HostView>,
  kinds: KindTable,
  context: ContextOf,
  before?: Before,
): Generator<undefined, Selection> {
  const selection = new Selection(from, kinds),
    picking = new Picking(hosts, context),
    matching = new Map<Rule, readonly Candidate[]>();
  const inventory = picking.inventory();
  let work = 0;
  for (const resource of from.resources) {
    if (++work % piece === 0) yield;
    const rule = selection.place(resource, () => inventory);
    if (rule === undefined) continue;
    let mine = matching.get(rule);
    if (mine === undefined) {
      matching.set(rule, (mine = picking.matching(rule)));
      yield;
    }
    for (const candidate of mine) {
      const old =
        before?.same(candidate.view) === true ? before.selection.instances.get(instanceId(resource.id, candidate.view.name)) : undefined;
      if (old?.resource === resource) selection.take(old);
      else selection.add(resource, candidate);
      if (++work % piece === 0) yield;
    }
  }
  return selection;
}
