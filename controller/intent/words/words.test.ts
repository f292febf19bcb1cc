import { expect, test } from "vitest";
import { kinds } from "../../kinds/index.ts";
import { fold } from "../grammar/tokens.ts";
import { tools } from "../claude/tools.ts";
import { actions, words } from "./index.ts";

test("every kind of words is a kind of the table", () => {
  expect([...words.keys()].filter((kind) => !kinds.has(kind))).toEqual([]);
});

test("every action has its verbs in three languages, as sentences are folded, and is offered to Claude", () => {
  for (const { action, verbs } of actions.values())
    for (const list of [verbs.en, verbs.de, verbs.es]) {
      expect(list.length, action).toBeGreaterThan(0);
      expect(list.map(fold), action).toEqual(list);
    }
  expect(JSON.stringify(tools.find(({ name }) => name === "propose_change"))).toContain(JSON.stringify([...actions.keys()].sort()));
});

test("tools are sorted, so that prompts stay cached", () => {
  const names = tools.map(({ name }) => name);
  expect(names).toEqual([...names].sort());
});
