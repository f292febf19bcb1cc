import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { host, planFor, resource } from "./testing.ts";

const running = { unit: "nginx.service", load: "loaded", active: "active", enabled: "enabled", since: 1000, invocation: "a" };
const site = { on: "tag=web", path: "/etc/nginx/conf.d/site.conf", content: "server {}\n", validator: "nginx", reloads: ["Service/nginx"] };
const nginx = { on: "tag=web", unit: "nginx.service", state: "running", enabled: true };
const web = (name: string) => host(name, { tags: ["web"] });
const missing = { path: site.path, type: "missing" };

describe("makePlan", () => {
  test("what is as it should be needs nothing", () => {
    const plan = planFor({ resources: [resource("Service", "nginx", nginx)], hosts: [web("w1")], facts: { "Service/nginx@w1": running } });
    expect(plan).toMatchObject({ changes: [], unknown: [], inSync: 1, risk: null, approval: { needed: false } });
  });

  test("a silent host and a fact never read are unknown: nothing is planned on them", () => {
    const plan = planFor({
      resources: [resource("Service", "nginx", nginx)],
      hosts: [web("w1"), { ...web("w2"), online: false }],
      facts: {},
    });
    expect(plan.changes).toEqual([]);
    expect(plan.unknown.map((remark) => remark.reason)).toEqual(["w1 has not answered yet", "w2 is not connected"]);
  });

  test("two files that one service reads mean one reload after both, in one group that goes back together", () => {
    const other = { ...site, path: "/etc/nginx/conf.d/other.conf" };
    const plan = planFor({
      resources: [resource("Service", "nginx", nginx), resource("File", "site", site), resource("File", "other", other)].map(linked),
      hosts: [web("w1")],
      facts: { "Service/nginx@w1": running, "File/site@w1": missing, "File/other@w1": { ...missing, path: other.path } },
    });
    expect(plan.changes.map((change) => [change.id, change.act, change.group, change.needs])).toEqual([
      ["File/other@w1", "create", "Service/nginx@w1", []],
      ["File/site@w1", "create", "Service/nginx@w1", []],
      ["Service/nginx@w1", "reload", "Service/nginx@w1", ["File/other@w1", "File/site@w1"]],
    ]);
    expect(plan.changes[2]?.steps.map((step) => [step.id, step.action])).toEqual([["Service/nginx@w1#1", "service.reload"]]);
    expect(plan.changes[0]?.steps[0]).toMatchObject({
      validator: "nginx",
      undo: { action: "file.restore", input: { step: "File/other@w1#1" } },
    });
  });

  test("a rollout cuts hosts into batches, and a host's files wait with it", () => {
    const rolling = { ...nginx, rollout: { maxUnavailable: 1 } };
    const plan = planFor({
      resources: [resource("Service", "nginx", rolling), resource("File", "site", site)].map(linked),
      hosts: [web("w1"), web("w2")],
      facts: { "Service/nginx@w1": running, "Service/nginx@w2": running, "File/site@w1": missing, "File/site@w2": missing },
    });
    expect(plan.changes.map((change) => change.id)).toEqual(["File/site@w1", "Service/nginx@w1", "File/site@w2", "Service/nginx@w2"]);
    expect(plan.changes.find((change) => change.id === "File/site@w2")?.needs).toContain("Service/nginx@w1");
  });

  test("a canary is a batch of its own before the others", () => {
    const hosts = ["w1", "w2", "w3", "w4", "w5", "w6"].map(web);
    const plan = planFor({
      resources: [
        resource("Service", "nginx", { ...nginx, restartedAt: "2026-11-20T10:00:00Z", rollout: { canary: 1, maxUnavailable: 3 } }),
      ].map(linked),
      hosts,
      facts: Object.fromEntries(hosts.map(({ name }) => [`Service/nginx@${name}`, running])),
    });
    expect(plan.changes.map(({ host, rollout, needs }) => [host, rollout?.batch, needs.map((id) => id.split("@")[1])])).toEqual([
      ["w1", 0, []],
      ["w2", 1, ["w1"]],
      ["w3", 1, ["w1"]],
      ["w4", 1, ["w1"]],
      ["w5", 2, ["w2", "w3", "w4"]],
      ["w6", 2, ["w2", "w3", "w4"]],
    ]);
  });

  test("a service whose unit a package of the same plan brings is predicted", () => {
    const plan = planFor({
      resources: [resource("Service", "nginx", nginx), resource("Package", "nginx", { on: "tag=web" })],
      hosts: [web("w1")],
      facts: {
        "Service/nginx@w1": { unit: "nginx.service", load: "not-found", active: "inactive", enabled: "" },
        "Package/nginx@w1": { name: "nginx", manager: "apt", installed: false, candidate: "1.22.1-9" },
      },
    });
    expect(plan.changes.map((change) => change.id)).toEqual(["Package/nginx@w1"]);
    expect(plan.later.map((change) => change.id)).toEqual(["Service/nginx@w1"]);
    expect(plan.blocked).toEqual([]);
  });

  test("the order of the input never changes the plan", () => {
    const resources = [
      resource("Service", "nginx", { ...nginx, rollout: { maxUnavailable: 1 } }),
      resource("File", "site", site),
      resource("Package", "nginx", { on: "tag=web" }),
    ].map(linked);
    const hosts = ["w1", "w2", "w3"].map(web);
    const facts = Object.fromEntries(
      hosts.flatMap(({ name }) => [
        [`Service/nginx@${name}`, { ...running, active: "failed" }],
        [`File/site@${name}`, missing],
        [`Package/nginx@${name}`, { name: "nginx", manager: "apt", installed: false, candidate: "1" }],
      ]),
    );
    const digest = planFor({ resources, hosts, facts }).digest;
    fc.assert(
      fc.property(
        fc.shuffledSubarray(resources, { minLength: 3 }),
        fc.shuffledSubarray(hosts, { minLength: 3 }),
        fc.shuffledSubarray(Object.entries(facts), { minLength: 9 }),
        (r, h, f) => planFor({ resources: r, hosts: h, facts: Object.fromEntries(f) }).digest === digest,
      ),
      { numRuns: 50 },
    );
  });

  test("a manifest's change is one cause, the same difference without one is drift", () => {
    const one = resource("Service", "nginx", nginx),
      stopped = { "Service/nginx@w1": { ...running, active: "inactive" } };
    expect(planFor({ resources: [one], hosts: [web("w1")], facts: stopped }).changes[0]?.cause).toBe("manifest");
    expect(
      planFor({ resources: [one], hosts: [web("w1")], facts: stopped, synced: { "Service/nginx@w1": one.digest } }).changes[0]?.cause,
    ).toBe("drift");
  });
});

/** What the loader does once all resources are there: a reference becomes the unit's name. */
function linked<T extends ReturnType<typeof resource>>(one: T): T {
  if (one.kind !== "File") return one;
  return { ...one, resource: { ...one.resource, spec: { ...one.resource.spec, reloads: ["nginx.service"] } } };
}
