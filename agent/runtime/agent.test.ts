import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Agent } from "./agent.ts";
import { hostClock } from "./clock.ts";
import { silent } from "./log.ts";
import { PretendHub, startAgent, ToyHost } from "./pretend.ts";
import { fileSpool } from "./spool.ts";
import { fileWatchList } from "./watch-list.ts";

const nginx = { unit: "nginx.service" };
const ask = { probe: "service", input: nginx };

let hub: PretendHub, host: ToyHost, folder: string, agents: Agent[];
beforeEach(async () => {
  [hub, host, agents] = [new PretendHub(), new ToyHost(), []];
  folder = await mkdtemp(join(tmpdir(), "agent-"));
});
afterEach(async () => {
  for (const agent of agents) await agent.stop(0);
  await rm(folder, { recursive: true });
});

async function up(parts: Parameters<typeof startAgent>[2] = {}): Promise<void> {
  agents.push(await startAgent(hub, host, parts));
  if (hub.online) await hub.until(() => hub.hellos > 0);
}

test("hello says what the agent is and which verbs it accepts", async () => {
  await up({ allowance: { verbs: ["service.*", "!journal"], allowPaths: [], denyPaths: [], ownPaths: [] } });
  const [hello] = hub.of("hello");
  expect(hello).toMatchObject({ agent: "a1", machineId: "m1", bootId: "b1", protocol: 1 });
  expect(hello!.verbs).toEqual(expect.arrayContaining(["service", "file", "service.set"]));
  expect(hello!.verbs).not.toEqual(expect.arrayContaining(["journal"]));
  expect(hello!.verbs).not.toEqual(expect.arrayContaining(["file.write"]));
});

test("a watched fact is reported once, then only when it is another, with who changed it", async () => {
  await up();
  hub.send({ type: "watch", asks: [ask] });
  await hub.until(() => hub.facts().length === 1);
  host.touch("nginx.service", {});
  host.touch("nginx.service", { active: "active" });
  await hub.until(() => hub.latest("service", nginx)?.value !== undefined && hub.facts().length === 2);
  expect(hub.latest("service", nginx)).toMatchObject({ value: { active: "active" }, by: { who: "alice" } });
});

test("many signs of change within a moment are one look", async () => {
  await up();
  hub.send({ type: "watch", asks: [ask] });
  await hub.until(() => hub.facts().length === 1);
  const before = host.probed;
  for (let i = 0; i < 100; i++) host.touch("nginx.service", { invocation: String(i) });
  await hub.until(() => hub.facts().length === 2);
  expect(hub.latest("service", nginx)?.value).toMatchObject({ invocation: "99" });
  expect(host.probed - before).toBe(1);
});

test("what a step of ours changes is reported with the step", async () => {
  await up();
  hub.send({ type: "watch", asks: [ask] });
  await hub.until(() => hub.facts().length === 1);
  hub.step({});
  await hub.until(() => hub.facts().length === 2);
  expect(hub.latest("service", nginx)).toMatchObject({ step: "Service/nginx@web-1#1", value: { active: "active" } });
});

test("an ask that cannot be answered is reported with its problem, and the others go on", async () => {
  await up();
  hub.send({
    type: "watch",
    asks: [
      { probe: "no-such", input: {} },
      { probe: "service", input: { unit: 7 } },
      { probe: "file", input: { path: "/etc/shadow", content: true } },
      ask,
    ],
  });
  await hub.until(() => hub.facts().length === 4);
  const codes = hub.facts().map((fact) => fact.problem?.code ?? "fine");
  expect(codes.sort()).toEqual(["agent/path-refused", "fine", "verb/input", "verb/unknown"]);
});

test("offline it goes on watching; after the reconnect everything comes once and in order", async () => {
  await up({ spool: await fileSpool(join(folder, "spool"), silent), watchList: fileWatchList(join(folder, "watch"), silent) });
  hub.send({ type: "watch", asks: [ask] });
  await hub.until(() => hub.acked === 1);
  hub.online = false;
  hub.cut();
  for (const invocation of ["a", "b", "c"]) {
    const probed = host.probed;
    host.touch("nginx.service", { invocation });
    await waitUntil(() => host.probed > probed);
  }
  hub.online = true;
  await hub.until(() => hub.facts().length === 4);
  await hub.settled();
  expect(hub.facts().map((fact) => (fact.value as { invocation: string }).invocation)).toEqual(["1", "a", "b", "c"]);
  const numbers = hub.of("report").map((report) => report.seq);
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
});

