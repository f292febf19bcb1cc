import { createHmac } from "node:crypto";
import { SignJWT } from "jose";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  connected,
  dial,
  enrolled,
  type Fixture,
  fetchPinned,
  Line,
  newGuest,
  proveOver,
  type Reply,
  signature,
  startFixture,
} from "./hub.fixture.ts";

const skew = { ms: 0 };
let fixture: Fixture;
beforeEach(async () => {
  skew.ms = 0;
  fixture = await startFixture({ skew });
});
afterEach(() => fixture.close());

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const refused = async (jwt: string | undefined): Promise<[number, string | undefined]> => {
  const reply = (await dial(fixture, jwt)) as Reply;
  return [reply.status, reply.json.code];
};

test("a signed challenge buys a token for a quarter of an hour, and the token opens the connection", async () => {
  const guest = await enrolled(fixture, "web-01"),
    reply = await proveOver(fixture, guest);
  expect(reply.status).toBe(200);
  const minutes = (Number(reply.json["expiresAt"]) - Date.now()) / 60_000;
  expect(Math.round(minutes)).toBe(15);
  expect(await dial(fixture, String(reply.json["jwt"]))).toBeInstanceOf(Line);
});

test("a challenge is good once, and for its agent alone", async () => {
  const guest = await enrolled(fixture, "web-01"),
    other = await enrolled(fixture, "web-02");
  const challenge = await fetchPinned(`${fixture.url}/agent/v1/challenge`, fixture.keys.ca, { agent: guest.agent }),
    nonce = String(challenge.json["nonce"]);
  const signed = { nonce, signature: signature(guest, "token", guest.agent, nonce) };
  expect((await proveOver(fixture, other, { nonce, signature: signature(other, "token", other.agent, nonce) })).json.code).toBe(
    "identity/nonce",
  );
  expect((await proveOver(fixture, guest, signed)).status).toBe(200);
  expect((await proveOver(fixture, guest, signed)).json.code).toBe("identity/nonce");
  expect((await proveOver(fixture, guest, { ...signed, nonce: `${nonce}=` })).json.code).toBe("identity/nonce");
});

test("a signature by another key, or made for another purpose, is refused", async () => {
  const guest = await enrolled(fixture, "web-01");
  expect((await proveOver(fixture, { ...guest, key: newGuest("x").key })).json.code).toBe("identity/signature");
  const challenge = await fetchPinned(`${fixture.url}/agent/v1/challenge`, fixture.keys.ca, { agent: guest.agent }),
    nonce = String(challenge.json["nonce"]);
  expect((await proveOver(fixture, guest, { nonce, signature: signature(guest, "renew", guest.agent, nonce) })).json.code).toBe(
    "identity/signature",
  );
});

test("an agent that is not enrolled is told so", async () => {
  const guest = { ...newGuest("web-01"), agent: "agent-0000000000000000" };
  expect((await proveOver(fixture, guest)).json.code).toBe("identity/unknown");
});

test("JWTs of other makers, without signature, of another algorithm or audience are refused", async () => {
  const guest = await enrolled(fixture, "web-01"),
    now = Math.floor(Date.now() / 1000);
  const claims = { iss: fixture.keys.controller, aud: "backend-ai/agent", sub: guest.agent, iat: now, exp: now + 600 };
  const none = `${encode({ alg: "none", typ: "JWT" })}.${encode(claims)}.`;
  const good = new SignJWT(claims).setProtectedHeader({ alg: "HS256" });
  const head = `${encode({ alg: "HS512" })}.${encode(claims)}`;
  expect(await refused(undefined)).toEqual([401, "identity/no-jwt"]);
  expect(await refused(none)).toEqual([401, "identity/jwt-invalid"]);
  expect(await refused("a.b.c")).toEqual([401, "identity/jwt-invalid"]);
  expect(await refused(await good.sign(Buffer.alloc(32, 1)))).toEqual([401, "identity/jwt-invalid"]);
  expect(await refused(`${head}.${createHmac("sha512", fixture.keys.jwtSecret).update(head).digest("base64url")}`)).toEqual([
    401,
    "identity/jwt-invalid",
  ]);
  expect(
    await refused(
      await new SignJWT({ ...claims, aud: "backend-ai/api" }).setProtectedHeader({ alg: "HS256" }).sign(fixture.keys.jwtSecret),
    ),
  ).toEqual([401, "identity/jwt-invalid"]);
  expect(await dial(fixture, await good.sign(fixture.keys.jwtSecret))).toBeInstanceOf(Line);
});

test("an expired JWT is refused, and says that another one helps", async () => {
  const guest = await enrolled(fixture, "web-01"),
    jwt = String((await proveOver(fixture, guest)).json["jwt"]);
  skew.ms = 16 * 60_000;
  const reply = (await dial(fixture, jwt)) as Reply;
  expect([reply.status, reply.json.code, reply.json.retry]).toEqual([401, "identity/jwt-expired", "later"]);
});

test("a revoked agent is cut off at once, and neither its JWT nor its key is good any more", async () => {
  const guest = await enrolled(fixture, "web-01"),
    jwt = String((await proveOver(fixture, guest)).json["jwt"]),
    line = await connected(fixture, guest);
  expect(await fixture.hub.revoke(guest.agent, "alice")).toBe(true);
  expect(await line.end()).toEqual({ code: 4003, reason: "revoked" });
  expect(await refused(jwt)).toEqual([403, "identity/revoked"]);
  const reply = await proveOver(fixture, guest);
  expect([reply.status, reply.json.code]).toEqual([403, "identity/revoked"]);
  expect((await fixture.registry.agents())[0]?.revokedAt).toBeTypeOf("number");
  expect(fixture.hub.agents()).toEqual([]);
  expect(fixture.hub.agents({ revoked: true })[0]?.state).toBe("revoked");
});

test("another machine with the same key gets no token and is listed until it is dismissed", async () => {
  const guest = await enrolled(fixture, "web-01"),
    line = await connected(fixture, guest);
  const reply = await proveOver(fixture, guest, { hardwareId: "another" });
  expect([reply.status, reply.json.code]).toEqual([403, "identity/quarantined"]);
  const [original, clone] = fixture.hub.agents();
  expect([original?.state, clone?.state, clone?.hardwareId]).toEqual(["online", "quarantined", "another"]);
  expect(fixture.hub.agent(clone?.id ?? "")).toEqual(clone);
  expect(await fixture.hub.revoke(clone?.id ?? "", "alice")).toBe(true);
  expect(fixture.hub.agents().map((agent) => agent.state)).toEqual(["online"]);
  expect(line.closed).toBeUndefined();
});
