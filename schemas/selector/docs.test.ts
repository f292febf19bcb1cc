import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseSelector, selectorKeys } from "../selector.ts";

const page = readFileSync(new URL("../../docs/selectors.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/```selector\n([\s\S]*?)```/g)].flatMap(([, block]) => block!.trim().split("\n"));
const rows = new Map([...page.matchAll(/^\| `([^`]+)` \| .* \| (yes|no) \|$/gm)].map(([, term, stable]) => [term!, stable === "yes"]));

test.each(examples)("the page's example %s is read", (text) => expect(parseSelector(text).ok).toBe(true));

test.each([...selectorKeys])("the page shows $example, and whether on: takes it", ({ example, stable }) => {
  expect(rows.get(example)).toBe(stable);
  expect(parseSelector(example).ok).toBe(true);
  expect(parseSelector(example, { stableOnly: true }).ok).toBe(stable);
});

test("the page shows no key that is none", () => expect(rows.size).toBe(selectorKeys.length));
