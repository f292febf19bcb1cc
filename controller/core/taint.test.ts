import { describe, expect, test } from "vitest";
import { carryTaint, changedResources, removed, taintedBy } from "./taint.ts";
import { desiredOf, host, planFor, resource } from "./testing.ts";

const nginx = (state: string, on = "*") => resource("Service", "nginx", { on, unit: "nginx.service", state });
const desired = (...resources: ReturnType<typeof nginx>[]) => desiredOf({ resources, hosts: [host("web-01"), host("web-02")] });
const never = (): undefined => undefined;
const [running, stopped] = [nginx("running"), nginx("stopped")];
const at = "Service/nginx@web-01",
  change = { id: at, resource: "Service/nginx" };

test("an edit changes what is new, what is different and what is gone", () => {
  const motd = resource("File", "motd", { on: "*", path: "/etc/motd", content: "hello" });
  expect(changedResources(desired(running).resources, desired(stopped, motd).resources)).toEqual([
    ["Service/nginx", stopped.digest],
    ["File/motd", motd.digest],
  ]);
  expect(changedResources(desired(running).resources, desired().resources)).toEqual([["Service/nginx", removed]]);
  expect(changedResources(desired(running).resources, desired(running).resources)).toEqual([]);
});

describe("taint", () => {
  const tainted = new Map([["Service/nginx", new Set([stopped.digest])]]);

  test("holds for the digest that untrusted text brought about, until that was carried out", () => {
    expect(taintedBy(tainted, desired(stopped), never)(change)).toBe(true);
    expect(taintedBy(tainted, desired(stopped), () => running.digest)(change)).toBe(true);
    expect(taintedBy(tainted, desired(stopped), () => stopped.digest)(change)).toBe(false);
    expect(taintedBy(tainted, desired(running), never)(change)).toBe(false);
    expect(taintedBy(new Map(), desired(stopped), never)(change)).toBe(false);
  });

  test("goes along with an edit on top of it that came before it was carried out", () => {
    const edited = nginx("stopped", "name=web-*"),
      next = carryTaint(tainted, desired(stopped), desired(edited), () => running.digest);
    expect(taintedBy(next, desired(edited), () => running.digest)(change)).toBe(true);
  });

  test("is left behind by an edit after every host carried it out", () => {
    const edited = nginx("running", "name=web-*");
    expect(carryTaint(tainted, desired(stopped), desired(edited), () => stopped.digest).size).toBe(0);
    const half = (id: string): string => (id === at ? stopped.digest : running.digest);
    expect(carryTaint(tainted, desired(stopped), desired(edited), half).get("Service/nginx")).toContain(edited.digest);
  });

  test("is untouched by edits of other things, and by a commit that is yet to come", () => {
    const motd = resource("File", "motd", { on: "*", path: "/etc/motd", content: "hello" });
    expect(carryTaint(tainted, desired(running), desired(running, motd), never)).toEqual(tainted);
    expect(carryTaint(tainted, desired(), desired(motd), never)).toEqual(tainted);
    expect(carryTaint(tainted, desired(stopped), desired(), never).size).toBe(0);
  });

  test("is found after a restart, also where the resource was edited meanwhile", () => {
    const edited = nginx("stopped", "name=web-*");
    expect(carryTaint(tainted, desired(), desired(edited), () => running.digest).get("Service/nginx")).toContain(edited.digest);
    expect(carryTaint(tainted, desired(), desired(edited), () => edited.digest).size).toBe(0);
  });
});

describe("the plan of what is tainted", () => {
  const enabled = resource("Service", "nginx", { on: "name=web-01", unit: "nginx.service", enabled: true });
  const of = (policies: readonly ReturnType<typeof resource>[], tainted: boolean) =>
    planFor({
      resources: [enabled, ...policies],
      hosts: [host("web-01")],
      facts: { [at]: { unit: "nginx.service", load: "loaded", active: "active", enabled: "disabled" } },
      synced: { [at]: "another digest" },
      tainted: () => tainted,
    });

  test("is at least high, says why, and waits for a person", () => {
    expect(of([], false)).toMatchObject({ risk: "low", approval: { needed: false } });
    const plan = of([], true);
    expect(plan).toMatchObject({
      risk: "high",
      approval: { needed: true, reasons: ["high: asked for after logs or files of hosts were read"] },
      changes: [{ tainted: true, risk: "high", reasons: ["asked for after logs or files of hosts were read"] }],
    });
    expect(plan.digest).not.toBe(of([], false).digest);
  });

  test.each([{ approval: { from: "critical" } }, { approval: { from: "never" } }])("whatever a policy lets run: %j", (spec) => {
    const lax = resource("Policy", "lax", { on: "*", ...spec });
    expect(of([lax], false).approval.needed).toBe(false);
    expect(of([lax], true).approval.needed).toBe(true);
  });
});
