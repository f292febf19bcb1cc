import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kinds } from "../kinds/index.ts";
import { topologicalOrder, waitsFor } from "./graph.ts";
import { desiredOf, host, resource } from "./testing.ts";

const edges = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 })), { maxLength: 20 });
const ids = Array.from({ length: 10 }, (_, i) => `Service/s${i}`);
const beforeOf = (of: readonly (readonly [number, number])[]) => (id: string) =>
  of.filter(([from]) => ids[from] === id).map(([, to]) => ids[to]!);

describe("order", () => {
  it("puts everything after what it waits for, unless there is a cycle, which is named", () => {
    fc.assert(
      fc.property(edges, (of) => {
        const { order, cycles } = topologicalOrder(ids, beforeOf(of));
        expect([...order].sort()).toEqual(ids);
        for (const cycle of cycles) cycle.forEach((id, i) => expect(beforeOf(of)(id)).toContain(cycle[(i + 1) % cycle.length]));
        const late = of.filter(([from, to]) => order.indexOf(ids[from]!) <= order.indexOf(ids[to]!));
        expect(late.length > 0).toBe(cycles.length > 0);
      }),
    );
  });

  it("is the same for every order of the input", () => {
    fc.assert(
      fc.property(
        edges.chain((of) =>
          fc.tuple(fc.constant(of), fc.shuffledSubarray(of, { minLength: of.length }), fc.shuffledSubarray(ids, { minLength: ids.length })),
        ),
        ([of, shuffled, others]) => {
          expect(topologicalOrder(others, beforeOf(shuffled))).toEqual(topologicalOrder(ids, beforeOf(of)));
        },
      ),
    );
  });

  it("takes chains longer than the call stack", () => {
    const chain = Array.from({ length: 50_000 }, (_, i) => `s${i}`);
    expect(topologicalOrder(chain, (id) => [`s${Number(id.slice(1)) + 1}`]).order[0]).toBe("s49999");
  });

  it("follows needs; who reloads a service may come before or after it", () => {
    const resources = [
      resource("Service", "web", { on: "*", needs: ["File/site"] }),
      resource("File", "site", { on: "*", path: "/etc/site", content: "", reloads: ["Service/web"] }),
    ];
    expect([...waitsFor(resources, kinds)]).toEqual([["Service/web", ["File/site"]]]);
  });
});

describe("claims", () => {
  const hosts = [host("a", { tags: ["web"] }), host("b")];
  const two = (first: string, second: string) => [
    resource("Service", "one", { on: first, unit: "nginx" }),
    resource("Service", "two", { on: second, unit: "nginx.service" }),
    resource("File", "x", { on: "*", path: "/etc/x", content: "" }),
  ];
  const conflicts = (first: string, second: string) => desiredOf({ resources: two(first, second), hosts }).claims.conflicts();

  it("tells when two resources set one unit on a host, once for both of them", () => {
    expect(conflicts("*", "*")).toEqual([
      {
        code: "manifest/claimed-twice",
        severity: "error",
        summary: "Service/one and Service/two both set the unit nginx.service on a",
        detail: "Service/one is declared at manifests/test.yaml",
        hint: "Let their selectors pick different hosts, or keep one of the two.",
        where: { file: "manifests/test.yaml" },
        retry: "never",
      },
    ]);
  });

  it("says nothing where they are on different hosts", () => {
    expect(conflicts("tag=web", "!tag=web")).toEqual([]);
  });
});
