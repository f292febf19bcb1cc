import { once } from "node:events";
import { request } from "node:https";
import { afterEach, beforeEach, expect, test } from "vitest";
import { maxPollBody } from "../../schemas/protocol.ts";
import { type Enrolled, enrolled, type Fixture, hello, proveOver, startFixture, until } from "./hub.fixture.ts";
import { openedPoll, poll } from "./poll.fixture.ts";

let fixture: Fixture, guest: Enrolled, jwt: string;
const skew = { ms: 0 };
beforeEach(async () => {
  skew.ms = 0;
  fixture = await startFixture({ skew });
  guest = await enrolled(fixture, "web-01");
  jwt = await jwtOf(guest);
});
afterEach(() => fixture.close());

const jwtOf = async (one: Enrolled): Promise<string> => String((await proveOver(fixture, one)).json["jwt"]);
const said = (message: object): string => JSON.stringify(message);
/** A connection on which the agent was welcomed, and the number of the next message to fetch. */
async function welcomed(one: Enrolled = guest, key: string = jwt): Promise<{ readonly id: string; readonly next: number }> {
  const id = await openedPoll(fixture, key);
  await poll(fixture, key, `/${id}/send`, { from: 1, messages: [said(hello(one))] });
  const { messages } = (await poll(fixture, key, `/${id}/receive`, { from: 1 })).json as unknown as { messages: string[] };
  expect(messages.map((text) => (JSON.parse(text) as { type: string }).type)).toEqual(["welcome", "ping"]);
  return { id, next: 3 };
}
const report = (seq: number): string => said({ type: "report", seq, facts: [], events: [] });
const code = async (reply: ReturnType<typeof poll>) => {
  const { status, json } = await reply;
  return [status, json.code];
};

test("a poll needs a good token of an agent that may connect, each time", async () => {
  const { id, next } = await welcomed();
  expect(await code(poll(fixture, undefined, ""))).toEqual([401, "identity/no-jwt"]);
  expect(await code(poll(fixture, "x.y.z", `/${id}/receive`, { from: next }))).toEqual([401, "identity/jwt-invalid"]);
  skew.ms = 16 * 60_000;
  expect(await code(poll(fixture, jwt, `/${id}/receive`, { from: next }))).toEqual([401, "identity/jwt-expired"]);
  skew.ms = 0;
  await fixture.hub.revoke(guest.agent, "alice");
  expect(await code(poll(fixture, jwt, ""))).toEqual([403, "identity/revoked"]);
  expect(await code(poll(fixture, jwt, `/${id}/receive`, { from: next }))).toEqual([403, "identity/revoked"]);
});

test("nobody else can speak or listen on an agent's connection, or learn that there is one", async () => {
  const { id, next } = await welcomed(),
    other = await jwtOf(await enrolled(fixture, "web-02"));
  const held = poll(fixture, jwt, `/${id}/receive`, { from: next });
  const answers = [
    await code(poll(fixture, other, `/${id}/send`, { from: 2, messages: [report(1)], close: "mine" })),
    await code(poll(fixture, other, `/${id}/receive`, { from: next })),
    await code(poll(fixture, other, `/${"x".repeat(32)}/receive`, { from: next })),
  ];
  expect(answers).toEqual(answers.map(() => [404, "poll/no-connection"]));
  expect([fixture.reports, fixture.hub.agentOf("web-01")?.state]).toEqual([[], "online"]);
  await poll(fixture, jwt, `/${id}/send`, { from: 2, messages: [report(1)] });
  expect((await held).json).toEqual({ from: next, messages: [said({ type: "ack", seq: 1 })] });
});

test("what was taken is not taken again, and what was not acknowledged is given again", async () => {
  const { id, next } = await welcomed();
  const sent = { from: 2, messages: [report(1), report(2)] };
  expect((await poll(fixture, jwt, `/${id}/send`, sent)).json).toEqual({ next: 4 });
  expect((await poll(fixture, jwt, `/${id}/send`, sent)).json).toEqual({ next: 4 });
  expect((await poll(fixture, jwt, `/${id}/send`, { from: 2, messages: [...sent.messages, report(3)] })).json).toEqual({ next: 5 });
  await until(() => fixture.reports.length === 3);
  const acks = [1, 2, 3].map((seq) => said({ type: "ack", seq }));
  for (const from of [next, next + 1, next + 1])
    expect((await poll(fixture, jwt, `/${id}/receive`, { from })).json).toEqual({ from, messages: acks.slice(from - next) });
  expect(fixture.reports.map(({ seq }) => seq)).toEqual([1, 2, 3]);
});

