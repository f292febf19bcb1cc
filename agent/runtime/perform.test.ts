import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { StepOrder } from "../../schemas/protocol.ts";
import type { Agent } from "./agent.ts";
import { hostClock } from "./clock.ts";
import { fileMemory } from "./file-memory.ts";
import { silent } from "./log.ts";
import { PretendHub, startAgent, ToyHost } from "./pretend.ts";
import type { Verbs } from "./verbs.ts";
import { volatileMemory } from "./volatile-memory.ts";

const id = "Service/nginx@web-1#1";
const ask = { probe: "service", input: { unit: "nginx.service" } };
const start = { expect: { ask, fields: { active: "inactive" } }, goal: { ask, fields: { active: "active" } } };
const restart = { action: "service.restart", input: { unit: "nginx.service" }, goal: { ask, changed: ["invocation"] } };

let hub: PretendHub, host: ToyHost, folder: string, agents: Agent[];
beforeEach(async () => {
  [hub, host, agents] = [new PretendHub(), new ToyHost(), []];
  folder = await mkdtemp(join(tmpdir(), "agent-"));
});
afterEach(async () => {
  for (const agent of agents) await agent.stop(0);
  await rm(folder, { recursive: true });
});

const memory = () => fileMemory(join(folder, "memory.json"), hostClock, silent);
/** An agent over the state folder: a second call is what a restarted agent is. */
async function up(): Promise<void> {
  const hellos = hub.hellos;
  agents.push(await startAgent(hub, host, { memory: await memory() }));
  await hub.until(() => hub.hellos > hellos);
}
const resultOf = async (count = 1) => {
  await hub.until(() => hub.results().length >= count);
  return hub.results()[count - 1]!;
};
const never = () => new Promise<void>(() => {});

test("a step is done, looked at again and answered with the facts afterwards", async () => {
  await up();
  hub.step(start);
  const { result, facts } = await resultOf();
  expect(result).toMatchObject({ outcome: "done", output: "ok" });
  expect(facts).toMatchObject([{ ask, step: id, value: { active: "active" } }]);
  expect(host.acted).toEqual(["set nginx.service true"]);
});

test("the same step is done once, whether it comes again at once, later or to a restarted agent", async () => {
  await up();
  hub.step(restart);
  hub.step(restart);
  await resultOf();
  hub.step({ ...restart, deadline: 1 });
  expect((await resultOf(2)).result).toMatchObject({ outcome: "done", remembered: true });
  await agents.pop()!.stop();
  await up();
  hub.step(restart);
  expect((await resultOf(3)).result).toMatchObject({ outcome: "done", remembered: true });
  expect(host.acted).toEqual(["restart nginx.service"]);
});

test("files that a unit has loaded by a step are told with its result: a plan made then does not load them again", async () => {
  const marks = volatileMemory(hostClock),
    file = { probe: "file", input: { path: "/etc/nginx/nginx.conf" } };
  await marks.mark(file.input.path, ["nginx.service"]);
  const verbs: Verbs = {
    ...host.verbs,
    probes: {
      ...host.verbs.probes,
      file: ({ path }) => Promise.resolve({ path, type: "file", due: marks.marks().map(({ unit }) => unit) }),
    },
    actions: {
      ...host.verbs.actions,
      "service.reload": async ({ unit }) => void (await marks.unmark(unit, Date.now())),
    },
  };
  agents.push(await startAgent(hub, host, { memory: marks, verbs }));
  await hub.until(() => hub.hellos > 0);
  hub.send({ type: "watch", asks: [file] });
  await hub.until(() => hub.latest(file.probe, file.input) !== undefined);
  hub.step({ action: "service.reload", input: { unit: "nginx.service" }, step: "Service/nginx@web-1#2" });
  await hub.until(() => hub.results("Service/nginx@web-1#2").length > 0);
  expect(hub.results("Service/nginx@web-1#2")[0]?.facts).toMatchObject([{ ask: file, value: { due: [] } }]);
});

