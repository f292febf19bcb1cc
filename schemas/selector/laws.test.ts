import fc from "fast-check";
import { expect, test } from "vitest";
import {
  allOf,
  anyOf,
  compileSelector,
  matches,
  not,
  parseSelector,
  printSelector,
  select,
  type Selector,
  type SelectorHost,
} from "../selector.ts";
import { compileGlob, patternOf, tidyPattern } from "./glob.ts";

const character = fc.constantFrom(..."ab1-_.:/+@%é&|!()=<>,\"' ;~#\\");
const text = fc.string({ unit: character, minLength: 1, maxLength: 6 });
const pattern = fc
  .array(fc.oneof({ weight: 3, arbitrary: text.map(patternOf) }, { weight: 1, arbitrary: fc.constantFrom("*", "?", "\\*") }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => tidyPattern(parts.join("")));
const word = fc.oneof(text, fc.constantFrom("and", "or", "not", "vm", "any", "tag:a", "a*", "?", "\\", "tag"));
const values = fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 });
const term: fc.Arbitrary<Selector> = fc.oneof(
  word.map((name): Selector => ({ op: "word", word: name })),
  fc.record({ op: fc.constant("text" as const), key: fc.constantFrom("name", "tag", "os", "label.team", "status", "id"), values }),
  fc.constantFrom<Selector>({ op: "text", key: "kind", values: ["vm", "node"] }, { op: "text", key: "agent", values: ["any", "1.*"] }),
  fc.record({
    op: fc.constant("measure" as const),
    key: fc.constantFrom("cpu", "mem", "disk", "load"),
    compare: fc.constantFrom("=" as const, "<" as const, "<=" as const, ">" as const, ">=" as const),
    value: fc.integer({ min: 0, max: 1_000_000 }).map((n) => n / 1000),
  }),
);
const { selector } = fc.letrec<{ selector: Selector }>((tie) => ({
  selector: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 3, arbitrary: term },
    fc.constant<Selector>({ op: "all" }),
    tie("selector").map(not),
    fc.array(tie("selector"), { minLength: 1, maxLength: 3 }).map(allOf),
    fc.array(tie("selector"), { minLength: 1, maxLength: 3 }).map(anyOf),
  ),
}));

test("parse is the inverse of print", () => {
  fc.assert(
    fc.property(selector, (one) => {
      const printed = printSelector(one);
      fc.pre(printed.length <= 4096);
      expect(parseSelector(printed)).toEqual({ ok: true, selector: one });
    }),
    { numRuns: 2000 },
  );
});

const pieces = fc.constantFrom(
  ..."&|!()=<>,*?\"'\\ a:".split(""),
  "tag=",
  "name=",
  "cpu>",
  "80",
  "kind=vm",
  "agent=",
  "any",
  "and",
  "!=",
  "label.x=",
  "web-01",
  "İ",
  "ß",
  "\u0000",
  "\ud800",
  "😀",
  "%",
);
const soup = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join("")),
);

test("any text is either read, and then its canonical text is stable, or a problem with a place", () => {
  fc.assert(
    fc.property(soup, fc.boolean(), (written, stableOnly) => {
      const parsed = parseSelector(written, { stableOnly });
      if (parsed.ok) {
        const printed = printSelector(parsed.selector);
        expect(parseSelector(printed, { stableOnly })).toEqual(parsed);
        return;
      }
      const { offset, length, caret } = parsed.problem;
      expect(offset + length).toBeLessThanOrEqual(written.length);
      expect(caret).toMatch(/^[^\n]*\n *\^+$/);
    }),
    { numRuns: 5000 },
  );
});

test("a glob agrees with the textbook definition", () => {
  const agrees = (glob: string, subject: string): boolean => {
    if (glob === "") return subject === "";
    if (glob[0] === "*") return agrees(glob.slice(1), subject) || (subject !== "" && agrees(glob, subject.slice(1)));
    return subject !== "" && (glob[0] === "?" || glob[0] === subject[0]) && agrees(glob.slice(1), subject.slice(1));
  };
  const glob = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 7 });
  const subject = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 });
  fc.assert(
    fc.property(glob, subject, (one, other) => {
      expect(compileGlob(one)(other)).toBe(agrees(one, other));
    }),
    { numRuns: 5000 },
  );
});

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const host: fc.Arbitrary<SelectorHost> = fc.record({
  name: text,
  kind: fc.constantFrom("vm" as const, "node" as const, "host" as const),
  tags: fc.array(text, { maxLength: 2 }),
  labels: fc.constantFrom<Record<string, string>>({}, { team: "a" }),
  id: maybe(fc.nat(3)),
  os: maybe(text),
  status: maybe(text),
  agent: fc.constantFrom(undefined, null, { version: "1.2.0", outdated: false }),
  cpu: maybe(fc.nat(1000)),
  load: maybe(fc.nat(1000)),
});

test("learning a fact never turns a sure answer around", () => {
  fc.assert(
    fc.property(selector, host, (one, known) => {
      const { os: _os, status: _status, agent: _agent, cpu: _cpu, ...less } = known;
      const before = matches(one, less);
      if (before !== undefined) expect(matches(one, known)).toBe(before);
    }),
    { numRuns: 2000 },
  );
});

test("negation swaps picked and not picked, and leaves the unknown", () => {
  fc.assert(
    fc.property(selector, fc.array(host, { maxLength: 6 }), (one, hosts) => {
      const [yes, no] = [select(one, hosts), select(not(one), hosts)];
      expect(no.unknown).toEqual(yes.unknown);
      expect(yes.matched.length + no.matched.length + yes.unknown.length).toBe(hosts.length);
      expect(hosts.map(compileSelector(one)).every((match) => match === true || match === false || match === undefined)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
