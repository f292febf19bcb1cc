import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { contextOf, factAfter, outcomeOf, readCases, specOf } from "./case.fixture.ts";
import type { InstanceKind } from "./define.ts";
import { kinds } from "./index.ts";

const here = import.meta.dirname;
/** Folders of kinds; one without an index holds what several of them share. */
const folders = readdirSync(here, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(here, entry.name, "index.ts")))
  .map(({ name }) => name);
/** `agent-placement` for AgentPlacement. */
const folderOf = (kind: string): string => kind.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase();

it("has a folder for every kind of the table, and a kind for every folder", () => {
  expect([...kinds.keys()].map(folderOf).sort()).toEqual(folders.sort());
});

const instanceKinds = [...kinds.values()].filter((kind): kind is InstanceKind => kind.scope === "hosts");

describe.each(instanceKinds)("$kind", (kind) => {
  const folder = join(here, folderOf(kind.kind), "cases");
  const cases = readdirSync(folder)
    .sort()
    .flatMap((file) => readCases(readFileSync(join(folder, file), "utf8")));

  it.each(cases)("$case", (one) => {
    expect(outcomeOf(kind, one)).toEqual(one.expected);
  });

  it("finds nothing more to do once the steps reached their goal", () => {
    for (const one of cases) {
      const context = contextOf(kind, one),
        spec = specOf(kind, one),
        outcome = kind.evaluate(spec, one.fact, context);
      if (outcome.is !== "differs") continue;
      const then = kind.evaluate(spec, factAfter(one.fact, outcome.evaluation.steps), context),
        left = then.is === "differs" ? then.evaluation.differences.map(({ path }) => path) : then;
      expect([one.case, left]).toEqual([one.case, one.then ?? { is: "in-sync" }]);
    }
  });

  it("describes facts such that nothing differs", () => {
    for (const one of cases) {
      const described = kind.describeFact(one.fact);
      if (
        described === undefined ||
        "due" in one.fact ||
        kind.evaluate(specOf(kind, one), one.fact, contextOf(kind, one)).is === "changing"
      )
        continue;
      const spec = specOf(kind, { ...one, spec: described });
      expect([one.case, kind.evaluate(spec, one.fact, contextOf(kind, one))]).toEqual([one.case, { is: "in-sync" }]);
    }
  });

  it("takes a change back by a manifest such that the fact before is wanted again", () => {
    for (const one of cases) {
      const spec = specOf(kind, one),
        outcome = kind.evaluate(spec, one.fact, contextOf(kind, one));
      if (outcome.is !== "differs") continue;
      const back = kind.revert(spec, one.fact, outcome.evaluation.differences);
      if (back === undefined) continue;
      const merged = Object.fromEntries(
        Object.entries({ ...one.spec, ...back }).filter(
          ([field, value]) => value !== null && field !== "restartedAt" && field !== "upgradedAt",
        ),
      );
      expect([
        one.case,
        kind.evaluate(specOf(kind, { ...one, spec: merged }), { ...one.fact, due: undefined }, contextOf(kind, one)),
      ]).toEqual([one.case, { is: "in-sync" }]);
    }
  });
});
