import { expect, onTestFinished, test } from "vitest";
import type { Plan, Step } from "../../schemas/plan.ts";
import type { StepResult } from "../../schemas/run.ts";
import { viewRun } from "../core/run-view.ts";
import { host, planFor, resource } from "../core/testing.ts";
import { openStore } from "../store/open.ts";
import { createExecutor, type Executor } from "./execute.ts";
import type { Agents } from "./ports.ts";
import { until } from "./testing.ts";

const done: StepResult = { outcome: "done", ms: 1 };
const silence = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };

/** One file on one host; its step may take 20 ms. */
function plan(): Plan {
  const made = planFor({
    resources: [resource("File", "page", { on: "*", path: "/srv/page", content: "x" })],
    hosts: [host("w1")],
    facts: { "File/page@w1": { path: "/srv/page", type: "missing" } },
  });
  const soon = (step: Step): Step => ({ ...step, timeoutMs: 20 });
  return { ...made, changes: made.changes.map((change) => ({ ...change, steps: change.steps.map(soon) })) };
}

/** An executor whose agent is what the test makes of it; steps as they arrive. */
async function begin(
  onStep: (id: string, times: number, executor: Executor) => void,
): Promise<{ sent: string[]; run: ReturnType<typeof viewRun> }> {
  const store = openStore(":memory:"),
    sent: string[] = [];
  onTestFinished(() => store.close());
  const agents: Agents = {
    isOnline: () => true,
    sendStep: (_, { id }) => {
      sent.push(id);
      queueMicrotask(() => onStep(id, sent.length, executor));
      return Promise.resolve();
    },
    setWatch: () => {},
    query: () => Promise.resolve({ ok: true, results: [] }),
  };
  let over = false;
  const executor: Executor = createExecutor({
    store: store.runs,
    agents,
    unsealFor: () => (input) => Promise.resolve({ ok: true, input }),
    limits: { perHost: 1, overall: 10, hostPatienceMs: 60_000, answerGraceMs: 20 },
    isCluster: () => false,
    unavailable: () => 0,
    isDown: () => false,
    closed: () => undefined,
    onProgress: () => {},
    beforeEnd: () => Promise.resolve(),
    onEnd: () => void (over = true),
    log: silence,
    now: Date.now,
  });
  const made = plan();
  await store.plans.save(made);
  const run = await executor.start("run-1", made, "ann", {});
  await until(() => over);
  await executor.close();
  return { sent, run: viewRun(run) };
}

const id = "run-1/File/page@w1#1";

test("a step that was lost within the agent is sent again under its id, and the answer to that counts", async () => {
  const { sent, run } = await begin((step, times, executor) => {
    if (times === 2) void executor.onResult("w1", step, { ...done, remembered: true });
  });
  expect(sent).toEqual([id, id]);
  expect(run.state).toBe("succeeded");
});

test("a step that is never answered has failed at last, and the run says that nobody knows", async () => {
  const { sent, run } = await begin(() => {});
  expect(sent).toEqual([id, id, id]);
  expect(run.state).toBe("failed");
  expect(run.changes[0]?.steps[0]).toMatchObject({
    state: "failed",
    problem: {
      code: "agent/no-answer",
      summary: "w1 is connected and did not answer, though the step was sent 3 times; whether it was done is unknown.",
      retry: "later",
    },
  });
});

test("an agent that says that it is still at it has all the time that it needs", async () => {
  const { sent, run } = await begin((step, times, executor) => {
    if (times > 1) executor.onProgress("w1", step);
    if (times === 6) void executor.onResult("w1", step, done);
  });
  expect(sent).toHaveLength(6);
  expect(run.state).toBe("succeeded");
});
