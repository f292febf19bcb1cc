import Type, { type Static } from "typebox";
import { selectorLimits } from "./selector/terms.ts";

export { all, allOf, anyOf, not } from "./selector/form.ts";
export type { HostKind, SelectorHost } from "./selector/host.ts";
export { isStable, namesIn, termsOf } from "./selector/inspect.ts";
export { type SelectorKey, selectorKeys } from "./selector/keys.ts";
export { compileSelector, type Match, matches, type SelectorPredicate } from "./selector/match.ts";
export { type ParsedSelector, type ParseOptions, parseSelector } from "./selector/parse.ts";
export { printSelector } from "./selector/print.ts";
export type { SelectorProblem } from "./selector/problem.ts";
export { resolveWords, select, type Selection } from "./selector/select.ts";
export { type MeasureTerm, type Selector, selectorLimits, type Term, type TextTerm, type WordTerm } from "./selector/terms.ts";

/** The text of a selector as it stands in manifests and requests; what it says is checked by `parseSelector`. */
export const SelectorText = Type.String({
  minLength: 1,
  maxLength: selectorLimits.characters,
  description: "A selector: which hosts, such as tag=web & !name=cdn-*",
});
export type SelectorText = Static<typeof SelectorText>;
