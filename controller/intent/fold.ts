import { canonicalJson } from "../../schemas/canonical.ts";
import type { Draft, Managed } from "./draft.ts";
import { narrowed, splitFrom, splitOn } from "./split.ts";
import type { Params, Wish } from "./words/define.ts";

/**
 * Gives back to a resource what was split off for a moment that has passed (a restart, an upgrade), so that resources do not multiply with each such
 * request. Only where nothing else sets the two apart, the part is in sync, nobody names it, and giving it back asks for nothing on its hosts.
 */
export async function foldBack(wish: Wish, draft: Draft): Promise<void> {
  const moments = Object.keys(wish.set);
  for (const part of draft.claiming(wish.kind, wish.claim)) {
    const written = await draft.written(part.id),
      annotations = (written?.metadata["annotations"] ?? {}) as Record<string, string>;
    const whole = draft.find(annotations[splitFrom] ?? ""),
      original = annotations[splitOn];
    if (written === undefined || whole === undefined || original === undefined || !part.inSync || draft.isNamed(part.id)) continue;
    const narrow = narrowed(original, part.on),
      mother = await draft.written(whole.id);
    if (narrow !== whole.on || mother === undefined || !differOnlyIn(moments, part, whole, written, mother)) continue;
    if ((await draft.remove(part.id)) !== undefined) continue;
    await draft.cover(whole.id, original, new Set([...whole.hosts, ...part.hosts]));
    draft.note(`${part.id} goes back into ${whole.id}: nothing sets them apart any more.`);
  }
}

/** The moment of the part is not before that of the whole: otherwise giving it back would ask for another restart. */
function differOnlyIn(
  moments: readonly string[],
  part: Managed,
  whole: Managed,
  written: { metadata: Params; spec: Params },
  mother: { metadata: Params; spec: Params },
): boolean {
  const rest = (spec: Params): string =>
    canonicalJson(Object.fromEntries(Object.entries(spec).filter(([key]) => key !== "on" && !moments.includes(key))));
  const labels = (metadata: Params): string => canonicalJson(metadata["labels"] ?? {});
  return (
    rest(part.spec) === rest(whole.spec) &&
    labels(written.metadata) === labels(mother.metadata) &&
    moments.every((key) => whole.spec[key] === undefined || Date.parse(String(part.spec[key])) >= Date.parse(String(whole.spec[key])))
  );
}
