import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Plan, Step } from "../../schemas/plan.ts";
import type { RunEvent, StepResult } from "../../schemas/run.ts";
import { apply, newRun, type Run } from "./run.ts";
import { type Command, next } from "./run-next.ts";
import { viewRun } from "./run-view.ts";
import { host, planFor, resource } from "./testing.ts";

const at = "2026-11-20T10:00:00.000Z";
const still = { now: Date.parse(at), unavailable: () => 0, closed: () => undefined, since: () => 0 };
const web = (name: string) => host(name, { tags: ["web"] });

/** Two hosts, one at a time: a site file with a check, and the service that reloads it and has a health check. */
function sitePlan(): Plan {
  const hosts = ["w1", "w2"].map(web);
  return planFor({
    resources: [
      resource("Service", "nginx", {
        on: "tag=web",
        unit: "nginx.service",
        state: "running",
        health: { http: "http://localhost/" },
        rollout: { maxUnavailable: 1 },
      }),
      resource("File", "site", {
        on: "tag=web",
        path: "/etc/nginx/conf.d/site.conf",
        content: "server {}\n",
        validator: "nginx",
        reloads: ["nginx.service"],
      }),
    ],
    hosts,
    facts: Object.fromEntries(
      hosts.flatMap(({ name }) => [
        [`Service/nginx@${name}`, { unit: "nginx.service", load: "loaded", active: "active", enabled: "enabled" }],
        [`File/site@${name}`, { path: "/etc/nginx/conf.d/site.conf", type: "missing" }],
      ]),
    ),
  });
}

/** How the pretend agents of a test answer. */
interface Answers {
  readonly step?: (step: Step, undo: boolean) => StepResult["outcome"];
  readonly valid?: (host: string) => boolean;
  readonly healthy?: (change: string) => boolean;
  /** Steps and undos sent until a freeze begins. */
  readonly freezeAfter?: number;
}

function answer(command: Command, answers: Answers): RunEvent[] {
  const outcome = (step: Step, undo: boolean): StepResult => ({ outcome: answers.step?.(step, undo) ?? "done", ms: 1 });
  switch (command.do) {
    case "send":
      return [
        { type: "step-sent", at, step: command.step.id },
        { type: "step-result", at, step: command.step.id, result: outcome(command.step, false) },
      ];
    case "undo":
      return [
        { type: "undo-sent", at, step: command.step.id },
        { type: "undo-result", at, step: command.step.id, result: outcome(command.step, true) },
      ];
    case "validate":
      return [
        {
          type: "validated",
          at,
          host: command.host,
          steps: command.steps.map((step) => step.id),
          ok: answers.valid?.(command.host) ?? true,
          output: "nginx: test failed",
        },
      ];
    case "check":
      return [{ type: "health", at, change: command.change.id, ok: answers.healthy?.(command.change.id) ?? true, detail: "HTTP 200" }];
    case "hold":
      return [{ type: "held", at, changes: [command.change], reason: command.reason }];
    case "end":
      return [{ type: "ended", at }];
    case "wait":
      return [];
  }
}

/** Plays a run to its end, and gives its journal. */
function play(plan: Plan, answers: Answers): { run: Run; journal: RunEvent[] } {
  const run = newRun("run-1", plan),
    journal: RunEvent[] = [{ type: "started", at, by: "alice" }];
  apply(run, { type: "started", at, by: "alice" });
  for (let turn = 0; run.endedAt === undefined; turn++) {
    if (turn > 1000) throw new Error("the run does not end");
    const frozen = doneSteps(journal).length >= (answers.freezeAfter ?? Number.POSITIVE_INFINITY);
    for (const command of next(run, { ...still, closed: () => (frozen ? "frozen" : undefined) }).slice(0, 1))
      for (const event of answer(command, answers)) {
        apply(run, event);
        journal.push(event);
      }
  }
  return { run, journal };
}

const states = (run: Run): Record<string, string> => Object.fromEntries(viewRun(run).changes.map((change) => [change.id, change.state]));
const doneSteps = (journal: RunEvent[]): string[] =>
  journal.flatMap((event) => (event.type === "step-sent" ? [event.step] : event.type === "undo-sent" ? [`undo ${event.step}`] : []));

