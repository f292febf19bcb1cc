import { isStable, parseSelector, printSelector, resolveWords, type Selector } from "../../schemas/selector.ts";
import { type Known, type KnownHost, pick } from "./known.ts";

/** A step's hosts as they are now. */
export interface Resolved {
  readonly selector: Selector;
  readonly hosts: readonly KnownHost[];
  readonly unknown: readonly KnownHost[];
}

/** Resolves a selector of an intent; a problem in words where it is none. `within`: names that a request is confined to. */
export function resolve(text: string, known: Known, within?: readonly string[]): Resolved | { readonly problem: string } {
  const parsed = parseSelector(text);
  if (!parsed.ok) return { problem: `"${text}" is no selector: ${parsed.problem.message}` };
  const selector = resolveWords(
      parsed.selector,
      known.hosts.map(({ as }) => as),
    ),
    picked = pick(selector, known);
  const inside = (host: KnownHost): boolean =>
    within === undefined || within.includes(host.name) || (host.as.aliases ?? []).some((alias) => within.includes(alias));
  return { selector, hosts: picked.hosts.filter(inside), unknown: picked.unknown.filter(inside) };
}

/** Names that fit into one selector with room to spare. */
const mostNames = 200;

/** A selector for a manifest that picks exactly these hosts now: the wish's own words where they are stable and say the same, else the names; undefined where there are too many. */
export function manifestSelector(hosts: readonly string[], wished: Selector, known: Known): string | undefined {
  const wanted = [...hosts].sort().join(" "),
    same =
      pick(wished, known)
        .hosts.map(({ name }) => name)
        .sort()
        .join(" ") === wanted;
  if (same && isStable(wished)) return printSelector(wished);
  return hosts.length > mostNames ? undefined : printSelector({ op: "text", key: "name", values: [...hosts].sort() });
}