test("an agent restarted while the controller is away remembers what to watch, and loses no report", async () => {
  const parts = async () => ({
    spool: await fileSpool(join(folder, "spool"), silent),
    watchList: fileWatchList(join(folder, "watch"), silent),
  });
  hub.acknowledges = false;
  await up(await parts());
  hub.send({ type: "watch", asks: [ask] });
  await hub.until(() => hub.facts().length === 1);
  hub.online = false;
  hub.cut();
  await agents.pop()!.stop();
  host.touch("nginx.service", { invocation: "while away" });
  const probed = host.probed;
  agents.push(await startAgent(hub, host, await parts()));
  await waitUntil(() => host.probed > probed);
  hub.acknowledges = hub.online = true;
  await hub.until(() => hub.latest("service", nginx)?.value !== undefined && hub.facts().length === 3);
  expect(hub.facts().map((fact) => (fact.value as { invocation: string }).invocation)).toEqual(["1", "1", "while away"]);
});

test("a controller that lost its data, and one that knows more than this host remembers, are told everything again", async () => {
  await up();
  hub.send({ type: "watch", asks: [ask] });
  await hub.until(() => hub.acked === 1);
  hub.acked = 0;
  hub.cut();
  await hub.until(() => hub.facts().length === 2);
  hub.acked = 500;
  hub.cut();
  await hub.until(() => hub.facts().length === 3);
  expect(hub.of("report").at(-1)!.seq).toBeGreaterThan(500);
});

test.each([
  ["malformed JSON", "{", "message/json"],
  ["no object", "7", "message/unknown"],
  ["an unknown type", '{"type":"constructor"}', "message/unknown"],
  ["a wrong form", '{"type":"ack","seq":"x"}', "message/form"],
  ["an oversize text", `{"type":"ack","x":"${"x".repeat(5_000_000)}"}`, "message/too-large"],
])("%s is answered with a problem and the connection lives", async (_, text, code) => {
  await up();
  await hub.settled();
  hub.raw(text);
  await hub.until(() => hub.of("problem").length > 0);
  expect(hub.of("problem")[0]!.problem.code).toBe(code);
  await hub.settled();
  expect(hub.hellos).toBe(1);
});

test("a controller that is not ours is not listened to", async () => {
  agents.push(await startAgent(hub, host, { identity: { agent: "a1", host: "web-1", controller: "other", controllerKey: hub.publicKey } }));
  await hub.until(() => hub.hellos >= 2);
  hub.step({ controller: "other" });
  expect(host.acted).toEqual([]);
  expect(hub.of("report")).toEqual([]);
});

test("a refused first connect is tried again, other addresses in turn", async () => {
  hub.online = false;
  const tried: string[] = [];
  await up({
    controllers: ["https://a.test", "https://b.test"],
    dial: (controller, signal) => {
      tried.push(controller);
      if (tried.length === 3) hub.online = true;
      return hub.dial(controller, signal);
    },
  });
  await hub.until(() => hub.hellos === 1);
  expect(tried).toEqual(["https://a.test", "https://b.test", "https://a.test"]);
});

test("a renewal proves the key again, a ping gets a pong", async () => {
  await up();
  hub.send({ type: "renew", nonce: "n1" });
  hub.send({ type: "ping", id: 9, time: Date.now() });
  await hub.until(() => hub.of("renewal").length + hub.of("pong").length === 2);
  expect(hub.of("renewal")[0]!.signature).toBe("renew n1");
  expect(hub.of("pong")[0]!.id).toBe(9);
});

test("a question gets its answer, or why there is none", async () => {
  await up();
  await hub.settled();
  host.files.set("/srv/big", "x".repeat(300_000));
  hub.send({ type: "query", id: "q1", ask, timeoutMs: 1000 });
  hub.send({ type: "query", id: "q2", ask: { probe: "file", input: { path: "/srv/big" } }, timeoutMs: 1000 });
  await hub.until(
    () => hub.of("answer").some((answer) => answer.query === "q2") && hub.of("answer").some((answer) => answer.query === "q1"),
  );
  const answers = new Map(hub.of("answer").map((answer) => [answer.query, answer]));
  expect(answers.get("q1")!.value).toMatchObject({ unit: "nginx.service" });
  expect(answers.get("q2")!.problem?.code).toBe("answer/too-large");
});

test("deadlines count by the controller's clock", async () => {
  const slow = { ...hostClock, now: () => Date.now() - 86_400_000 };
  await up({ clock: slow });
  hub.step({ deadline: Date.now() - 1000 });
  await hub.until(() => hub.results().length === 1);
  expect(hub.results()[0]!.result.problem?.code).toBe("step/expired");
});

const waitUntil = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
};
