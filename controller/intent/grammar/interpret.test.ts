import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { parse } from "yaml";
import { describe, expect, test } from "vitest";
import { Intent } from "../../../schemas/intent.ts";
import { parseSelector } from "../../../schemas/selector.ts";
import { type Known, pick } from "../known.ts";
import { fleet, knownHost } from "../pretend-hosts.ts";
import { interpret } from "./interpret.ts";

interface Case {
  readonly say: string;
  readonly action?: string;
  readonly actions?: readonly string[];
  readonly ask?: string;
  readonly refuse?: string;
  readonly kind?: string;
  readonly hosts?: string;
  readonly count?: number;
  readonly params?: Record<string, unknown>;
  readonly condition?: Record<string, unknown>;
  readonly candidates?: number;
  readonly text?: string;
  readonly notes?: number;
}

const cases = parse(readFileSync(new URL("../cases/sentences.yaml", import.meta.url), "utf8")) as Case[];
const known: Known = { hosts: fleet.map(knownHost), resources: [], glossary: {} };
const valid = new Ajv2020({ strict: true, strictTypes: false }).compile(Intent);

function hostsOf(selector: string): string[] {
  const parsed = parseSelector(selector);
  return parsed.ok ? pick(parsed.selector, known).hosts.map(({ name }) => name) : [`no selector: ${selector}`];
}

test.each(cases)("$say", (one) => {
  const { intent, notes } = interpret(one.say, known);
  expect(valid(intent), JSON.stringify(valid.errors)).toBe(true);
  const said = `${intent.refusal?.text ?? ""}${intent.question?.text ?? ""}`;
  expect([intent.kind, said]).toEqual([
    one.kind ?? (one.refuse !== undefined ? "refuse" : one.ask !== undefined ? "query" : "change"),
    said,
  ]);
  if (one.refuse !== undefined) expect(intent.refusal?.reason).toBe(one.refuse);
  if (one.ask !== undefined) expect(intent.query?.ask).toBe(one.ask);
  if (one.action !== undefined || one.actions !== undefined)
    expect(intent.steps.map(({ action }) => action)).toEqual(one.actions ?? [one.action]);
  const picked = [
    ...new Set([...intent.steps, ...(intent.query === undefined ? [] : [intent.query])].flatMap(({ selector }) => hostsOf(selector))),
  ];
  if (one.hosts !== undefined) expect(picked.sort()).toEqual(one.hosts.split(" ").sort());
  if (one.count !== undefined) expect(picked.length).toBe(one.count);
  if (one.params !== undefined) expect(intent.steps[0]?.params ?? intent.query?.params).toEqual(one.params);
  expect(intent.steps[0]?.condition).toEqual(one.condition);
  if (one.candidates !== undefined) expect(intent.question?.candidates.length).toBe(one.candidates);
  if (one.text !== undefined) expect(said).toContain(one.text);
  if (one.notes !== undefined) expect(notes.length).toBe(one.notes);
});

describe("laws", () => {
  test("case and final signs change nothing", () => {
    for (const { say } of cases.filter(({ say: text }) => !/PermitRootLogin|memory|MySQL|'/.test(text))) {
      const plain = interpret(say, known).intent,
        loud = interpret(`${say.toUpperCase()} !`, known).intent;
      expect({ ...loud, scopeQuote: "", question: loud.question?.candidates, refusal: loud.refusal?.reason }, say).toEqual({
        ...plain,
        scopeQuote: "",
        question: plain.question?.candidates,
        refusal: plain.refusal?.reason,
      });
    }
  });

  test("whatever is said, it is a valid intent whose steps pick the hosts that they count", () => {
    const words = fc.constantFrom(
      ...cases.flatMap(({ say }) => say.split(" ")),
      "'",
      '"',
      "*",
      "&",
      "=",
      "\u202e",
      "web-01'; DROP",
      "name=",
      "constructor",
      "__proto__",
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 14 }), (said) => {
        const { intent } = interpret(said.join(" "), known);
        if (!valid(intent)) throw new Error(JSON.stringify(valid.errors));
        for (const step of intent.steps)
          if (hostsOf(step.selector).length !== step.expectedCount) throw new Error(`${step.selector}: ${step.expectedCount}`);
      }),
      { numRuns: 300 },
    );
  });

  test("a glossary explains phrases", () => {
    const { intent } = interpret("restart nginx on the front row", { ...known, glossary: { "front row": "name=web-01,web-02" } });
    expect(intent.steps.map(({ selector }) => hostsOf(selector))).toEqual([["web-01", "web-02"]]);
  });

  test("an answer to 'on which hosts?' completes the sentence", () => {
    const { intent } = interpret("restart nginx", known, "name=web-02");
    expect(intent.steps).toEqual([
      { action: "service.restart", selector: "name=web-02", expectedCount: 1, params: { service: "nginx" }, after: [] },
    ]);
  });
});

/** Words for a group of hosts as they are written, and what the hosts are tagged: all of them have to mean these hosts, without a question. */
describe.each([
  ["web"],
  ["webserver"],
  ["webservers"],
  ["web-server"],
  ["web-servers"],
  ["web_server"],
  ["web_servers"],
  ["web", "webserver"],
])("where web servers are tagged %s %s", (...tags) => {
  const tagged: Known = {
    hosts: [
      { name: "web-01", tags, labels: { team: "web" }, units: "nginx" },
      { name: "web-02", tags, labels: { team: "web" }, units: "nginx" },
      { name: "lb-01", tags: ["edge"], labels: { team: "web" }, units: "nginx" },
    ].map(knownHost),
    resources: [],
    glossary: {},
  };
  test.each(["web servers", "webservers", "web-servers", "web hosts", "web machines", "Webserver", "Web-Server"])("%s", (words) => {
    const { intent, notes } = interpret(`restart nginx on all ${words}`, tagged);
    expect([intent.kind, intent.steps.map(({ selector }) => selector)]).toEqual(["change", [`tag=${tags[0]}`]]);
    expect(notes).toEqual([expect.stringMatching(/^"\S+" was read as tag \S+, which lb-01 does not have$/i)]);
  });
});