describe("a run", () => {
  test("goes host by host, file before reload, and ends well", () => {
    const { run, journal } = play(sitePlan(), {});
    expect(run.state).toBe("succeeded");
    expect(doneSteps(journal)).toEqual(["File/site@w1#1", "Service/nginx@w1#1", "File/site@w2#1", "Service/nginx@w2#1"]);
  });

  test("a file that its check refuses is never sent, and the next host is left alone", () => {
    const { run, journal } = play(sitePlan(), { valid: () => false });
    expect(run.state).toBe("failed");
    expect(doneSteps(journal)).toEqual([]);
    expect(states(run)).toEqual({
      "File/site@w1": "failed",
      "Service/nginx@w1": "skipped",
      "File/site@w2": "skipped",
      "Service/nginx@w2": "skipped",
    });
  });

  test("failed health takes the file back, loads it again, and stops the rollout", () => {
    const { run, journal } = play(sitePlan(), { healthy: () => false });
    expect(run.state).toBe("rolled-back");
    expect(doneSteps(journal)).toEqual(["File/site@w1#1", "Service/nginx@w1#1", "undo File/site@w1#1", "undo Service/nginx@w1#1"]);
    expect(states(run)).toEqual({
      "File/site@w1": "rolled-back",
      "Service/nginx@w1": "rolled-back",
      "File/site@w2": "skipped",
      "Service/nginx@w2": "skipped",
    });
  });

  test("a freeze in mid-run: what has begun gets to its end, reload and health included; the rest is held", () => {
    const { run, journal } = play(sitePlan(), { freezeAfter: 1 });
    expect(doneSteps(journal)).toEqual(["File/site@w1#1", "Service/nginx@w1#1"]);
    expect(viewRun(run).changes.map(({ id, state, health, held }) => [id, state, health ?? held])).toEqual([
      ["File/site@w1", "done", undefined],
      ["Service/nginx@w1", "done", "HTTP 200"],
      ["File/site@w2", "skipped", "frozen"],
      ["Service/nginx@w2", "skipped", "frozen"],
    ]);
    expect(run.state).toBe("partial");
  });

  test("a freeze in mid-run does not keep anything from being taken back", () => {
    const { run, journal } = play(sitePlan(), { freezeAfter: 2, healthy: () => false });
    expect(doneSteps(journal)).toEqual(["File/site@w1#1", "Service/nginx@w1#1", "undo File/site@w1#1", "undo Service/nginx@w1#1"]);
    expect(run.state).toBe("rolled-back");
  });

  test("a freeze lets begin what something that has begun needs to get to its end", () => {
    const files = ["a", "b"].map((name) => ({ path: `/etc/nginx/conf.d/${name}.conf`, content: name, reloads: ["nginx.service"] }));
    const plan = planFor({
      resources: [
        resource("File", "a", { on: "*", ...files[0] }),
        resource("File", "base", { on: "*", path: "/srv/base", content: "x" }),
        resource("File", "b", { on: "*", ...files[1], needs: ["File/base"] }),
        resource("File", "other", { on: "*", path: "/srv/other", content: "x" }),
      ],
      hosts: [web("w1")],
      facts: Object.fromEntries(
        ["a", "b", "base", "other"].map((name) => [
          `File/${name}@w1`,
          { path: name.length === 1 ? `/etc/nginx/conf.d/${name}.conf` : `/srv/${name}`, type: "missing" },
        ]),
      ),
    });
    const { run, journal } = play(plan, { freezeAfter: 1 });
    expect(
      doneSteps(journal)
        .filter((id) => id.startsWith("File/"))
        .sort(),
    ).toEqual(["File/a@w1#1", "File/b@w1#1", "File/base@w1#1"]);
    expect(states(run)).toMatchObject({ "Unit/nginx@w1": "done", "File/other@w1": "skipped" });
  });

  test("a refused step changes nothing and is no failure of the others", () => {
    const { run } = play(sitePlan(), { step: (step) => (step.id === "File/site@w1#1" ? "refused" : "done") });
    expect(run.state).toBe("partial");
    expect(states(run)["File/site@w1"]).toBe("failed");
  });

  test("never more hosts of a rollout at once than maxUnavailable, those down already included", () => {
    const run = newRun("run-1", sitePlan());
    apply(run, { type: "started", at, by: "alice" });
    for (const event of [...answer(next(run, still)[0] as Command, {}), ...answer(next(run, still)[0] as Command, {})]) apply(run, event);
    for (const event of answer(next(run, still)[0] as Command, {})) apply(run, event);
    expect(next(run, { ...still, unavailable: () => 1 })).toEqual([{ do: "wait", until: still.now + 1000 }]);
  });

  test("the pause between two batches is counted by the time that passed, however the clock was set meanwhile", () => {
    const made = sitePlan(),
      plan = {
        ...made,
        changes: made.changes.map((change) => ({
          ...change,
          rollout: { resource: "Service/nginx", batch: change.host === "w2" ? 1 : 0, maxUnavailable: 1, pauseMs: 5000 },
        })),
      };
    const run = newRun("run-1", plan);
    apply(run, { type: "started", at, by: "alice" });
    while (run.changes.get("Service/nginx@w1")?.state !== "done")
      for (const event of answer(next(run, { ...still, since: () => 0 })[0] as Command, {})) apply(run, event);
    // An hour back, and an hour ahead.
    for (const now of [still.now - 3_600_000, still.now + 3_600_000]) {
      expect(next(run, { ...still, now, since: () => 2000 })).toEqual([{ do: "wait", until: now + 3000 }]);
      expect(next(run, { ...still, now, since: () => 5000 })[0]?.do).toBe("validate");
    }
  });

  test("whatever fails, the journal replayed gives the same run, it ends, and no step is sent twice", () => {
    const plan = sitePlan(),
      ids = plan.changes.flatMap((change) => change.steps.map((step) => step.id));
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("done", "done", "failed", "refused"), { minLength: ids.length, maxLength: ids.length }),
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        (outcomes, valid, healthy, undo) => {
          const { run, journal } = play(plan, {
            step: (step, back) => (back ? (undo ? "done" : "failed") : (outcomes[ids.indexOf(step.id)] as "done")),
            valid: () => valid,
            healthy: () => healthy,
          });
          const sent = doneSteps(journal),
            again = newRun("run-1", plan);
          for (const event of journal) apply(again, event);
          expect(new Set(sent).size).toBe(sent.length);
          expect(viewRun(again)).toEqual(viewRun(run));
        },
      ),
      { numRuns: 300 },
    );
  });
});
