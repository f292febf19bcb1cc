import { describe, expect, it } from "vitest";
import { host, resource } from "../../core/testing.ts";
import { policyRule } from "./rule.ts";

const rule = (spec: Record<string, unknown>) => policyRule(resource("Policy", "p", { on: "tag=web", ...spec }));

describe("a policy as the planner uses it", () => {
  it("has its times in milliseconds and its selector as a question about a host", () => {
    const made = rule({
      kinds: ["Service"],
      approval: { from: "high", by: "alice", notRequester: true },
      windows: [
        { cron: "0 2 * * 6", duration: "4h", timezone: "Europe/Vienna" },
        { cron: "0 3 * * *", duration: "30m" },
      ],
      freeze: { until: "2026-12-24T00:00:00Z", reason: "holidays" },
      limits: { maxDeletions: 3 },
      drift: { mode: "correct" },
      prune: true,
    });
    expect(made).toMatchObject({
      name: "p",
      kinds: ["Service"],
      approval: { from: "high", by: "alice", notRequester: true },
      windows: [
        { cron: "0 2 * * 6", durationMs: 14_400_000, timezone: "Europe/Vienna" },
        { cron: "0 3 * * *", durationMs: 1_800_000, timezone: "UTC" },
      ],
      freeze: { until: Date.UTC(2026, 11, 24), reason: "holidays" },
      limits: { maxDeletions: 3, withinMs: 86_400_000 },
      drift: { mode: "correct" },
      prune: true,
    });
    expect([host("a", { tags: ["web"] }), host("b")].map(made.hosts)).toEqual([true, false]);
  });

  it("counts a host as picked where too little is known to tell", () => {
    expect([rule({ on: "os=debian" }).hosts(host("a"))]).toEqual([true]);
  });

  it("says never beside the level that those who do not know it can use", () => {
    expect(rule({ approval: { from: "never" } }).approval).toMatchObject({ from: "critical", never: true });
  });
});
