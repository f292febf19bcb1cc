import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ClusterFact } from "../../schemas/verbs/proxmox/cluster.ts";
import type { ClusterView } from "./model.ts";
import { type GuestToPlace, placeGuests, roomOf } from "./placement.ts";

const GiB = 1024 ** 3;
const nodeNames = ["pve1", "pve2", "pve3", "pve4"];

const clusterOf = (nodes: ClusterFact["nodes"], more: Partial<ClusterFact> = {}): ClusterView => ({
  fact: {
    name: "lab",
    standalone: false,
    quorate: true,
    version: "8.4.21",
    nodes,
    storages: [{ name: "fast", type: "zfspool", shared: false, content: ["images"], nodes: ["pve2", "pve3"] }],
    haGroups: [{ name: "two", nodes: { pve1: 1, pve2: 1 }, restricted: true }],
    pools: [],
    rights: {},
    root: false,
    ...more,
  },
  guests: new Map(),
  others: [],
});
const node = (name: string, more: Partial<ClusterFact["nodes"][number]> = {}) => ({
  name,
  online: true,
  cpus: 16,
  memory: 64 * GiB,
  bridges: [{ name: "vmbr0" }],
  ...more,
});
const guest = (resource: string, more: Partial<GuestToPlace> = {}): GuestToPlace => ({
  resource,
  labels: {},
  storages: [],
  bridges: [],
  memory: 2 * GiB,
  cpus: 1,
  ...more,
});

describe("guests that are not there yet", () => {
  test("fifty of them spread by the room that nodes have", () => {
    const cluster = clusterOf([node("pve1"), node("pve2"), node("pve3", { memory: 128 * GiB })]);
    const placed = placeGuests(
      Array.from({ length: 50 }, (_, at) => guest(`Container/web-${String(at).padStart(2, "0")}`)),
      cluster,
    );
    const count = Map.groupBy(placed.values(), (where) => ("node" in where ? where.node : "nowhere"));
    // 100 GiB on 256: what is left is alike everywhere, so the large node takes what the others lack.
    expect(Object.fromEntries([...count].map(([name, all]) => [name, all.length]).sort())).toEqual({ pve1: 6, pve2: 6, pve3: 38 });
  });

  test("one of a rack stays apart from the others, whoever of them says so", () => {
    const cluster = clusterOf([node("pve1"), node("pve2")]);
    const shy = guest("VirtualMachine/a", { labels: { app: "db" }, apartFrom: { app: "db" } }),
      mild = guest("VirtualMachine/b", { labels: { app: "db" } }),
      third = guest("VirtualMachine/c", { labels: { app: "db" }, apartFrom: { app: "db" } });
    const placed = placeGuests([mild, shy, third], cluster);
    expect(
      [placed.get("VirtualMachine/a"), placed.get("VirtualMachine/b")].map((where) => where !== undefined && "node" in where && where.node),
    ).toEqual(["pve1", "pve2"]);
    expect(placed.get("VirtualMachine/c")).toEqual({
      reason: "no node of cluster lab is fit for VirtualMachine/c: of pve1, pve2 none has no guest with app=db",
      hint: "Change that field of the manifest, or the cluster.",
    });
  });

  test.each([
    [{ node: "pve9" }, "none is node pve9"],
    [{ anyOf: ["pve8", "pve9"] }, "none is one of placement.anyOf (pve8, pve9)"],
    [{ anyOf: ["pve1"], storages: ["fast"] }, "of pve1 none has storage fast"],
    [{ bridges: ["vmbr7"] }, "none has bridge vmbr7"],
    [{ anyOf: ["pve3"], haGroup: "two" }, "of pve3 none belongs to HA group two"],
    [{ cpus: 64 }, "none has 64 CPUs"],
    [{ memory: 512 * GiB }, "none has 512GiB of memory"],
  ] as const)("the rule that leaves no node is named: %j", (rule, reason) => {
    const cluster = clusterOf(nodeNames.map((name) => node(name)));
    expect(placeGuests([guest("Container/web", rule)], cluster).get("Container/web")).toMatchObject({
      reason: expect.stringContaining(reason) as string,
    });
  });
});

