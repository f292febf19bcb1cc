import { mapTerms } from "./form.ts";
import { patternOf } from "./glob.ts";
import type { SelectorHost } from "./host.ts";
import { termsOf } from "./inspect.ts";
import { compileSelector } from "./match.ts";
import type { Selector } from "./terms.ts";

/** The hosts that a selector picks, and those for which the answer hangs on unknown facts: these are never counted as "not picked". */
export interface Selection<H> {
  readonly matched: readonly H[];
  readonly unknown: readonly H[];
}

/** Picks hosts out of an inventory, in its order. */
export function select<H extends SelectorHost>(selector: Selector, hosts: readonly H[]): Selection<H> {
  const predicate = compileSelector(resolveWords(selector, hosts));
  const matched: H[] = [];
  const unknown: H[] = [];
  for (const host of hosts) {
    const match = predicate(host);
    if (match === true) matched.push(host);
    else if (match === undefined) unknown.push(host);
  }
  return { matched, unknown };
}

/** Turns each bare word into `name=word` where a host has this exact name or alias, into the prefix `name=word*` where none has. */
export function resolveWords(selector: Selector, hosts: readonly SelectorHost[]): Selector {
  const words = new Set(termsOf(selector).flatMap((term) => (term.op === "word" ? [term.word] : [])));
  if (words.size === 0) return selector;
  const exact = new Set<string>();
  for (const { name, aliases } of hosts) {
    for (const called of aliases === undefined ? [name] : [name, ...aliases]) {
      const lower = called.toLowerCase();
      if (words.has(lower)) exact.add(lower);
    }
  }
  return mapTerms(selector, (term) =>
    term.op === "word" ? { op: "text", key: "name", values: [`${patternOf(term.word)}${exact.has(term.word) ? "" : "*"}`] } : term,
  );
}
