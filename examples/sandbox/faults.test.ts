import { afterEach, beforeEach, expect, test } from "vitest";
import { silent } from "../../agent/runtime/log.ts";
import { PretendHub } from "../../agent/runtime/pretend.ts";
import { volatileSpool } from "../../agent/runtime/spool.ts";
import { hostClock } from "../../agent/runtime/clock.ts";
import { volatileMemory } from "../../agent/runtime/volatile-memory.ts";
import { serveControls } from "./controls.ts";
import { breakSomething } from "./faults.ts";
import { pretendFleet } from "./fleet.ts";
import { pretendAgent } from "./pretend-agent.ts";
import type { PretendHost } from "./pretend-host.ts";

const nginx = { unit: "nginx.service" };
let hub: PretendHub, host: PretendHost, agent: { stop(): Promise<void> };

/** The real agent on a pretend host, watching nginx. */
beforeEach(async () => {
  hub = new PretendHub();
  host = pretendFleet({ hosts: 1, seed: 3 }).get("web-01")!;
  agent = await pretendAgent(host, {
    controllers: ["https://controller.test:3001"],
    allowance: { verbs: ["*"], allowPaths: [], denyPaths: [], ownPaths: [] },
    identity: { agent: "a1", host: "web-1", controller: "c1", controllerKey: hub.publicKey },
    sign: (purpose, nonce) => `${purpose} ${nonce}`,
    version: "0.1.0",
    memory: volatileMemory(hostClock),
    spool: volatileSpool(),
    dial: hub.dial,
    log: silent,
    settleMs: 100,
  });
  await hub.until(() => hub.hellos === 1);
  hub.send({
    type: "watch",
    asks: [
      { probe: "service", input: nginx },
      { probe: "file", input: { path: "/etc/motd" } },
    ],
  });
  await hub.until(() => hub.latest("service", nginx) !== undefined);
});
afterEach(async () => {
  await agent.stop();
});

const active = () => (hub.latest("service", nginx)?.value as { active?: string } | undefined)?.active;

test("a killed service, an edited file: the agent tells at once, with who did it where the host knows", async () => {
  await breakSomething(host, "kill nginx");
  await hub.until(() => active() === "failed");
  await breakSomething(host, "edit /etc/motd hello", "bob");
  await hub.until(() => hub.facts().some(({ by }) => by?.who === "bob (sudo)"));
  expect(hub.latest("file", { path: "/etc/motd" })).toMatchObject({
    by: { how: "/usr/bin/vim /etc/motd" },
    value: { type: "file", size: 6 },
  });
});

test("a step that was told to fail fails, and the next one succeeds", async () => {
  await breakSomething(host, "fail service.* 1");
  hub.step({ step: "Service/nginx@web-1#1", input: { ...nginx, active: false } });
  hub.step({ step: "Service/nginx@web-1#2", input: { ...nginx, active: false } });
  await hub.until(() => hub.results("Service/nginx@web-1#2").length === 1);
  expect([hub.results("Service/nginx@web-1#1")[0]!.result.outcome, hub.results("Service/nginx@web-1#2")[0]!.result.outcome]).toEqual([
    "failed",
    "done",
  ]);
});

test("a cut link comes back with what happened meanwhile", async () => {
  await breakSomething(host, "cut");
  await breakSomething(host, "stop nginx");
  await breakSomething(host, "restore");
  await hub.until(() => active() === "inactive");
  expect(hub.hellos).toBe(2);
});

test("a silent link carries nothing, and is made anew afterwards", async () => {
  await breakSomething(host, "silent");
  hub.send({ type: "query", id: "lost", ask: { probe: "host", input: {} }, timeoutMs: 1000 });
  await breakSomething(host, "stop nginx");
  expect(hub.hellos).toBe(1);
  // The far end has taken the question by now, and nobody heard it.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  await breakSomething(host, "restore");
  await hub.until(() => active() === "inactive");
  expect(hub.of("answer")).toEqual([]);
});

test("an agent that crashed comes back with its memory; a machine that was rebooted has another boot", async () => {
  hub.step({ step: "File/x@web-1#1", action: "file.write", input: { path: "/srv/x", content: "x" } });
  await hub.until(() => hub.results("File/x@web-1#1").length === 1);
  await breakSomething(host, "crash");
  await hub.until(() => hub.hellos === 2);
  await breakSomething(host, "reboot");
  await hub.until(() => hub.hellos === 3);
  const boots = hub.of("hello").map(({ bootId }) => bootId);
  expect([boots[0] === boots[1], boots[1] === boots[2]]).toEqual([true, false]);
  hub.send({ type: "query", id: "q", ask: { probe: "owned", input: {} }, timeoutMs: 1000 });
  await hub.until(() => hub.of("answer").some(({ query }) => query === "q"));
  expect(hub.of("answer").find(({ query }) => query === "q")!.value).toMatchObject({ owned: [{ claim: "file:/srv/x", created: true }] });
});

test("a boot starts what is enabled, and nothing else", async () => {
  await breakSomething(host, "stop nginx");
  await breakSomething(host, "disable prometheus-node-exporter");
  await breakSomething(host, "reboot");
  await hub.until(() => hub.hellos === 2 && active() === "active");
  expect(host.units.get("prometheus-node-exporter.service")).toMatchObject({ active: "inactive", enabled: "disabled" });
});

test("the local address breaks what it is told and says what is wrong otherwise", async () => {
  const fleet = pretendFleet({ hosts: 3, seed: 1 }),
    controls = await serveControls(fleet);
  const post = (body: unknown, headers: Record<string, string> = { "content-type": "application/json" }) =>
    fetch(`${controls.url}/sandbox/break`, { method: "POST", headers, body: JSON.stringify(body) }).then(async (answer) => [
      answer.status,
      await answer.json(),
    ]);
  try {
    expect(await post({ host: "web-02", what: "kill nginx" })).toEqual([200, { did: "killed nginx.service on web-02" }]);
    expect(fleet.get("web-02")!.units.get("nginx.service")).toMatchObject({ active: "failed", result: "signal" });
    expect(await post({ host: "web-09", what: "kill nginx" })).toMatchObject([
      400,
      { problem: { code: "sandbox/no-host", hint: expect.stringContaining("Did you mean web-0") } },
    ]);
    expect(await post({ host: "web-02", what: "kil nginx" })).toMatchObject([
      400,
      { problem: { code: "sandbox/unknown-fault", hint: "Did you mean kill?" } },
    ]);
    expect(await post({ host: "web-02", what: "kill nginx" }, { "content-type": "text/plain" })).toMatchObject([415, {}]);
    expect(await post({ host: 7 })).toMatchObject([400, { problem: { code: "sandbox/usage" } }]);
  } finally {
    await controls.close();
  }
});
