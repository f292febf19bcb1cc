import type { KindTable } from "../kinds/define.ts";
import type { FactLookup, HostView, KindContext } from "../core/model.ts";
import { assess, type Assessment, type PairInput } from "../core/pair.ts";
import type { Selection } from "../core/select.ts";
import { selectInPieces } from "../core/select.ts";
import { sameHosts } from "./alike.ts";
import { contextsOf, type Loaded } from "./loaded.ts";

/** A commit against hosts and facts, as far as it is compared. */
export interface Compared {
  readonly loaded: Loaded;
  readonly hosts: Map<string, HostView>;
  readonly desired: Selection;
  readonly context: (host: HostView) => KindContext;
  readonly assessments: Map<string, Assessment>;
  /** Everything that is not in sync. */
  readonly open: Map<string, Assessment>;
  /** Instances of a host by ask key, made for a host when it is first looked at. */
  readonly asked: Map<string, Map<string, string[]>>;
}

/** What comparing uses beside the commit and the hosts. */
export interface Using {
  readonly kinds: KindTable;
  readonly fact: FactLookup;
  readonly held: PairInput["held"];
}

/** Pieces of work between two yields. */
const piece = 200;

/** A commit with what it selects, nothing compared yet. */
export const compared = (
  loaded: Loaded,
  hosts: Map<string, HostView>,
  select: (context: Compared["context"]) => Selection,
  context = contextsOf(loaded),
): Compared => ({ loaded, hosts, context, desired: select(context), assessments: new Map(), open: new Map(), asked: new Map() });

/** Compares instances anew; forgets those that are no more. */
export function compare(ids: Iterable<string>, { desired, hosts, context, assessments, open }: Compared, using: Using): void {
  const input: PairInput = { ...using, hosts, context };
  for (const id of ids) {
    const instance = desired.instances.get(id);
    if (instance === undefined) {
      assessments.delete(id);
      open.delete(id);
      continue;
    }
    const assessment = assess(instance, input);
    assessments.set(id, assessment);
    if (assessment.is === "in-sync") open.delete(id);
    else open.set(id, assessment);
  }
}

/** Compares everything with a commit on the side, in pieces of a millisecond or two; what `before` knows of unchanged instances is taken over. */
export function* compareAll(loaded: Loaded, hosts: Map<string, HostView>, before: Compared, using: Using): Generator<undefined, Compared> {
  const context = contextsOf(loaded),
    earlier = { selection: before.desired, same: sameHosts(before.hosts) };
  const desired = yield* selectInPieces(loaded, hosts, using.kinds, context, earlier);
  const next = compared(loaded, hosts, () => desired, context);
  let some: string[] = [],
    kept = 0;
  for (const [id, instance] of desired.instances) {
    const assessment = before.desired.instances.get(id) === instance ? before.assessments.get(id) : undefined;
    if (assessment !== undefined) {
      next.assessments.set(id, assessment);
      if (assessment.is !== "in-sync") next.open.set(id, assessment);
      if (++kept % (piece * 8) === 0) yield;
      continue;
    }
    if (some.push(id) < piece) continue;
    compare(some, next, using);
    some = [];
    yield;
  }
  compare(some, next, using);
  return next;
}

/** Instances that a fact is about. */
export function idsOf({ asked, desired }: Compared, host: string, key: string): readonly string[] {
  let here = asked.get(host);
  if (here === undefined) {
    here = new Map();
    for (const instance of desired.byHost.get(host) ?? []) {
      const same = here.get(instance.askKey);
      if (same === undefined) here.set(instance.askKey, [instance.id]);
      else same.push(instance.id);
    }
    asked.set(host, here);
  }
  return here.get(key) ?? [];
}