test("what somebody else removed already is forgotten as ours by the step that was to remove it", async () => {
  const known = volatileMemory(hostClock),
    file = { probe: "file", input: { path: "/srv/x" } };
  await known.own({ claim: "file:/srv/x", resource: "File/x", at: 1, created: true });
  const verbs: Verbs = {
    ...host.verbs,
    actions: { ...host.verbs.actions, "file.remove": async ({ path }) => void (await known.disown(`file:${path}`)) },
  };
  agents.push(await startAgent(hub, host, { memory: known, verbs }));
  await hub.until(() => hub.hellos > 0);
  hub.step({
    action: "file.remove",
    input: file.input,
    expect: { ask: file, fields: { type: "file" } },
    goal: { ask: file, fields: { type: "missing" } },
  });
  expect((await resultOf()).result.outcome).toBe("done");
  expect(known.owned()).toEqual([]);
});

test("a step that was forgotten is not done again, whatever time the controller says it is", async () => {
  const known = await memory();
  agents.push(await startAgent(hub, host, { memory: { ...known, horizon: () => Date.now() + 60_000 } }));
  await hub.until(() => hub.hellos > 0);
  hub.step({ ...start, deadline: Date.now() + 30_000 });
  expect((await resultOf()).result).toMatchObject({ outcome: "refused", problem: { code: "step/expired" } });
  expect(host.acted).toEqual([]);
});

test("another step under a known id is refused", async () => {
  await up();
  hub.step(start);
  await resultOf();
  hub.step({ ...start, input: { unit: "nginx.service", active: false } });
  await hub.until(() => hub.of("problem").length > 0);
  expect(hub.of("problem")[0]).toMatchObject({ about: id, problem: { code: "step/other-content" } });
  expect(host.services.get("nginx.service")!.active).toBe("active");
});

test("a host that moved since the plan is left alone, and the answer says what was found", async () => {
  host.touch("nginx.service", { active: "active" });
  await up();
  hub.step({ expect: { ask, fields: { active: "inactive" } } });
  const { result } = await resultOf();
  expect(result).toMatchObject({ outcome: "refused", problem: { code: "step/moved", detail: 'active: want "inactive", have "active"' } });
  hub.step({ expect: { ask, fields: { active: "inactive" } } });
  expect((await resultOf(2)).result).toMatchObject({ outcome: "refused", remembered: true });
  expect(host.acted).toEqual([]);
});

test("a goal that holds already needs no action, unless something has to change", async () => {
  host.touch("nginx.service", { active: "active" });
  await up();
  hub.step({ goal: { ask, fields: { active: "active" } } });
  expect((await resultOf()).result.outcome).toBe("done");
  expect(host.acted).toEqual([]);
  hub.step({ ...restart, step: "Service/nginx@web-1#2", goal: { ask, fields: { active: "active" }, changed: ["invocation"] } });
  await hub.until(() => hub.results("Service/nginx@web-1#2").length > 0);
  expect(host.acted).toEqual(["restart nginx.service"]);
});

test("what came about between the plan and the step is done, though it is not as the step expects: dpkg starts what it installs", async () => {
  host.touch("nginx.service", { active: "active" });
  await up();
  hub.step(start);
  expect((await resultOf()).result).toMatchObject({ outcome: "done" });
  expect(host.acted).toEqual([]);
});

test("an action whose goal does not come about has failed, whatever it says itself", async () => {
  await up();
  host.during = async () => void (host.services.get("nginx.service")!.active = "inactive");
  hub.step(start);
  expect((await resultOf()).result).toMatchObject({
    outcome: "failed",
    problem: { code: "step/goal", detail: 'active: want "active", have "inactive"' },
  });
});

