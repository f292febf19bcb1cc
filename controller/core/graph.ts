import { error, type Problem } from "../../schemas/problem.ts";
import type { KindTable } from "../kinds/define.ts";
import type { LoadedResource } from "./model.ts";

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
