import { afterEach, beforeEach, expect, test } from "vitest";
import { enrolled, enrolOver, type Fixture, newGuest, startFixture, tokenFor } from "./hub.fixture.ts";

let fixture: Fixture;
beforeEach(async () => {
  fixture = await startFixture({ allowed: "web-*, db-?" });
});
afterEach(() => fixture.close());

test("a machine with a join token becomes a host with the tags of the token", async () => {
  const token = await tokenFor(fixture, { preset: { tags: ["webserver"], labels: { team: "web" } } });
  const reply = await enrolOver(fixture, newGuest("Web_01.example.com"), token);
  expect(reply.status).toBe(200);
  expect(reply.json).toEqual({
    agent: expect.stringMatching(/^agent-[0-9a-f]{16}$/),
    host: "web-01",
    controller: fixture.keys.controller,
    controllerKey: fixture.keys.controllerKey,
    ca: fixture.keys.ca,
  });
  expect(fixture.hub.agentOf("web-01")).toMatchObject({
    state: "offline",
    tags: ["webserver"],
    labels: { team: "web" },
    machineId: "machine-of-Web_01.example.com",
  });
  expect(fixture.states).toEqual(["web-01 offline"]);
});

test("a token may settle the name", async () => {
  const reply = await enrolOver(fixture, newGuest("localhost"), await tokenFor(fixture, { preset: { host: "db-1" } }));
  expect(reply.json["host"]).toBe("db-1");
});

const forged = async () => `${(await tokenFor(fixture)).slice(0, -32)}${"A".repeat(32)}`;
test.each([
  ["enrol/token-malformed", async () => "bai_cut"],
  ["enrol/token-unknown", async () => `bai_0123456789ab_${"A".repeat(32)}`],
  ["enrol/token-wrong", forged],
  ["enrol/token-expired", () => tokenFor(fixture, { ttlMs: -1 })],
  [
    "enrol/token-revoked",
    async () => {
      const { token, record } = await fixture.hub.createToken({ ttlMs: 60_000, maxUses: 1, by: "alice" });
      await fixture.hub.revokeToken(record.id);
      return token;
    },
  ],
  [
    "enrol/token-used-up",
    async () => {
      const token = await tokenFor(fixture);
      await enrolOver(fixture, newGuest("web-09"), token);
      return token;
    },
  ],
])("refuses with %s", async (code, token) => {
  const reply = await enrolOver(fixture, newGuest("web-01"), await token());
  expect([reply.status, reply.json.code]).toEqual([401, code]);
  expect(fixture.hub.agentOf("web-01")).toBeUndefined();
  expect(fixture.events.at(-1)?.type).toBe("enrol-refused");
});

test("the registry never holds a token's secret, and no event tells it", async () => {
  const token = await tokenFor(fixture);
  await enrolOver(fixture, newGuest("web-01"), token);
  await enrolOver(fixture, newGuest("web-02"), token);
  const secret = token.slice(-32);
  expect(JSON.stringify([await fixture.registry.tokens(), await fixture.registry.agents(), fixture.events])).not.toContain(secret);
});

test("a machine that missed the answer asks again without using the token up", async () => {
  const token = await tokenFor(fixture),
    guest = newGuest("web-01");
  const first = await enrolOver(fixture, guest, token),
    second = await enrolOver(fixture, guest, token);
  expect(second.json).toEqual(first.json);
  expect((await fixture.registry.tokens())[0]?.uses).toBe(1);
});

test("a token for three lets in exactly three of five that come at once", async () => {
  const token = await tokenFor(fixture, { maxUses: 3 });
  const replies = await Promise.all(["1", "2", "3", "4", "5"].map((n) => enrolOver(fixture, newGuest(`web-0${n}`), token)));
  expect(replies.map((reply) => reply.status).sort()).toEqual([200, 200, 200, 401, 401]);
});

test("a taken host name is refused, unless the token says that it replaces; then the agent before is revoked", async () => {
  const before = await enrolled(fixture, "web-01"),
    other = newGuest("web-01", { machineId: "other" });
  const refused = await enrolOver(fixture, other, await tokenFor(fixture));
  expect([refused.status, refused.json.code]).toEqual([403, "enrol/name-taken"]);
  expect(refused.json.summary).toContain(`the agent ${before.agent} of another machine`);
  const reply = await enrolOver(fixture, other, await tokenFor(fixture, { preset: { replace: true } }));
  expect(reply.status).toBe(200);
  expect(fixture.hub.agent(before.agent)?.state).toBe("revoked");
  expect(fixture.hub.agentOf("web-01")?.id).toBe(reply.json["agent"]);
});

test("ALLOWED_AGENTS keeps other hosts out", async () => {
  const reply = await enrolOver(fixture, newGuest("mail-01"), await tokenFor(fixture));
  expect([reply.status, reply.json.code]).toEqual([403, "enrol/not-allowed"]);
  expect((await fixture.registry.tokens())[0]?.uses).toBe(0);
});

test.each([["localhost"], ["web 01"], ["-web"], ["../etc"], ["wéb"]])("refuses the host name %j", async (hostname) => {
  const reply = await enrolOver(fixture, newGuest(hostname), await tokenFor(fixture));
  expect(reply.json.code).toBe("enrol/host-name");
});

test("refuses a key that is none", async () => {
  const reply = await enrolOver(fixture, newGuest("web-01", { publicKey: "AAAA" }), await tokenFor(fixture));
  expect(reply.json.code).toBe("enrol/public-key");
});

test("a second machine with the same key is quarantined and the first goes on", async () => {
  const first = await enrolled(fixture, "web-01");
  const clone = await enrolOver(fixture, { ...first, machineId: "clone" }, await tokenFor(fixture));
  expect([clone.status, clone.json.code]).toEqual([403, "identity/quarantined"]);
  expect(fixture.hub.agents().map((agent) => [agent.state, agent.machineId])).toEqual([
    ["offline", "machine-of-web-01"],
    ["quarantined", "clone"],
  ]);
  expect(fixture.events.at(-1)?.type).toBe("enrol-refused");
  expect(fixture.events.filter((event) => event.type === "agent-cloned")).toHaveLength(1);
});

test("an address that shows keys that are none has to wait too: each is told as an event", async () => {
  const codes: unknown[] = [];
  for (let i = 0; i < 11; i++) codes.push((await enrolOver(fixture, newGuest("web-01", { publicKey: "none" }), "bai_x")).json.code);
  expect(codes).toEqual([...Array<string>(10).fill("enrol/public-key"), "http/too-many-failures"]);
});

test("an address that guesses tokens has to wait, even with a right one", async () => {
  for (let i = 0; i < 10; i++) await enrolOver(fixture, newGuest("web-01"), `bai_0123456789ab_${"A".repeat(32)}`);
  const reply = await enrolOver(fixture, newGuest("web-01"), await tokenFor(fixture));
  expect([reply.status, reply.json.code, reply.json.retry]).toEqual([429, "http/too-many-failures", "later"]);
});

test("nothing is said to a machine that pins another CA", async () => {
  const other = await startFixture();
  await expect(enrolOver(fixture, newGuest("web-01"), await tokenFor(fixture), other.keys.ca)).rejects.toThrow(/certificate/);
  await other.close();
});