describe("every placement", () => {
  const mostly = fc.integer({ min: 0, max: 4 }).map((at) => at > 0);
  const seldom = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
    fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: of });
  const nodes = fc.uniqueArray(
    fc.record({
      name: fc.constantFrom(...nodeNames),
      online: mostly,
      maintenance: mostly.map((yes) => !yes),
      cpus: fc.integer({ min: 4, max: 32 }),
      memory: fc.integer({ min: 16, max: 64 }).map((count) => count * GiB),
      bridges: mostly.map((both) => (both ? ["vmbr0", "vmbr1"] : ["vmbr0"]).map((name) => ({ name }))),
    }),
    { selector: ({ name }) => name, minLength: 1 },
  );
  const apart = fc.constantFrom({ app: "db" }, { app: "web" });
  const guests = fc.uniqueArray(
    fc.record({
      resource: fc.integer({ min: 0, max: 99 }).map((at) => `Container/g${at}`),
      labels: fc.constantFrom<Record<string, string>>({}, { app: "db" }, { app: "web" }),
      storages: mostly.map((none): string[] => (none ? [] : ["fast"])),
      bridges: mostly.map((none): string[] => (none ? [] : ["vmbr1"])),
      memory: fc.integer({ min: 1, max: 32 }).map((count) => count * GiB),
      cpus: fc.integer({ min: 1, max: 8 }),
      apartFrom: seldom(apart),
      anyOf: seldom(fc.subarray(nodeNames, { minLength: 1 })),
      node: seldom(fc.constantFrom(...nodeNames)),
      here: seldom(fc.constantFrom(...nodeNames)),
      haGroup: seldom(fc.constant("two")),
    }),
    { selector: ({ resource }) => resource, minLength: 1, maxLength: 20 },
  );

  test("breaks no rule, is one for everybody, and does not depend on any order", () => {
    let placedAtAll = 0;
    fc.assert(
      fc.property(nodes, guests, (all, wanted) => {
        const cluster = clusterOf(all),
          placed = placeGuests(wanted, cluster);
        expect(placeGuests(wanted.toReversed(), clusterOf(all.toReversed()))).toEqual(placed);
        const where = new Map(wanted.flatMap((one) => (one.here === undefined ? [] : [[one.resource, one.here] as const])));
        for (const one of wanted.toSorted((a, b) => (a.resource < b.resource ? -1 : 1))) {
          const to = placed.get(one.resource);
          expect(to === undefined).toBe(one.here !== undefined);
          if (to === undefined || !("node" in to)) continue;
          placedAtAll += 1;
          const on = all.find(({ name }) => name === to.node)!;
          expect([on.online, on.cpus >= one.cpus, on.memory >= one.memory]).toEqual([true, true, true]);
          expect(one.node ?? on.name).toBe(on.name);
          expect(one.anyOf ?? [on.name]).toContain(on.name);
          expect(on.maintenance && one.node !== on.name).toBe(false);
          if (one.haGroup !== undefined) expect(["pve1", "pve2"]).toContain(on.name);
          if (one.storages.includes("fast")) expect(["pve2", "pve3"]).toContain(on.name);
          expect(on.bridges.map(({ name }) => name)).toEqual(expect.arrayContaining(one.bridges));
          for (const other of wanted.filter(({ resource }) => where.get(resource) === on.name)) {
            const clash = (from: { app: string } | undefined, labels: Readonly<Record<string, string>>): boolean =>
              from !== undefined && labels["app"] === from.app;
            expect([clash(one.apartFrom, other.labels), clash(other.apartFrom, one.labels)]).toEqual([false, false]);
          }
          where.set(one.resource, on.name);
        }
      }),
      { numRuns: 500 },
    );
    expect(placedAtAll).toBeGreaterThan(100);
  });
});

test("guests that are stopped count, templates do not", () => {
  const row = { type: "vm" as const, name: "a", tags: [], cpus: 1, disk: 0 };
  const cluster: ClusterView = {
    ...clusterOf([node("pve1")]),
    guests: new Map([
      [
        "pve1",
        [
          { ...row, id: 100, status: "stopped", memory: 4 * GiB },
          { ...row, id: 101, status: "running", memory: 8 * GiB },
          { ...row, id: 102, status: "stopped", memory: 16 * GiB, template: true },
        ],
      ],
    ]),
  };
  expect(roomOf("pve1", cluster)).toBe(52 * GiB);
});
