import fc from "fast-check";
import { expect, test } from "vitest";
import type { Plan } from "../../schemas/plan.ts";
import type { RunEvent, StepResult } from "../../schemas/run.ts";
import { apply, newRun, type Run } from "./run.ts";
import { type Command, isDue, next } from "./run-next.ts";
import { viewRun } from "./run-view.ts";
import { host, planFor, resource } from "./testing.ts";

const at = "2026-11-20T10:00:00.000Z";

/** Two files of one service with a health check, a file of nobody, on two hosts: changes that work side by side. */
function plan(): Plan {
  const hosts = ["w1", "w2"].map((name) => host(name, { tags: ["web"] }));
  const conf = (name: string, more: object = {}) =>
    resource("File", name, { on: "tag=web", path: `/etc/nginx/conf.d/${name}.conf`, content: name, ...more });
  return planFor({
    resources: [
      resource("Service", "nginx", { on: "tag=web", unit: "nginx.service", state: "running", health: { http: "http://localhost/" } }),
      conf("a", { reloads: ["nginx.service"] }),
      conf("b", { reloads: ["nginx.service"] }),
      conf("c"),
    ],
    hosts,
    facts: Object.fromEntries(
      hosts.flatMap(({ name }) => [
        [`Service/nginx@${name}`, { unit: "nginx.service", load: "loaded", active: "active", enabled: "enabled" }],
        ...["a", "b", "c"].map((each) => [`File/${each}@${name}`, { path: `/etc/nginx/conf.d/${each}.conf`, type: "missing" }] as const),
      ]),
    ),
  });
}

const keyOf = (command: Command): string =>
  command.do === "send" || command.do === "undo"
    ? `${command.do} ${command.step.id}`
    : command.do === "check"
      ? `check ${command.change.id}`
      : command.do === "validate"
        ? `validate ${command.host}`
        : command.do;

/** Carries a run out with many things under way at once; `pick` says whose answer comes next, and how it comes out. */
function play(pick: (count: number) => number, outcome: () => StepResult): { run: Run; journal: RunEvent[]; sent: string[] } {
  const run = newRun("run-1", plan()),
    journal: RunEvent[] = [],
    sent: string[] = [],
    underWay = new Map<string, Command>();
  const record = (event: RunEvent): void => {
    apply(run, event);
    journal.push(event);
  };
  record({ type: "started", at, by: "alice" });
  for (let turn = 0; run.endedAt === undefined; turn++) {
    if (turn > 500) throw new Error(`the run does not end: ${JSON.stringify(viewRun(run).changes)}`);
    for (const command of next(run, { now: Date.parse(at), unavailable: () => 0, closed: () => undefined, since: () => 0 })) {
      const key = keyOf(command);
      if (underWay.has(key)) continue;
      if (command.do === "end") record({ type: "ended", at });
      if (command.do === "end" || command.do === "wait") continue;
      underWay.set(key, command);
      if (command.do !== "send" && command.do !== "undo") continue;
      const undo = command.do === "undo";
      if (!isDue(run, command.step.id, undo) || run.steps.get(command.step.id)?.state === (undo ? "undoing" : "sent")) continue;
      sent.push(key);
      record({ type: undo ? "undo-sent" : "step-sent", at, step: command.step.id });
    }
    const keys = [...underWay.keys()],
      key = keys[pick(keys.length)];
    if (key === undefined) continue;
    const command = underWay.get(key) as Command;
    underWay.delete(key);
    if (command.do === "send" || command.do === "undo") {
      const wanted = command.do === "undo" ? "undoing" : "sent";
      if (run.steps.get(command.step.id)?.state === wanted)
        record({ type: command.do === "undo" ? "undo-result" : "step-result", at, step: command.step.id, result: outcome() });
    } else if (command.do === "check")
      record({ type: "health", at, change: command.change.id, ok: outcome().outcome === "done", detail: "" });
    else if (command.do === "validate")
      record({
        type: "validated",
        at,
        host: command.host,
        steps: command.steps.map(({ id }) => id),
        ok: outcome().outcome === "done",
        output: "",
      });
  }
  return { run, journal, sent };
}

test("in whatever order answers come: the run ends, nothing goes out twice, nothing is taken back while it is under way, and every group is whole or back", () => {
  const lost = { code: "agent/offline", severity: "error", summary: "", retry: "later" } as const;
  const results: StepResult[] = [
    { outcome: "done", ms: 1 },
    { outcome: "done", ms: 1 },
    { outcome: "done", ms: 1 },
    { outcome: "failed", ms: 1 },
    { outcome: "refused", ms: 1 },
    { outcome: "failed", ms: 1, problem: lost },
  ];
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat()), fc.infiniteStream(fc.constantFrom(...results)), (picks, outcomes) => {
      const { run, journal, sent } = play(
        (count) => (picks.next().value ?? 0) % Math.max(1, count),
        () => outcomes.next().value ?? { outcome: "done", ms: 1 },
      );
      expect(new Set(sent).size).toBe(sent.length);
      const again = newRun("run-1", run.plan);
      for (const event of journal) apply(again, event);
      expect(viewRun(again)).toEqual(viewRun(run));
      for (const [group, members] of run.groups) {
        const states = new Set(members.map((id) => run.changes.get(id)?.state));
        if (states.has("done") && members.length > 1) expect([group, [...states]]).toEqual([group, ["done"]]);
      }
      expect([...run.changes.values()].filter(({ state }) => !["done", "failed", "rolled-back", "skipped"].includes(state))).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test("a cancelled run finishes what is under way and begins nothing more", () => {
  const run = newRun("run-1", plan());
  apply(run, { type: "started", at, by: "alice" });
  apply(run, { type: "cancelled", at, by: "alice" });
  expect(next(run, { now: 0, unavailable: () => 0, closed: () => undefined, since: () => 0 })).toEqual([{ do: "end" }]);
  expect(new Set([...run.steps.values()].map(({ state }) => state))).toEqual(new Set(["skipped"]));
});