test("an action that complains but reached its goal is done; one that did not has failed with its words", async () => {
  await up();
  host.during = () => Promise.reject(new Error("exit status 1"));
  hub.step(start);
  expect((await resultOf()).result.outcome).toBe("done");
  hub.step({ step: "x", goal: { ask, fields: { enabled: "disabled" } } });
  await hub.until(() => hub.results("x").length > 0);
  expect(hub.results("x")[0]!.result).toMatchObject({ outcome: "failed", problem: { summary: "Unable to do service.set: exit status 1" } });
});

test("a forged step changes nothing", async () => {
  await up();
  hub.step(start, generateKeyPairSync("ed25519").privateKey);
  expect((await resultOf()).result).toMatchObject({ outcome: "refused", problem: { code: "step/signature" } });
  expect(host.acted).toEqual([]);
});

test.each<[string, string, Partial<StepOrder>]>([
  ["expired", "step/expired", { deadline: Date.now() - 3_600_000 }],
  ["for another host", "step/foreign", { host: "web-2" }],
  ["for another agent", "step/foreign", { agent: "a2" }],
  ["of another controller", "step/foreign", { controller: "c2" }],
  ["of an unknown verb", "verb/unknown", { action: "shell.run" }],
  ["of an inherited name", "verb/unknown", { action: "toString" }],
  ["with a wrong input", "verb/input", { input: { unit: "../../etc/passwd" } }],
  ["at a path that is refused", "agent/path-refused", { action: "file.write", input: { path: "/etc/sudoers.d/x", content: "" } }],
  ["without a form", "step/form", { timeoutMs: -1 }],
])("a step that is %s changes nothing", async (_, code, order) => {
  await up();
  hub.step({ ...start, ...order });
  expect((await resultOf()).result).toMatchObject({ outcome: "refused", problem: { code } });
  expect(host.acted).toEqual([]);
});

test("a forged order cannot end a step that is under way", async () => {
  await up();
  let go = () => {};
  host.during = () => new Promise((resolve) => (go = resolve));
  hub.step(start);
  await waitUntil(() => host.acted.length === 1);
  hub.step(start, generateKeyPairSync("ed25519").privateKey);
  await hub.until(() => hub.of("problem").length > 0);
  expect(hub.results()).toEqual([]);
  go();
  expect((await resultOf()).result.outcome).toBe("done");
});

test("results are sent again after each reconnect until they are acknowledged", async () => {
  hub.acknowledges = false;
  await up();
  hub.step(start);
  await resultOf();
  hub.cut();
  await resultOf(2);
  hub.acknowledges = true;
  hub.cut();
  await resultOf(3);
  await hub.settled();
  await agents.pop()!.stop();
  expect((await memory()).unackedSteps()).toEqual([]);
});

test("crash after the effect, before it was noted: the restarted agent finds the goal and says done without being asked", async () => {
  await up();
  host.during = never;
  hub.step(restart);
  await waitUntil(() => host.acted.length === 1);
  hub.cut();
  await up();
  expect((await resultOf()).result.outcome).toBe("done");
  hub.step(restart);
  expect((await resultOf(2)).result).toMatchObject({ outcome: "done", remembered: true });
  expect(host.acted).toEqual(["restart nginx.service"]);
});

const reload = { action: "service.reload", input: { unit: "nginx.service" } };

test.each(["service.reload", "service.restart"] as const)(
  "crash within a %s that names no goal: it left its trace, so it is done, and not done again",
  async (action) => {
    host.touch("nginx.service", { active: "active" });
    await up();
    host.during = never;
    hub.step({ ...reload, action });
    await waitUntil(() => host.acted.length === 1);
    hub.cut();
    host.during = () => Promise.resolve();
    await up();
    hub.step({ ...reload, action });
    expect((await resultOf()).result.outcome).toBe("done");
    expect(host.acted).toEqual([`${action.slice("service.".length)} nginx.service`]);
  },
);

