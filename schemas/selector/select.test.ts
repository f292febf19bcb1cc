import { expect, test } from "vitest";
import {
  compileSelector,
  matches,
  parseSelector,
  printSelector,
  resolveWords,
  select,
  type Selector,
  type SelectorHost,
} from "../selector.ts";

const read = (text: string): Selector => {
  const parsed = parseSelector(text);
  if (!parsed.ok) throw new Error(parsed.problem.caret);
  return parsed.selector;
};

const host = (name: string, facts: Partial<SelectorHost> = {}): SelectorHost => ({ name, kind: "host", tags: [], labels: {}, ...facts });

const full = host("Web-01", {
  aliases: ["www"],
  kind: "vm",
  id: 118,
  tags: ["Production", "web"],
  labels: { team: "web", Tier: "front" },
  cluster: "lab",
  node: "pve1",
  os: "ubuntu",
  osVersion: "22.04",
  services: ["nginx", "ssh"],
  status: "running",
  agent: { version: "1.2.0", outdated: true },
  cpu: 85,
  mem: 90,
  disk: 12.5,
  load: 0,
});

test.each([
  "*",
  "web-01",
  "WEB-01",
  "www",
  "name=www",
  "name=web-*",
  "name=web-??",
  "name=*0*",
  "id=118",
  "id=11?",
  "tag=production",
  "tag=PROD*",
  "label.team=web",
  "label.tier=front",
  "label.team=*",
  "!label.none=*",
  "kind=vm,container",
  "cluster=lab",
  "node=pve1",
  "os=Ubuntu",
  "os_version=22.04",
  "service=nginx",
  "service=nginx.service",
  "!service=mysql",
  "status=running",
  "agent=any",
  "agent=outdated",
  "agent=1.2.0",
  "agent=1.*",
  "agent=none,outdated",
  "cpu>80",
  "cpu>=85%",
  "mem>=90",
  "disk<=12.5",
  "disk!=12",
  "load<4",
  "load=0",
  "tag=x | tag=web & !tag=y",
])("%s picks it", (text) => expect(matches(read(text), full)).toBe(true));

test.each([
  "web",
  "!*",
  "name=web",
  "id=11",
  "tag=prod",
  "label.team=db",
  "label.none=*",
  "kind=container",
  "agent=none",
  "agent=1.3.0",
  "cpu>85",
  "mem<90",
  "tag!=web",
  "!(tag=web | tag=x)",
  "service=ng",
  "label.constructor=*",
  "label.__proto__=*",
])("%s does not", (text) => expect(matches(read(text), full)).toBe(false));

test.each([
  ["cpu>80", undefined],
  ["!cpu>80", undefined],
  ["cpu>80 & tag=web", undefined],
  ["cpu>80 & tag=db", false],
  ["cpu>80 | tag=web", true],
  ["cpu>80 | tag=db", undefined],
  ["os=ubuntu", undefined],
  ["service=nginx", undefined],
  ["status=running", undefined],
  ["agent=none", undefined],
  ["id=1", undefined],
  ["node=pve1", undefined],
])("with unknown facts %s is %s", (text, expected) => {
  expect(matches(read(text), host("c", { kind: "container", tags: ["web"] }))).toBe(expected);
});

test("none is not unknown", () => {
  const bare = host("metal", { agent: null, os: null });
  expect(["id=1", "cluster=lab", "node=pve1", "os=*", "agent=any"].map((text) => matches(read(text), bare))).toEqual(Array(5).fill(false));
  expect(matches(read("agent=none"), bare)).toBe(true);
  expect(matches(read("node=pve1"), host("pve1", { kind: "node" }))).toBe(false);
  expect(matches(read("cluster=lab"), host("pve1", { kind: "node" }))).toBe(undefined);
  expect(matches(read("cpu>1"), host("x", { cpu: Number.NaN }))).toBe(undefined);
});

test("exact names beat prefixes, and only a bare word can be a prefix", () => {
  const names = (text: string, hosts: SelectorHost[]) => select(read(text), hosts).matched.map(({ name }) => name);
  const fleet = [host("web-02"), host("web"), host("web-01"), host("db-1", { aliases: ["data"] })];
  expect(names("web", fleet)).toEqual(["web"]);
  expect(names("web", [fleet[0]!, fleet[2]!])).toEqual(["web-02", "web-01"]);
  expect(names("name=web-", fleet)).toEqual([]);
  expect(names("data", [...fleet, host("data-2")])).toEqual(["db-1"]);
  expect(names("WEB-0", fleet)).toEqual(["web-02", "web-01"]);
  expect(names("!web-0", fleet)).toEqual(["web", "db-1"]);
  expect(names('"web-?"', fleet)).toEqual([]);
  expect(names('"web\\*"', [host("web*x"), host("webx")])).toEqual(["web*x"]);
  expect(printSelector(resolveWords(read("web & web-0"), fleet))).toBe("name=web & name=web-0*");
});

test("select reports the unknown apart, both in the order of the inventory", () => {
  const fleet = [host("c", { cpu: 90 }), host("b"), host("a", { cpu: 95 }), host("d", { cpu: 1 })];
  const { matched, unknown } = select(read("cpu>80"), fleet);
  expect(matched).toEqual([fleet[0], fleet[2]]);
  expect(unknown).toEqual([fleet[1]]);
});

test("ten thousand hosts and a hostile glob take no time worth noticing", () => {
  const fleet = Array.from({ length: 10_000 }, (_, i) =>
    host(`web-${i}`, { kind: "vm", tags: ["production"], cpu: i % 100, os: "ubuntu", node: `pve${i % 9}` }),
  );
  const started = performance.now();
  expect(select(read("tag=production & !name=cdn-* & (node=pve1,pve2 | cpu>90) & web"), fleet).matched.length).toBeGreaterThan(1000);
  expect(performance.now() - started).toBeLessThan(500);
  const hostile = compileSelector(read(`name=${"*a?".repeat(600)}*b`));
  const again = performance.now();
  expect(hostile(host("a".repeat(2000)))).toBe(false);
  expect(performance.now() - again).toBeLessThan(500);
});