test.each([
  ["send", { from: 9, messages: [] }],
  ["receive", { from: 99 }],
])("numbers that cannot be end the connection: %s", async (act, body) => {
  const { id } = await welcomed();
  expect(await code(poll(fixture, jwt, `/${id}/${act}`, body))).toEqual([409, "poll/order"]);
  expect(fixture.hub.agentOf("web-01")?.state).toBe("offline");
});

test("of two polls the newer one is answered with what comes, and the older is let go", async () => {
  const { id, next } = await welcomed(),
    older = poll(fixture, jwt, `/${id}/receive`, { from: next }),
    newer = poll(fixture, jwt, `/${id}/receive`, { from: next });
  const { reply, rest } = await Promise.race([
    older.then((reply) => ({ reply, rest: newer })),
    newer.then((reply) => ({ reply, rest: older })),
  ]);
  expect(reply.json).toEqual({ from: next, messages: [] });
  fixture.hub.setWatch(guest.agent, []);
  expect((await rest).json).toEqual({ from: next, messages: [said({ type: "watch", asks: [] })] });
});

test("a large body is read once at a time, and never one that is too large", async () => {
  const { id } = await welcomed(),
    head = {
      method: "POST",
      ca: fixture.keys.ca,
      agent: false,
      headers: { authorization: `Bearer ${jwt}`, "content-type": "application/json" },
    };
  const slow = request(`${fixture.url}/agent/v1/poll/${id}/send`, head);
  const cut = once(slow, "error");
  slow.write('{"from":2,"messages":["');
  await once(slow, "socket");
  // The first bytes have to be there before the next request is.
  await until(() => slow.socket?.bytesWritten);
  await expect.poll(async () => (await poll(fixture, jwt, `/${id}/send`, { from: 2, messages: [report(1)] })).status).toBe(200);
  expect((await cut)[0]).toBeInstanceOf(Error);
  const large = request(`${fixture.url}/agent/v1/poll/${id}/send`, {
    ...head,
    headers: { ...head.headers, "content-length": maxPollBody + 1 },
  });
  large.on("error", () => {});
  large.flushHeaders();
  const [refused] = (await once(large, "response")) as [import("node:http").IncomingMessage];
  expect(refused.statusCode).toBe(413);
  large.destroy();
  const unknown = request(`${fixture.url}/agent/v1/poll/${id}/send`, {
    ...head,
    headers: { ...head.headers, authorization: "Bearer x.y.z" },
  });
  unknown.on("error", () => {});
  unknown.write('{"from":2');
  const [before] = (await once(unknown, "response")) as [import("node:http").IncomingMessage];
  expect(before.statusCode).toBe(401);
  unknown.destroy();
});

test("an agent that opens one connection after the other has one in the end", async () => {
  const { id, next } = await welcomed();
  const ids = [];
  for (let n = 0; n < 6; n++) ids.push((await welcomed()).id);
  expect(await code(poll(fixture, jwt, `/${id}/receive`, { from: next }))).toEqual([404, "poll/no-connection"]);
  expect((await poll(fixture, jwt, `/${ids.at(-2)}/receive`, { from: next })).json).toMatchObject({ closed: "replaced" });
  expect(fixture.hub.agentOf("web-01")?.state).toBe("online");
  expect(fixture.events.filter(({ type }) => type === "agent-contended")).toHaveLength(1);
});

test("an agent that polls no more is gone", async () => {
  await welcomed();
  await until(() => fixture.hub.agentOf("web-01")?.state === "offline");
  expect(fixture.events.at(-1)?.text).toBe("The connection ended: connection lost.");
});

test("a plain request where WebSockets are is told so", async () => {
  const plain = request(`${fixture.url}/agent/v1/connect`, { ca: fixture.keys.ca, agent: false });
  plain.end();
  const [response] = (await once(plain, "response")) as [import("node:http").IncomingMessage];
  expect([response.statusCode, response.headers.upgrade]).toEqual([426, "websocket"]);
  response.resume();
});
