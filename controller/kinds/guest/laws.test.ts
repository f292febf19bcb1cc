import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../../schemas/canonical.ts";
import type { GuestFact } from "../../../schemas/verbs/proxmox/guest.ts";
import type { KindContext } from "../../core/model.ts";
import { container } from "../container/index.ts";
import type { InstanceKind, Outcome } from "../define.ts";
import { virtualMachine } from "../virtual-machine/index.ts";
import { guestAfter } from "./after.fixture.ts";
import { clusterOf } from "./cluster.fixture.ts";
import { guestFact } from "./configs.fixture.ts";

type Spec = Readonly<Record<string, unknown>>;

const context: KindContext = {
  host: { name: "lab", online: true, aliases: [], tags: [], labels: {}, clockOffset: 0, cluster: clusterOf({ root: true }) },
  file: () => undefined,
  seal: () => undefined,
  unitOf: (unit) => unit,
  place: () => ({ node: "pve1", why: "most memory left" }),
};

/** The spec as a manifest would hold it. Throws where the schema does not allow it. */
function loaded(kind: InstanceKind, spec: Spec): Spec {
  if (!kind.validate(spec)) throw new Error(JSON.stringify([spec, kind.validate.errors]));
  return kind.complete(spec, "web");
}

const evaluated = (kind: InstanceKind, spec: Spec, fact: GuestFact): Outcome => kind.evaluate(loaded(kind, spec), fact, context);
const described = (kind: InstanceKind, fact: GuestFact): Spec => kind.describeFact(fact)!;

/** Some of the fields; of maps some of the entries. */
const someOf = (spec: Spec, keep: readonly boolean[]): Spec =>
  Object.fromEntries(Object.entries(spec).filter((_, at) => keep[at % keep.length] === true));

/** The same with the members of every object the other way round. */
const turned = (value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, one]) => [key, turned(one)]),
      )
    : value;

describe.each([
  ["container", container],
  ["vm", virtualMachine],
] as const)("every %s", (type, kind) => {
  const fact = guestFact(type),
    keep = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 });

  test("described is as it is: what is imported needs no plan", () => {
    fc.assert(
      fc.property(fact, (guest) => {
        expect(evaluated(kind, described(kind, guest), guest)).toEqual({ is: "in-sync" });
      }),
      { numRuns: 200 },
    );
  });

  test("is as another was once the plan for it is carried out", () => {
    let carried = 0;
    fc.assert(
      fc.property(fact, fact, keep, (guest, other, some) => {
        const spec = someOf(described(kind, other), some),
          outcome = evaluated(kind, spec, guest);
        if (outcome.is !== "differs") return;
        carried += 1;
        expect(evaluated(kind, spec, guestAfter(guest, outcome.evaluation.steps))).toEqual({ is: "in-sync" });
      }),
      { numRuns: 200 },
    );
    expect(carried).toBeGreaterThan(25);
  });

  test("that is made is as its manifest says", () => {
    let made = 0;
    fc.assert(
      fc.property(fact, (other) => {
        const { id: _, ha: __, ...spec } = described(kind, other),
          whole = type === "container" ? { ...spec, source: { template: "shared:vztmpl/debian.tar.zst" } } : { disks: {}, ...spec };
        const outcome = evaluated(kind, whole, { exists: false, type });
        if (outcome.is !== "differs") return;
        made += 1;
        expect(evaluated(kind, whole, guestAfter({ exists: false, type }, outcome.evaluation.steps))).toEqual({ is: "in-sync" });
      }),
      { numRuns: 200 },
    );
    expect(made).toBeGreaterThan(25);
  });

  test("that is cloned is as its manifest says, from whatever origin", () => {
    let made = 0;
    fc.assert(
      fc.property(fact, fact, keep, (origin, other, some) => {
        const { id: _, ha: __, node: ___, ...spec } = someOf(described(kind, other), some),
          whole = { ...spec, source: { clone: 900, full: true } };
        const missing: GuestFact = {
          exists: false,
          type,
          origin: { id: 900, type, name: "golden", node: "pve1", config: origin.next ?? {} },
        };
        const outcome = evaluated(kind, whole, missing);
        if (outcome.is !== "differs") return;
        made += 1;
        expect(evaluated(kind, whole, guestAfter(missing, outcome.evaluation.steps))).toEqual({ is: "in-sync" });
      }),
      { numRuns: 200 },
    );
    expect(made).toBeGreaterThan(25);
  });

  test("has one plan, in whatever order manifest and facts are written", () => {
    fc.assert(
      fc.property(fact, fact, keep, (guest, other, some) => {
        const spec = someOf(described(kind, other), some);
        expect(canonicalJson(evaluated(kind, turned(spec) as Spec, turned(guest) as GuestFact))).toBe(
          canonicalJson(evaluated(kind, spec, guest)),
        );
      }),
      { numRuns: 200 },
    );
  });

  test("that is stopped is never restarted, and is never removed or made anew for a value", () => {
    fc.assert(
      fc.property(fact, fact, (guest, other) => {
        const outcome = evaluated(kind, described(kind, other), { ...guest, status: "stopped" });
        if (outcome.is === "in-sync" || outcome.is === "changing") return;
        const actions = outcome.evaluation.steps.map(({ action }) => action);
        expect(
          actions.filter((action) => ["guest.restart", "guest.delete", "guest.create", "guest.clone", "guest.restore"].includes(action)),
        ).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});
