import type { Selector, Term } from "./terms.ts";

/** The selector of every host: `*`. */
export const all: Selector = { op: "all" };

/** Hosts that every part picks, with nested `&` made flat; no part at all picks every host. */
export const allOf = (parts: readonly Selector[]): Selector => join("and", parts) ?? all;

/** Hosts that any part picks, with nested `|` made flat; no part at all picks none. */
export const anyOf = (parts: readonly Selector[]): Selector => join("or", parts) ?? not(all);

/** Hosts that the selector does not pick; two negations cancel. */
export const not = (selector: Selector): Selector => (selector.op === "not" ? selector.of : { op: "not", of: selector });

function join(op: "and" | "or", parts: readonly Selector[]): Selector | undefined {
  const of = parts.flatMap((part) => (part.op === op ? part.of : [part]));
  return of.length > 1 ? { op, of } : of[0];
}

/** The same expression with every term replaced. */
export function mapTerms(selector: Selector, change: (term: Term) => Selector): Selector {
  if (selector.op === "all") return selector;
  if (selector.op === "not") return not(mapTerms(selector.of, change));
  if (selector.op === "and") return allOf(selector.of.map((part) => mapTerms(part, change)));
  if (selector.op === "or") return anyOf(selector.of.map((part) => mapTerms(part, change)));
  return change(selector);
}
