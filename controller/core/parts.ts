import type { LoadedResource } from "./model.ts";

/** The resources of one file, in their order. The same object from one load to the next as long as it says the same. */
export type Part = readonly LoadedResource[];

/** Resources that left and that came between two loads; one that says something else, or stands elsewhere in its file, is among both. Cost: the files, and the resources of those that changed. */
export function changedParts(before: readonly Part[], after: readonly Part[]): { gone: LoadedResource[]; come: LoadedResource[] } {
  const old = new Set(before),
    now = new Set(after);
  const left = before.filter((part) => !now.has(part)).flat(),
    arrived = after.filter((part) => !old.has(part)).flat();
  const stays = new Set(left),
    stayed = new Set(arrived);
  return { gone: left.filter((one) => !stayed.has(one)), come: arrived.filter((one) => !stays.has(one)) };
}

const kept = new WeakMap<Part, ReadonlyMap<string, Part>>();

/** The resources of one kind, in the order of their files; each part is looked through once. */
export const resourcesOfKind = (parts: readonly Part[], kind: string): LoadedResource[] =>
  parts.flatMap((part) => {
    let byKind = kept.get(part);
    if (byKind === undefined) kept.set(part, (byKind = Map.groupBy(part, (one) => one.kind)));
    return byKind.get(kind) ?? [];
  });
