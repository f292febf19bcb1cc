import { expect, test } from "vitest";
import { isStable, namesIn, parseSelector, printSelector, selectorLimits } from "../selector.ts";

const canonical = (text: string, stableOnly = false): string => {
  const parsed = parseSelector(text, { stableOnly });
  return parsed.ok ? printSelector(parsed.selector) : `${parsed.problem.message}\n${parsed.problem.caret}`;
};

const problemOf = (text: string, stableOnly = false) => {
  const parsed = parseSelector(text, { stableOnly });
  if (parsed.ok) throw new Error(`${text} was read as ${printSelector(parsed.selector)}`);
  return parsed.problem;
};

test.each([
  ["*", "*"],
  ["**", "*"],
  ["web-01", "web-01"],
  ["Web-01", "web-01"],
  ["web-*", "name=web-*"],
  ["  tag = production ", "tag=production"],
  ["tag=webserver & !name=cdn-*", "tag=webserver & !name=cdn-*"],
  ["name!=cdn-*", "!name=cdn-*"],
  ["!name!=a", "name=a"],
  ["a|b&c", "a | b & c"],
  ["(a|b)&c", "(a | b) & c"],
  ["((a))&(b&c)", "a & b & c"],
  ["!a&b", "!a & b"],
  ["!(a&b)", "!(a & b)"],
  ["!!a", "a"],
  ["!*", "!*"],
  ["kind=vm, container , vm", "kind=vm,container"],
  ["service=nginx.service", "service=nginx"],
  ["cpu > 80% & mem>=90 & disk!=60.50 & load<4", "cpu>80 & mem>=90 & !disk=60.5 & load<4"],
  ['name="a b"', 'name="a b"'],
  ["name='a \"b'", 'name="a \\"b"'],
  ['name="web-01"', "name=web-01"],
  ['name="50\\*"', 'name="50\\*"'],
  ['"a b"', '"a b"'],
  ['"and"', '"and"'],
  ['tag=a | "b"', 'tag=a | "b"'],
  ["tag=a | name=b", "tag=a | name=b"],
  ["b | tag=a", "b | tag=a"],
  ["!(a & tag=b) | c", "!(a & tag=b) | c"],
  ['tag=a | "b" & c', 'tag=a | "b" & c'],
  ["label.Team=Web & label.example.com/tier=''", 'label.team=web & label.example.com/tier=""'],
  ["os_version=22.04,24.*", "os_version=22.04,24.*"],
  ["agent=none|agent=1.2.0", "agent=none | agent=1.2.0"],
  ["name=münchen-?", "name=münchen-?"],
])("%s is %s", (text, expected) => {
  expect(canonical(text)).toBe(expected);
  expect(canonical(expected)).toBe(expected);
});

test.each([
  ["", "This selector is empty", 0],
  ["  ", "This selector is empty", 2],
  ["tag=", "A value is missing after =", 4],
  ["kind=vm,", "A value is missing after the comma", 8],
  ['tag=""', '"tag" needs a value', 4],
  ["tag=a &", "A term is missing at the end", 7],
  ["tag=a && tag=b", "One & is enough", 7],
  ["tag=a tag=b", "Two terms must be joined", 6],
  ["tag=a and tag=b", "Two terms must be joined", 6],
  ["not tag=a", '"not" is not a sign of this language', 0],
  ["(tag=a", "This ( is not closed", 0],
  ["tag=a)", "This ) was never opened", 5],
  ["()", "A term is missing before )", 1],
  ["& a", "A term is missing before &", 0],
  ["a,b", "Only the values of a key are joined by a comma", 1],
  ['name="a', "This quote is not closed", 5],
  ['name="a\\n"', "A backslash has nothing to escape here", 7],
  ["name=a;b", '";" cannot stand here', 6],
  ["a\u0007", "Character U+0007 cannot stand here", 1],
  ["tag:web", "A key and its value are joined by =", 0],
  ["tag==web", '"==" is not a comparison', 3],
  ["tag>web", '"tag" has no order', 3],
  ["cpu>high", '"high" is not a number', 4],
  ["load>4%", '"4%" is not a number', 5],
  ["cpu>1e3", '"1e3" is not a number', 4],
  ["cpu=1,2", '"cpu" takes one number', 6],
  ["kind=vm,server", '"server" is not a value of "kind"', 8],
  ["agent=old", '"old" is not a value of "agent"', 6],
  ["kind=node|vm", '"vm" after a value and | could be one more value or the name of a host', 10],
  ["label=web", 'There is no key "label"', 0],
  ["'tag'=web", "A key comes without quotes, and with one comparison", 5],
])("%j: %s", (text, message, offset) => {
  const problem = problemOf(text);
  expect(problem.message).toBe(message);
  expect(problem.offset).toBe(offset);
});

