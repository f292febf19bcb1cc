import { verify } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import type { StepOrder } from "../../schemas/protocol.ts";
import { maxMessage } from "../../schemas/protocol.ts";
import {
  carriers,
  connected,
  type Enrolled,
  enrolled,
  type Fixture,
  type FixtureOptions,
  hello,
  opened,
  signature,
  startFixture,
  until,
} from "./hub.fixture.ts";
import { publicKeyOf } from "./public-key.ts";

describe.each(carriers)("over %s", (carrier) => {
  let fixture: Fixture;
  afterEach(() => fixture.close());
  const start = async (options: FixtureOptions = {}): Promise<Enrolled> => {
    fixture = await startFixture({ carrier, ...options });
    return enrolled(fixture, "web-01");
  };

  const service = (unit: string) => ({ probe: "service", input: { unit } });
  const nginx = { unit: "nginx.service", load: "loaded", active: "active", enabled: "enabled" };
  const report = (seq: number) => ({
    type: "report",
    seq,
    facts: [{ ask: service("nginx.service"), at: 1, value: { state: "running" } }],
    events: [],
  });
  const order = (guest: Enrolled, fields: Partial<StepOrder> = {}): StepOrder => ({
    controller: fixture.keys.controller,
    host: "web-01",
    agent: guest.agent,
    step: "Service/nginx@web-01#1",
    deadline: Date.now() + 60_000,
    timeoutMs: 1000,
    action: "service.restart",
    input: { unit: "nginx.service" },
    ...fields,
  });

  test("hello is welcomed with what is stored, then comes the watch list, and the agent is online with what it said", async () => {
    const guest = await start();
    fixture.hub.setWatch(guest.agent, [service("nginx.service")]);
    await fixture.registry.setAcked(guest.agent, 41);
    const line = await opened(fixture, guest);
    line.send(hello(guest));
    expect(await line.take("welcome")).toMatchObject({
      controller: fixture.keys.controller,
      host: "web-01",
      sealKey: Buffer.from(fixture.keys.sealKey).toString("base64"),
    });
    expect(await line.take("watch")).toEqual({ type: "watch", asks: [service("nginx.service")] });
    expect(fixture.hub.agentOf("web-01")).toMatchObject({
      state: "online",
      version: "1.0.0",
      bootId: "boot-1",
      verbs: ["service", "service.restart"],
      address: "127.0.0.1",
    });
  });

  test("watch lists are sent by their changes", async () => {
    const guest = await start(),
      line = await connected(fixture, guest);
    const many = ["a", "b", "c", "d", "e"].map((name) => service(`${name}.service`));
    fixture.hub.setWatch(guest.agent, many);
    expect((await line.take("watch")).asks).toEqual(many);
    fixture.hub.setWatch(guest.agent, [...many.slice(1), service("f.service")]);
    expect(await line.take("watch-change")).toEqual({ type: "watch-change", add: [], remove: [service("a.service")] });
    expect(await line.take("watch-change")).toEqual({ type: "watch-change", add: [service("f.service")], remove: [] });
    fixture.hub.setWatch(guest.agent, [...many.slice(1), service("f.service")].reverse());
    fixture.hub.setWatch(guest.agent, []);
    expect((await line.take("watch")).asks).toEqual([]);
    expect(line.got.filter((message) => message.type === "watch-change")).toEqual([]);
  });

  test("a report is acknowledged only once it is stored, in order, and a repeat is not stored again", async () => {
    const guest = await start(),
      line = await connected(fixture, guest);
    let open = (): void => {};
    fixture.gate.wait = new Promise((resolve) => (open = resolve));
    line.send(report(1));
    line.send(report(2));
    const answer = fixture.hub.query(guest.agent, service("x.service"), 5000);
    line.send({ type: "answer", query: (await line.take("query")).id, value: nginx });
    await answer;
    expect(line.got.filter((message) => message.type === "ack")).toEqual([]);
    open();
    expect([(await line.take("ack")).seq, (await line.take("ack")).seq]).toEqual([1, 2]);
    line.send(report(2));
    expect((await line.take("ack")).seq).toBe(2);
    expect(fixture.reports.map((one) => one.seq)).toEqual([1, 2]);
    expect((await fixture.registry.agents())[0]?.acked).toBe(2);
  });

  test("a report that could not be stored is not acknowledged: the connection ends, and the next one may bring it again", async () => {
    const guest = await start(),
      line = await connected(fixture, guest);
    fixture.broken.value = true;
    line.send(report(1));
    expect(await line.end()).toEqual({ code: 1013, reason: "try-later" });
    expect(line.got.filter((message) => message.type === "ack")).toEqual([]);
    fixture.broken.value = false;
    const again = await opened(fixture, guest);
    again.send(hello(guest));
    expect((await again.take("welcome")).acked).toBe(0);
    again.send(report(1));
    expect((await again.take("ack")).seq).toBe(1);
  });

  test("a step is signed over its very bytes, and its result is acknowledged once stored", async () => {
    const guest = await start(),
      line = await connected(fixture, guest);
    await fixture.hub.sendStep(order(guest));
    const message = await line.take("step"),
      key = publicKeyOf(fixture.keys.controllerKey);
    expect(JSON.parse(message.order)).toEqual(order(guest, { deadline: JSON.parse(message.order).deadline }));
    expect(key !== undefined && verify(null, Buffer.from(message.order), key, Buffer.from(message.signature, "base64"))).toBe(true);
    line.send({ type: "progress", step: "Service/nginx@web-01#1", text: "restarting" });
    line.send({ type: "result", step: "Service/nginx@web-01#1", result: { outcome: "done", ms: 12 }, facts: [] });
    expect(await line.take("result-ack")).toEqual({ type: "result-ack", step: "Service/nginx@web-01#1" });
    expect([fixture.progress, fixture.results]).toEqual([["restarting"], [{ agent: guest.agent, step: "Service/nginx@web-01#1" }]]);
  });

  test("a step is refused where it cannot be sent", async () => {
    const guest = await start();
    const code = async (step: StepOrder) =>
      fixture.hub.sendStep(step).then(
        () => "sent",
        (cause: { problems: { code: string }[] }) => cause.problems[0]?.code,
      );
    expect(await code(order(guest))).toBe("agent/offline");
    expect(await code(order(guest, { agent: "nobody" }))).toBe("agent/unknown");
    const line = await connected(fixture, guest);
    expect(await code(order(guest, { action: "file.write" }))).toBe("agent/verb");
    expect(await code(order(guest, { input: "x".repeat(maxMessage) }))).toBe("agent/step-size");
    expect(line.closed).toBeUndefined();
    await fixture.hub.revoke(guest.agent, "alice");
    expect(await code(order(guest))).toBe("agent/revoked");
  });

  test("a query is answered, fails with the agent's problem, or ends by time, by abort and with the connection", async () => {
    const guest = await start(),
      line = await connected(fixture, guest),
      ask = service("nginx.service");
    const problem = { code: "probe/failed", severity: "error", summary: "Unable to look", retry: "never" };
    const first = fixture.hub.query(guest.agent, ask, 5000);
    line.send({ type: "answer", query: (await line.take("query")).id, value: nginx });
    expect(await first).toEqual(nginx);
    const second = fixture.hub.query(guest.agent, ask, 5000);
    line.send({ type: "answer", query: (await line.take("query")).id, problem });
    await expect(second).rejects.toMatchObject({ problems: [problem] });
    await expect(fixture.hub.query(guest.agent, ask, 1)).rejects.toMatchObject({ problems: [{ code: "query/timeout" }] });
    const large = {
      probe: "validate",
      input: { files: Array.from({ length: 9 }, () => ({ path: "/etc/large", content: "x".repeat(1024 * 1024) })) },
    };
    await expect(fixture.hub.query(guest.agent, large, 5000)).rejects.toMatchObject({
      problems: [{ code: "agent/query-size", retry: "never" }],
    });
    expect(fixture.hub.agentOf("web-01")?.state).toBe("online");
    const aborting = new AbortController(),
      third = fixture.hub.query(guest.agent, ask, 5000, aborting.signal);
    aborting.abort();
    await expect(third).rejects.toMatchObject({ problems: [{ code: "query/aborted" }] });
    const fourth = fixture.hub.query(guest.agent, ask, 5000);
    line.carrier.cut();
    await expect(fourth).rejects.toMatchObject({ problems: [{ code: "query/offline" }] });
    await until(() => fixture.hub.agentOf("web-01")?.state === "offline");
  });

  test.each([null, 7, {}, "x".repeat(10_000), { ...nginx, load: [] }, { ...nginx, dropIns: { a: 7 } }, undefined])(
    "an answer of another form than the probe promises is a problem, and harms nothing: %j",
    async (value) => {
      const guest = await start(),
        line = await connected(fixture, guest);
      const asked = fixture.hub.query(guest.agent, service("nginx.service"), 5_000);
      line.send({ type: "answer", query: (await line.take("query")).id, value });
      await expect(asked).rejects.toMatchObject({
        problems: [
          { code: "agent/bad-answer", summary: expect.stringMatching(/^Unable to use the answer of web-01 to service: .{5,300}$/) },
        ],
      });
      const again = fixture.hub.query(guest.agent, service("nginx.service"), 5_000);
      line.send({ type: "answer", query: (await line.take("query")).id, value: nginx });
      expect(await again).toEqual(nginx);
    },
  );

  test("broken messages are answered with a problem, and often repeated close the connection", async () => {
    const guest = await start(),
      line = await connected(fixture, guest);
    const deep = `{"type":"answer","query":"q","value":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    for (const text of [
      "{",
      "[]",
      "null",
      '"x"',
      '{"type":1}',
      '{"type":"report"}',
      '{"type":"report","seq":1e300,"facts":[],"events":[]}',
      deep,
    ])
      line.send(text);
    expect((await line.take("problem")).problem.code).toBe("protocol/malformed");
    line.carrier.send(Buffer.from([1, 2, 3]));
    line.send('{"type":"__proto__"}');
    await until(() => line.got.some((message) => message.type === "problem" && message.problem.code === "protocol/unknown-type"));
    line.send("{");
    expect(await line.end()).toEqual({ code: 1008, reason: "misbehaved" });
    expect(await connected(fixture, guest)).toMatchObject({ closed: undefined });
  });

  test("messages of an unknown type are answered and do not end the connection", async () => {
    const guest = await start(),
      line = await connected(fixture, guest);
    for (let i = 0; i < 30; i++) line.send({ type: "forecast", i });
    for (let i = 0; i < 30; i++) expect((await line.take("problem")).problem.code).toBe("protocol/unknown-type");
    line.send({ ...report(1), novelty: true });
    expect((await line.take("ack")).seq).toBe(1);
  });

  test("a message over size ends the connection and nothing else", async () => {
    const guest = await start(),
      line = await connected(fixture, guest),
      other = await connected(fixture, await enrolled(fixture, "web-02"));
    line.send("x".repeat(maxMessage + 1));
    expect((await line.end()).code).toBe(1009);
    other.send(report(1));
    expect((await other.take("ack")).seq).toBe(1);
  });

  test("an agent of another protocol version is told so, listed as incompatible, and not used", async () => {
    const guest = await start(),
      line = await opened(fixture, guest);
    line.send({ type: "hello", protocol: 0, somethingElse: true });
    const { problem } = await line.take("problem");
    expect([problem.code, problem.hint]).toEqual(["protocol/version", "Upgrade the agent: run the install command again."]);
    expect(fixture.hub.agentOf("web-01")?.state).toBe("incompatible");
    await expect(fixture.hub.sendStep(order(guest))).rejects.toMatchObject({ problems: [{ code: "agent/incompatible" }] });
    fixture.hub.setWatch(guest.agent, [service("nginx.service")]);
    line.send(report(1));
    await connected(fixture, await enrolled(fixture, "web-02"));
    expect([fixture.reports, line.got]).toEqual([[], []]);
  });

  test("the first message has to be a hello that fits the identity of the connection", async () => {
    const guest = await start(),
      other = await enrolled(fixture, "web-02");
    const talk = async (message: object) => {
      const line = await opened(fixture, guest);
      line.send(message);
      return [(await line.take("problem")).problem.code, (await line.end()).code];
    };
    expect(await talk(report(1))).toEqual(["protocol/no-hello", 1008]);
    expect(await talk({ ...hello(guest), verbs: "all" })).toEqual(["protocol/invalid", 1008]);
    expect(await talk(hello(guest, { agent: other.agent }))).toEqual(["protocol/other-agent", 1008]);
    expect(await talk(hello(guest, { platform: { os: "x".repeat(70_000), arch: "", init: "" } }))).toEqual(["protocol/no-hello", 1008]);
    expect(await talk(hello(guest, { machineId: "clone" }))).toEqual(["identity/quarantined", 4004]);
    expect(fixture.hub.agents().map((agent) => agent.state)).toEqual(["offline", "quarantined", "offline"]);
  });

  test("a second connection of an agent takes over from the first", async () => {
    const guest = await start(),
      first = await connected(fixture, guest),
      second = await connected(fixture, guest);
    expect(await first.end()).toEqual({ code: 4000, reason: "replaced" });
    second.send(report(1));
    expect((await second.take("ack")).seq).toBe(1);
    expect(fixture.hub.agentOf("web-01")?.state).toBe("online");
    // What was sent on the first may be lost: whoever sends steps has to hear of its end.
    expect(fixture.states).toEqual(["web-01 offline", "web-01 online", "web-01 offline", "web-01 online"]);
  });

  test("what the first connection is still storing comes before what the second one brings", async () => {
    const guest = await start(),
      first = await connected(fixture, guest);
    let open = (): void => {};
    fixture.gate.wait = new Promise((resolve) => (open = resolve));
    first.send(report(1));
    const asked = fixture.hub.query(guest.agent, service("x.service"), 5000);
    first.send({ type: "answer", query: (await first.take("query")).id, value: nginx });
    await asked;
    const second = await connected(fixture, guest);
    second.send(report(1));
    second.send(report(2));
    open();
    expect([(await second.take("ack")).seq, (await second.take("ack")).seq]).toEqual([1, 2]);
    expect(fixture.reports.map((one) => one.seq)).toEqual([1, 2]);
  });

  test("an agent that reads nothing is given up, not buffered for", async () => {
    const guest = await start({ limits: { maxBuffered: 1_000_000 } }),
      line = await connected(fixture, guest);
    line.carrier.pause();
    const ask = { probe: "service", input: { unit: "x".repeat(100_000) } };
    const asks = Array.from({ length: 60 }, () =>
      fixture.hub.query(guest.agent, ask, 20_000).catch((cause: { problems: { code: string }[] }) => cause.problems[0]?.code),
    );
    expect(new Set(await Promise.all(asks))).toEqual(new Set(["query/offline", "agent/offline"]));
    expect(fixture.hub.agentOf("web-01")?.state).toBe("offline");
    expect(fixture.events.at(-1)?.text).toBe("The connection ended: try-later.");
    line.carrier.cut();
  });

  test("a flood from one agent is slowed, loses nothing, and leaves the others alone", async () => {
    const guest = await start({ limits: { rate: 2_000, burst: 200 } }),
      line = await connected(fixture, guest),
      other = await connected(fixture, await enrolled(fixture, "web-02"));
    for (let seq = 1; seq <= 3_000; seq++) line.send(report(seq));
    other.send(report(1));
    expect((await other.take("ack")).seq).toBe(1);
    expect(fixture.reports.length).toBeLessThan(3_000);
    await until(() => line.got.some((message) => message.type === "ack" && message.seq === 3_000));
    expect(fixture.reports.filter((one) => one.agent === guest.agent).map((one) => one.seq)).toEqual(
      Array.from({ length: 3_000 }, (_, i) => i + 1),
    );
  });

  test("the clock of a host is measured", async () => {
    const guest = await start({ limits: { pingMs: 20 } });
    await connected(fixture, guest, { time: 0 }, 90_000);
    await expect.poll(() => Math.round((fixture.hub.agentOf("web-01")?.clockOffset ?? 0) / 10_000), { timeout: 15_000 }).toBe(9);
  });

  test("a silent agent is late, then offline; one that answers stays", async () => {
    const guest = await start({ limits: { pingMs: 100, lateMs: 400, deadMs: 1_000 } }),
      line = await connected(fixture, guest);
    const lively = await connected(fixture, await enrolled(fixture, "web-02"), {}, 0);
    await line.end();
    expect(fixture.states.filter((state) => state.startsWith("web-01"))).toEqual([
      "web-01 offline",
      "web-01 online",
      "web-01 late",
      "web-01 offline",
    ]);
    await until(() => fixture.hub.agentOf("web-02")?.state === "online");
    expect(lively.closed).toBeUndefined();
  });

  test("a connection on which nobody says hello ends", async () => {
    const guest = await start({ limits: { helloMs: 50 } }),
      line = await opened(fixture, guest);
    expect(await line.end()).toEqual({ code: 1008, reason: "misbehaved" });
  });

  test("an identity is renewed on the open connection, and the connection ends where it is not", async () => {
    const guest = await start({ limits: { renewBeforeMs: 15 * 60_000, identityMs: 15 * 60_000 } }),
      line = await connected(fixture, guest);
    const first = await line.take("renew");
    line.send({ type: "renewal", signature: signature(guest, "renew", guest.agent, first.nonce) });
    const second = await line.take("renew");
    expect(second.nonce).not.toBe(first.nonce);
    await fixture.close();

    fixture = await startFixture({ carrier, limits: { renewBeforeMs: 15 * 60_000, identityMs: 100 } });
    const other = await enrolled(fixture, "web-01"),
      short = await connected(fixture, other);
    short.send({ type: "renewal", signature: signature(other, "renew", other.agent, (await short.take("renew")).nonce) });
    expect(await short.end()).toEqual({ code: 4001, reason: "identity-expired" });
  });

  test("two processes that take over from each other again and again are noticed", async () => {
    const guest = await start();
    for (let i = 0; i < 7; i++) await connected(fixture, guest);
    expect(fixture.events.filter((event) => event.type === "agent-contended")).toHaveLength(1);
  });

  test("a restarted hub knows its agents, and what each last said", async () => {
    const guest = await start(),
      line = await connected(fixture, guest);
    await fixture.hub.close();
    expect(await line.end()).toEqual({ code: 1001, reason: "shutdown" });
    expect((await fixture.registry.agents())[0]).toMatchObject({
      id: guest.agent,
      profile: { version: "1.0.0", bootId: "boot-1" },
      lastSeen: expect.any(Number),
      clockOffset: expect.any(Number),
    });
  });

  test("an agent that tells problem after problem fills nobody's list of events", async () => {
    const guest = await start({ limits: { problems: 3 } }),
      line = await connected(fixture, guest);
    for (let n = 0; n < 50; n++)
      line.send({ type: "problem", problem: { code: "x", severity: "error", summary: `trouble ${n}`, retry: "never" } });
    line.send(report(1));
    expect((await line.take("ack")).seq).toBe(1);
    expect(fixture.events.filter((event) => event.type === "agent-problem").map(({ text }) => text)).toEqual([
      "trouble 0",
      "trouble 1",
      "trouble 2",
    ]);
  });

  test("of an agent that tells event after event so many are passed on, the rest is counted, and a new connection brings no more", async () => {
    const guest = await start({ told: { rate: 0.001, burst: 5, everyMs: 0 } }),
      other = await connected(fixture, await enrolled(fixture, "web-02"));
    const event = (n: number) => ({ at: 1, type: "job-failed", subject: "x.service", text: `failure ${n}` });
    let line = await connected(fixture, guest);
    for (let seq = 1; seq <= 4; seq++) {
      if (seq === 3) line = await connected(fixture, guest);
      line.send({ ...report(seq), events: [event(2 * seq), event(2 * seq + 1)], gap: 1 });
      for (let n = 0; n < 5; n++) line.send({ type: "progress", step: "s", text: `${seq}.${n}` });
      expect((await line.take("ack")).seq).toBe(seq);
    }
    other.send({ ...report(1), events: [event(0)] });
    await other.take("ack");
    expect(fixture.told).toEqual(["failure 2", "failure 3", "gap 1", "failure 4", "failure 5", "failure 0"]);
    expect(fixture.progress).toEqual(["1.0", "1.1", "1.2", "1.3", "1.4"]);
    const excess = await until(() => fixture.events.find(({ type }) => type === "agent-excess"));
    expect([excess.host, excess.text]).toEqual(["web-01", "The agent tells too much: 7 events and 15 lines of progress were not kept."]);
  });

  test("large reports hold an agent back by their size, and none is lost", async () => {
    const guest = await start({ limits: { inboxText: 10_000 } }),
      line = await connected(fixture, guest);
    let open = (): void => {};
    fixture.gate.wait = new Promise((resolve) => (open = resolve));
    const large = (seq: number) => ({ ...report(seq), padding: "x".repeat(20_000) });
    for (let seq = 1; seq <= 20; seq++) line.send(large(seq));
    open();
    await until(() => line.got.some((message) => message.type === "ack" && message.seq === 20));
    expect(fixture.reports.map((one) => one.seq)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  });
});
