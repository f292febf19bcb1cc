import { error, type Problem } from "../../schemas/problem.ts";
import type { KindTable } from "../kinds/define.ts";
import type { Instance, LoadedResource } from "./model.ts";

/** What comes before what: for each id the ids that it waits for. Ids that are not nodes are ignored. */
export type Before = (id: string) => Iterable<string>;

export interface Order {
  /** Every id, after all that it waits for; the same for every order of the input. Ids on a cycle stand where they were met. */
  readonly order: readonly string[];
  /** Each cycle once, beginning with its smallest id: `[a, b]` says that a waits for b and b for a. */
  readonly cycles: readonly (readonly string[])[];
}

/** Sorts ids so that each comes after what it waits for. Time grows with nodes and edges; depth is bounded by memory, not by the call stack. */
export function topologicalOrder(ids: Iterable<string>, before: Before): Order {
  const nodes = [...ids].sort(),
    known = new Set(nodes),
    state = new Map<string, "open" | "done">();
  const order: string[] = [],
    cycles = new Map<string, string[]>();
  for (const root of nodes) {
    if (state.has(root)) continue;
    const path: { id: string; rest: string[] }[] = [];
    const open = (id: string): void => {
      state.set(id, "open");
      path.push({
        id,
        rest: [...before(id)]
          .filter((other) => known.has(other))
          .sort()
          .reverse(),
      });
    };
    open(root);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = top.rest.pop();
      if (next === undefined) {
        path.pop();
        state.set(top.id, "done");
        order.push(top.id);
      } else if (!state.has(next)) open(next);
      else if (state.get(next) === "open") {
        const cycle = rotated(path.slice(path.findIndex(({ id }) => id === next)).map(({ id }) => id));
        cycles.set(cycle.join(" "), cycle);
      }
    }
  }
  return { order, cycles: [...cycles.values()] };
}

/** The same cycle, beginning with its smallest id. */
function rotated(cycle: readonly string[]): string[] {
  const smallest = cycle.reduce((least, id, i) => (id < (cycle[least] ?? id) ? i : least), 0);
  return [...cycle.slice(smallest), ...cycle.slice(0, smallest)];
}

/** A cycle as a problem at the first resource's `needs`. */
export function cycleProblem(cycle: readonly string[], first: LoadedResource): Problem {
  const path = [...cycle, cycle[0]].join(" -> ");
  return error("manifest/cycle", cycle.length === 1 ? `${cycle[0]} needs itself` : `These resources wait for each other: ${path}`, {
    where: first.where("spec.needs"),
    hint: "Remove one of these needs.",
  });
}

/** The resources that each resource waits for: its `needs`, and what its kind says. */
export function waitsFor(resources: readonly LoadedResource[], kinds: KindTable): ReadonlyMap<string, readonly string[]> {
  const before = new Map<string, string[]>();
  const add = (id: string, other: string): void => {
    const known = before.get(id);
    if (known === undefined) before.set(id, [other]);
    else known.push(other);
  };
  for (const { id, kind: name, resource } of resources) {
    for (const other of (resource.spec["needs"] as readonly string[] | undefined) ?? []) add(id, other);
    const kind = kinds.get(name);
    if (kind?.scope !== "hosts") continue;
    for (const { id: other, order } of kind.references(resource.spec)) {
      if (order === "before") add(id, other);
      else if (order === "after") add(other, id);
    }
  }
  return before;
}

/** Two resources that would own the same unit, file or package on one host: one problem for each pair of resources, with both places. */
export function claimConflicts(instances: Iterable<Instance>, kinds: KindTable): Problem[] {
  const looking = claimConflictsInPieces(instances, kinds);
  for (;;) {
    const { done, value } = looking.next();
    if (done === true) return value;
  }
}

/** The same in pieces of a millisecond or two. */
export function* claimConflictsInPieces(instances: Iterable<Instance>, kinds: KindTable): Generator<undefined, Problem[]> {
  let work = 0;
  const claims = new Map<string, readonly string[]>(),
    owners = new Map<string, Map<string, LoadedResource>>(),
    found = new Map<string, Problem>();
  for (const { resource, host } of instances) {
    if (++work % 1000 === 0) yield;
    const kind = kinds.get(resource.kind);
    if (kind?.scope !== "hosts") continue;
    let mine = claims.get(resource.id);
    if (mine === undefined) claims.set(resource.id, (mine = kind.claims(resource.resource.spec)));
    let here = owners.get(host);
    if (here === undefined) owners.set(host, (here = new Map()));
    for (const claim of mine) {
      const other = here.get(claim);
      if (other === undefined) here.set(claim, resource);
      else if (other.id !== resource.id) addConflict(found, claim, host, other, resource);
    }
  }
  return [...found.values()];
}

function addConflict(found: Map<string, Problem>, claim: string, host: string, a: LoadedResource, b: LoadedResource): void {
  const [first, second] = a.id < b.id ? [a, b] : [b, a],
    key = `${first.id} ${second.id}`;
  if (found.has(key)) return;
  const { file, line } = first.where(),
    [what, name] = [claim.slice(0, claim.indexOf(":")), claim.slice(claim.indexOf(":") + 1)];
  found.set(
    key,
    error("manifest/claimed-twice", `${first.id} and ${second.id} both set the ${what} ${name} on ${host}`, {
      detail: `${first.id} is declared at ${[file, line].filter((part) => part !== undefined).join(":")}`,
      where: second.where("spec.on"),
      hint: "Let their selectors pick different hosts, or keep one of the two.",
    }),
  );
}