test.each([
  ["tga=web", "tag"],
  ["clustr=lab", "cluster"],
  ["lable.team=web", "label.team"],
  ["hostname=a", "name"],
  ["ram>4", "mem"],
  ["kind=contaner", "container"],
  ["agent=outdatet", "outdated"],
  ["cpu=>80", ">="],
  ["tag:web", "tag=web"],
  ["a and b", "&"],
  ["kind=node|vm", "node,vm"],
  ["zzz=1", undefined],
])("%s offers %s", (text, nearest) => {
  expect(problemOf(text).nearest).toBe(nearest);
});

test("the caret stands under the place", () => {
  expect(problemOf("tag=web & tga=db").caret).toBe("tag=web & tga=db\n          ^^^");
  expect(problemOf("tag=a &").caret).toBe("tag=a &\n       ^");
  const long = `${"tag=a & ".repeat(50)}tga=b${" & tag=a".repeat(50)}`;
  const [shown, marks] = problemOf(long).caret.split("\n");
  expect(shown?.slice(marks?.indexOf("^"), marks?.length)).toBe("tga");
  expect(shown?.length).toBeLessThanOrEqual(102);
});

test("limits are errors", () => {
  expect(problemOf("a".repeat(selectorLimits.characters + 1)).message).toMatch("longer than 4096");
  expect(problemOf(`${"(".repeat(65)}a${")".repeat(65)}`).message).toBe("More than 64 levels of ( and !");
  expect(problemOf(`${"!".repeat(5000)}a`).message).toMatch("longer than 4096");
  expect(problemOf(`${"!".repeat(4000)}a`).message).toBe("More than 64 levels of ( and !");
  expect(problemOf(Array(257).fill("a").join("|")).message).toBe("More than 256 terms");
  expect(problemOf(`name=${Array(257).fill("a").join(",")}`).message).toBe("More than 256 terms");
  expect(problemOf(`name='${'"'.repeat(4000)}'`).message).toMatch("Written out in full");
  expect(canonical(`${"(".repeat(64)}a${")".repeat(64)}`)).toBe("a");
  expect(canonical(Array(256).fill("a").join("|"))).toMatch(/^a \| /);
});

test("on: of a manifest takes stable terms, and a bare word as a name", () => {
  expect(canonical("web-01 & tag=web", true)).toBe("name=web-01 & tag=web");
  for (const text of ["cpu>80", "status=running", "service=nginx", "agent=none"]) {
    const problem = problemOf(`tag=web & ${text}`, true);
    expect(problem.message).toMatch("changes while hosts run");
    expect(problem.expected).toBe("name id tag label.NAME kind cluster node os os_version");
  }
});

test("what a selector mentions", () => {
  const read = (text: string) => {
    const parsed = parseSelector(text);
    if (!parsed.ok) throw new Error(parsed.problem.message);
    return parsed.selector;
  };
  expect(namesIn(read('web-01 & !name=Db,x-* | "web-01" | tag=a'))).toEqual(["web-01", "db"]);
  expect(isStable(read("name=web-01 & tag=a"))).toBe(true);
  expect(isStable(read("web-01"))).toBe(false);
  expect(isStable(read("tag=a & !cpu>80"))).toBe(false);
});
