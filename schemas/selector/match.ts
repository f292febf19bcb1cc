import { compileGlob, isGlob, literalOf } from "./glob.ts";
import { readerOf, type SelectorHost } from "./host.ts";
import type { MeasureTerm, Selector, TextTerm } from "./terms.ts";

/** Whether a host is picked; undefined where the answer hangs on a fact that is unknown. */
export type Match = boolean | undefined;

/** A selector made ready for many hosts. */
export type SelectorPredicate = (host: SelectorHost) => Match;

/** Makes a selector ready for many hosts; a bare word is an exact name here, prefixes need an inventory (`select`). */
export function compileSelector(selector: Selector): SelectorPredicate {
  switch (selector.op) {
    case "all":
      return () => true;
    case "word":
      return ({ name, aliases }) =>
        name.toLowerCase() === selector.word || (aliases?.some((alias) => alias.toLowerCase() === selector.word) ?? false);
    case "text":
      return selector.key === "agent" ? compileAgent(selector) : compileText(selector);
    case "measure":
      return compileMeasure(selector);
    case "not":
      return negate(compileSelector(selector.of));
    case "and":
      return untilOne(selector.of.map(compileSelector), false);
    case "or":
      return untilOne(selector.of.map(compileSelector), true);
  }
}

/** Whether one host is picked. */
export const matches = (selector: Selector, host: SelectorHost): Match => compileSelector(selector)(host);

function negate(predicate: SelectorPredicate): SelectorPredicate {
  return (host) => {
    const match = predicate(host);
    return match === undefined ? undefined : !match;
  };
}

/** `&` is decided by one false, `|` by one true; otherwise one unknown makes the whole unknown (Kleene). */
function untilOne(predicates: readonly SelectorPredicate[], decisive: boolean): SelectorPredicate {
  return (host) => {
    let answer: Match = !decisive;
    for (const predicate of predicates) {
      const match = predicate(host);
      if (match === decisive) return decisive;
      if (match === undefined) answer = undefined;
    }
    return answer;
  };
}

function compileText({ key, values }: TextTerm): SelectorPredicate {
  const read = readerOf(key);
  const test = anyValue(values);
  return (host) => {
    const known = read(host);
    if (known === undefined) return undefined;
    return typeof known === "string" ? test(known) : known.some(test);
  };
}

function compileAgent({ values }: TextTerm): SelectorPredicate {
  const version = anyValue(values);
  const [none, any, outdated] = [values.includes("none"), values.includes("any"), values.includes("outdated")];
  return ({ agent }) =>
    agent === undefined ? undefined : agent === null ? none : any || (outdated && agent.outdated) || version(agent.version);
}

function anyValue(values: readonly string[]): (text: string) => boolean {
  const literals = new Set(values.filter((value) => !isGlob(value)).map(literalOf));
  const globs = values.filter(isGlob).map(compileGlob);
  return (text) => {
    const lower = text.toLowerCase();
    return literals.has(lower) || globs.some((glob) => glob(lower));
  };
}

function compileMeasure({ key, compare, value }: MeasureTerm): SelectorPredicate {
  const holds = comparisons[compare];
  return (host) => {
    const measured = key === "cpu" ? host.cpu : key === "mem" ? host.mem : key === "disk" ? host.disk : host.load;
    return measured === undefined || Number.isNaN(measured) ? undefined : holds(measured, value);
  };
}

const comparisons: Readonly<Record<MeasureTerm["compare"], (a: number, b: number) => boolean>> = {
  "=": (a, b) => a === b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};
