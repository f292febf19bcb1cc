import { expect, test } from "vitest";
import type { Change } from "../../schemas/plan.ts";
import type { PolicyRule } from "../core/model.ts";
import { host } from "../core/testing.ts";
import { gate } from "./gate.ts";

const change = { resource: "Service/nginx", host: "w1" } as Change;
const at = (text: string): number => Date.parse(text);
const rule = (name: string, more: Partial<PolicyRule>): PolicyRule => ({ name, hosts: () => true, ...more });
const open = (policies: readonly PolicyRule[], now: string) => gate([change], { hosts: new Map([["w1", host("w1")]]), policies }, at(now));
const window = (cron: string, hours: number, timezone = "UTC"): PolicyRule =>
  rule("nights", { windows: [{ cron, durationMs: hours * 3_600_000, timezone }] });

test("where no policy speaks, the gate is open", () => {
  expect(open([], "2026-11-20T12:00:00Z")).toEqual({ open: true });
  expect(open([rule("other", { kinds: ["File"], freeze: {} })], "2026-11-20T12:00:00Z")).toEqual({ open: true });
});

test.each([
  ["2026-11-21T01:59:59Z", false],
  ["2026-11-21T02:00:00Z", true],
  ["2026-11-21T05:59:59Z", true],
  ["2026-11-21T06:00:00Z", false],
])("a window from Saturday 02:00 for 4 h, at %s: open %s", (now, is) => {
  expect(open([window("0 2 * * 6", 4)], now).open).toBe(is);
});

test("a closed window says until when, and whose it is", () => {
  expect(open([window("0 2 * * 6", 4)], "2026-11-20T12:00:00Z")).toEqual({
    open: false,
    until: at("2026-11-21T02:00:00Z"),
    reason: "outside the maintenance window of Policy/nights",
  });
});

test("windows keep the time of their zone, summer and winter", () => {
  const vienna = [window("0 2 * * *", 1, "Europe/Vienna")];
  expect([
    open(vienna, "2026-07-01T00:30:00Z").open,
    open(vienna, "2026-07-01T01:30:00Z").open,
    open(vienna, "2026-12-01T00:30:00Z").open,
    open(vienna, "2026-12-01T01:30:00Z").open,
  ]).toEqual([true, false, false, true]);
});

test("a freeze holds from its first to its last moment, whatever the windows say", () => {
  const frozen = [
    window("0 0 * * *", 24),
    rule("holidays", { freeze: { from: at("2026-12-20T00:00:00Z"), until: at("2027-01-06T00:00:00Z"), reason: "shop season" } }),
  ];
  expect(open(frozen, "2026-12-19T23:59:59Z").open).toBe(true);
  expect(open(frozen, "2026-12-24T18:00:00Z")).toEqual({
    open: false,
    until: at("2027-01-06T00:00:00Z"),
    reason: "frozen by Policy/holidays: shop season",
  });
  expect(open(frozen, "2027-01-06T00:00:00Z").open).toBe(true);
});

test("of several that are closed the last to open counts", () => {
  const both = open([window("0 2 * * *", 1), rule("hold", { freeze: {} })], "2026-11-20T12:00:00Z");
  expect(both).toMatchObject({
    open: false,
    until: at("2026-11-21T02:00:00Z"),
    reason: "frozen by Policy/hold; outside the maintenance window of Policy/nights",
  });
});