test("crash while a unit still reloads: the end of that is waited for, and it is not told to reload again", async () => {
  host.touch("nginx.service", { active: "active" });
  await up();
  host.during = () => {
    // The job is queued: nothing shows yet.
    Object.assign(host.services.get("nginx.service")!, { reloads: 0, changing: true });
    return never();
  };
  hub.step(reload);
  await waitUntil(() => host.acted.length === 1);
  hub.cut();
  host.during = () => Promise.resolve();
  await up();
  const probed = host.probed;
  hub.step(reload);
  await waitUntil(() => host.probed > probed + 2);
  expect(hub.results()).toEqual([]);
  host.touch("nginx.service", { reloads: 1, changing: false });
  expect((await resultOf()).result.outcome).toBe("done");
  expect(host.acted).toEqual(["reload nginx.service"]);
});

test("crash before a reload reached the unit: it is done when the step comes again", async () => {
  host.touch("nginx.service", { active: "active" });
  await up();
  host.during = () => {
    host.services.get("nginx.service")!.reloads = 0;
    return never();
  };
  hub.step(reload);
  await waitUntil(() => host.acted.length === 1);
  hub.cut();
  host.during = () => Promise.resolve();
  await up();
  hub.step(reload);
  expect((await resultOf()).result.outcome).toBe("done");
  expect(host.services.get("nginx.service")!.reloads).toBe(1);
});

test("a reload that the program refused has failed, also when the agent did not see it end", async () => {
  host.touch("nginx.service", { active: "active" });
  await up();
  host.during = () => {
    host.services.get("nginx.service")!.reload = "exit-code";
    return never();
  };
  hub.step(reload);
  await waitUntil(() => host.acted.length === 1);
  hub.cut();
  await up();
  hub.step(reload);
  expect((await resultOf()).result).toMatchObject({ outcome: "failed", problem: { code: "step/interrupted" } });
  expect(host.acted).toEqual(["reload nginx.service"]);
});

test("a reload of a unit that does not run is done without a trace", async () => {
  await up();
  hub.step(reload);
  expect((await resultOf()).result.outcome).toBe("done");
});

test("crash before the effect: the step is done when it comes again", async () => {
  await up();
  host.during = async () => {
    host.services.get("nginx.service")!.invocation = "1";
    return never();
  };
  hub.step(restart);
  await waitUntil(() => host.acted.length === 1);
  hub.cut();
  host.during = () => Promise.resolve();
  await up();
  hub.step(restart);
  expect((await resultOf()).result.outcome).toBe("done");
  expect(host.services.get("nginx.service")!.invocation).toBe("2");
});

test("crash that leaves the host in neither state: the step has failed and is not tried again", async () => {
  await up();
  host.during = async () => {
    host.services.get("nginx.service")!.active = "failed" as never;
    return never();
  };
  hub.step(start);
  await waitUntil(() => host.acted.length === 1);
  hub.cut();
  await up();
  hub.step(start);
  expect((await resultOf()).result).toMatchObject({ outcome: "failed", problem: { code: "step/interrupted" } });
  expect(host.acted).toHaveLength(1);
});

test("a step that comes again while it is under way is not begun again, and whoever asks learns that it is at work", async () => {
  await up();
  let go = () => {};
  host.during = () => new Promise((resolve) => (go = resolve));
  hub.step(start);
  await waitUntil(() => host.acted.length === 1);
  hub.step(start);
  await hub.until(() => hub.of("progress").some(({ text }) => text === "still at work"));
  go();
  expect((await resultOf()).result.outcome).toBe("done");
  expect(host.acted).toHaveLength(1);
});

test("steps of one unit wait for each other, those of others do not", async () => {
  host.services.set("redis.service", { active: "inactive", invocation: "1" });
  await up();
  let go = () => {};
  host.during = () => new Promise((resolve) => (go = resolve));
  hub.step({ step: "a" });
  hub.step({ step: "b", input: { unit: "nginx.service", active: false } });
  hub.step({ step: "c", input: { unit: "redis.service", active: true } });
  await waitUntil(() => host.acted.length === 2);
  expect(host.acted).toEqual(["set nginx.service true", "set redis.service true"]);
  host.during = () => Promise.resolve();
  go();
});

const waitUntil = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
};
