import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { readYamlDocument } from "./positions.ts";
import { readSimpleYaml } from "./yaml-simple.ts";

/** The law: an answer is the full reader's value, and that finds no flaw. */
function agrees(text: string): boolean {
  const simple = readSimpleYaml(text);
  if (simple === undefined) return false;
  const { value, flaws, empty } = readYamlDocument(text);
  expect(flaws).toEqual([]);
  expect(simple.value ?? null).toEqual(empty ? null : value);
  return true;
}

describe("the simple reader", () => {
  it.each([
    "a: 1\nb: text # comment\n",
    "---\n# top\na:\n  b:\n    - x\n    - y: 1\n      z: [a, 'b c', { d: \"e\" }]\n",
    "a:\n- 1\n- - 2\n  - 3\nb: |\n  text\n    more\n\n  # no comment\nc: |-\n   x\n",
    'url: http://localhost:80/x#y\ntime: 2026-11-20T10:00:00Z\nmode: "0644"\nempty:\nversion: 1.24.*\n',
    "# only a comment\n",
    "a: { b: http://x/y, t: 10:30:00 }\n",
  ])("answers plain manifests: %j", (text) => {
    expect(agrees(text)).toBe(true);
  });

  it.each([
    "a: 1\na: 2\n",
    "a: b: c\n",
    "a: *x\n",
    "a: !x y\n",
    "a: 0644\n",
    "a: ~\n",
    "a: 1.5\n",
    'a: "x\\n"\n',
    "a: >\n  x\n",
    "a:\tb\n",
    "a: x\n  y\n",
    "a: [1,\n 2]\n",
    "__proto__: 1\n",
    "a: |\n  x",
    "a: |\n  x\n y\n",
    "a\n",
    "- |\n x\n",
    "a: 'it''s'\n",
    "true: 1\n",
  ])("leaves to the full reader what needs care: %j", (text) => {
    expect(readSimpleYaml(text)).toBeUndefined();
  });

  const line = fc
    .tuple(
      fc.constantFrom("", " ", "  ", "    ", "      ", "- ", "  - ", "    - ", "- - "),
      fc.constantFrom("", "a: ", "b:", "c: ", "key.x: ", '"q": ', "a:", "?", "- "),
      fc.constantFrom(
        "",
        "x",
        "1",
        "01",
        "1.5",
        "true",
        "null",
        "x y",
        "x # c",
        "x #",
        "#c",
        "x:y",
        "x: y",
        "'s'",
        '"d"',
        "'s' # c",
        "'s'x",
        "[]",
        "{}",
        "[a, b]",
        "{ a: 1, b: c }",
        "[a, [b]]",
        "{a: 1}",
        "{ a:1 }",
        "[a,b] # c",
        "[a, b",
        "|",
        "|-",
        "|+",
        "| # c",
        "|2",
        ">",
        "&a x",
        "*a",
        "!t x",
        "- x",
        "x ",
        "..",
        "-1",
        "1e3",
        "0x1",
        "1_000",
        "http://a:80/b",
        ":x",
        "x:",
        "-",
        "---",
        "...",
      ),
    )
    .map((parts) => parts.join(""));

  it("agrees with the full reader wherever it answers", () => {
    let answered = 0;
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 7 }),
        fc.boolean(),
        (lines, complete) => void (agrees(lines.join("\n") + (complete ? "\n" : "")) && answered++),
      ),
      { numRuns: 30_000 },
    );
    expect(answered).toBeGreaterThan(300);
  });

  it("agrees with the full reader on written values", () => {
    const scalar = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.stringMatching(/^[a-z0-9 :#,'"\n[\]{}-]{0,12}$/),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.constantFrom("a\nb\n", "x\n\ny", "0644", "1.24.*", "2026-11-20T10:00:00Z"),
    );
    const value = fc.dictionary(
      fc.stringMatching(/^[a-z][a-z.]{0,3}$/),
      fc.letrec((tie) => ({
        any: fc.oneof(
          { maxDepth: 3 },
          scalar,
          fc.array(tie("any"), { maxLength: 3 }),
          fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), tie("any"), { maxKeys: 3, noNullPrototype: true }),
        ),
      })).any,
      { noNullPrototype: true },
    );
    const styles = fc.record({
      collectionStyle: fc.constantFrom("any" as const, "flow" as const),
      indent: fc.constantFrom(2, 4),
      indentSeq: fc.boolean(),
      singleQuote: fc.constantFrom(null, true),
      lineWidth: fc.constantFrom(0, 30),
    });
    let answered = 0;
    fc.assert(
      fc.property(value, styles, (of, style) => void (agrees(stringify(of, style)) && answered++)),
      { numRuns: 3000 },
    );
    expect(answered).toBeGreaterThan(100);
  });
});
