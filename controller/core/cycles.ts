import type { Problem } from "../../schemas/problem.ts";
import { cycleProblem, topologicalOrder } from "./graph.ts";
import type { WorkspaceIndex } from "./workspace-index.ts";

/** Pieces of work between two yields. */
const piece = 1000;
const nothing: readonly never[] = [];

/**
 * A new cycle leads through an id that somebody else has now, so only these are followed; where there were cycles before, all are. What waits
 * for nothing, and what waits for such alone, is left out step by step: cycles remain.
 */
export function* findCycles(index: WorkspaceIndex, touched: Iterable<string>): Generator<undefined, Problem[]> {
  const left = new Map<string, number>(),
    waiting = new Map<string, string[]>(),
    free: string[] = [];
  let work = 0;
  for (const root of index.cycles.length > 0 ? index.byId.keys() : touched) {
    if (++work % (piece * 2) === 0) yield;
    if (waitsForIn(index, root).length === 0) continue;
    const stack = [root];
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      if (left.has(id)) continue;
      const before = waitsForIn(index, id);
      left.set(id, before.length);
      if (before.length === 0) free.push(id);
      for (const other of before) {
        const waiters = waiting.get(other);
        if (waiters === undefined) waiting.set(other, [id]);
        else waiters.push(id);
        stack.push(other);
      }
      if (++work % piece === 0) yield;
    }
  }
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    left.delete(id);
    for (const waiter of waiting.get(id) ?? nothing) {
      const count = left.get(waiter)! - 1;
      left.set(waiter, count);
      if (count === 0) free.push(waiter);
    }
    if (++work % (piece * 2) === 0) yield;
  }
  const { cycles } = topologicalOrder(left.keys(), (id) => waitsForIn(index, id));
  return cycles.map((cycle) => cycleProblem(cycle, index.byId.get(cycle[0] ?? "")![0]!.plain));
}

/** The ids that one waits for, of those that there are. */
function waitsForIn(index: WorkspaceIndex, id: string): readonly string[] {
  const references = index.byId.get(id)?.[0]?.parsed.references ?? nothing,
    naming = index.naming.get(id);
  if (references.length === 0 && naming === undefined) return nothing;
  const found: string[] = [];
  for (const reference of references) if (reference.order === "before" && index.byId.has(reference.id)) found.push(reference.id);
  for (const { parsed } of naming ?? nothing)
    if (index.byId.has(id) && parsed.references.some((reference) => reference.id === id && reference.order === "after"))
      found.push(parsed.id);
  return found;
}
