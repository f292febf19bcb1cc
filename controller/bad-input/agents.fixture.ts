import { SignJWT } from "jose";
import { maxMessage, type StepOrder } from "../../schemas/protocol.ts";
import {
  dial,
  type Enrolled,
  enrolled,
  enrolOver,
  connected,
  type Line,
  newGuest,
  opened,
  proveOver,
  type Reply,
} from "../hub/hub.fixture.ts";
import { initKeys, loadKeys } from "../hub/keys.ts";
import { until } from "../loop/testing.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { printProblem, type Problem } from "../../schemas/problem.ts";
import type { BadThing, Standing } from "./standing.fixture.ts";

const said = ({ status, json }: Reply): [number, string] => [status, printProblem(json as unknown as Problem)];

/** A machine that asks to join with a token of ours, or with one that it made up. */
const joining = (why: string, token: (to: Standing) => Promise<string>): BadThing => ({
  says: [
    401,
    `error: Unable to enrol: the join token cannot be used: ${why}\n    \`backend-ai enrol\` on the controller makes a new one.`,
    undefined,
  ],
  async feed(to) {
    const answer = said(await enrolOver(to.agents, newGuest("bad-01"), await token(to)));
    return [...answer, to.running.hub.agentOf("bad-01")];
  },
});

const tokenOf = async (to: Standing, wish: { ttlMs?: number } = {}): Promise<string> =>
  (await to.running.hub.createToken({ ttlMs: 60_000, maxUses: 1, by: "alice", ...wish })).token;

/** Uses a guest of this name, and takes it away again. */
async function withGuest<T>(to: Standing, name: string, use: (guest: Enrolled) => Promise<T>): Promise<T> {
  const guest = await enrolled(to.agents, name);
  try {
    return await use(guest);
  } finally {
    await to.running.hub.revoke(guest.agent, "alice");
  }
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const claims = (to: Standing, guest: Enrolled, exp: number): Record<string, unknown> => ({
  iss: to.agents.keys.controller,
  aud: "backend-ai/agent",
  sub: guest.agent,
  iat: exp - 900,
  exp,
});
const dialled = async (to: Standing, jwt: string): Promise<[number, string]> => said((await dial(to.agents, jwt)) as Reply);

/** Machines and agents that are not what they say, or say what nobody can use. */
export const agents = {
  "wrong join token": joining(
    "its secret is wrong; it may have been cut or changed when it was copied",
    async (to) => `${(await tokenOf(to)).slice(0, -32)}${"A".repeat(32)}`,
  ),
  "expired join token": joining("it has expired", (to) => tokenOf(to, { ttlMs: -1 })),
  "used-up join token": joining("it has been used as often as it may be", async (to) => {
    const token = await tokenOf(to),
      { json } = await enrolOver(to.agents, newGuest("first"), token);
    await to.running.hub.revoke(String(json["agent"]), "alice");
    return token;
  }),
  "forged join token": joining("this controller never gave out such a token", async () => `bai_0123456789ab_${"A".repeat(32)}`),
  "wrong CA": {
    says: ["unable to verify the first certificate", 200],
    async feed(to) {
      const folder = await mkdtemp(join(tmpdir(), "backend-ai-ca-"));
      await initKeys(folder, Date.now());
      const { ca } = await loadKeys(folder),
        token = await tokenOf(to);
      await rm(folder, { recursive: true, force: true });
      const refused = await enrolOver(to.agents, newGuest("bad-01"), token, ca).then(
        () => "it joined",
        (failure: unknown) => String((failure as Error).message),
      );
      // The token was not used up by it.
      const { status, json } = await enrolOver(to.agents, newGuest("good-01"), token);
      await to.running.hub.revoke(String(json["agent"]), "alice");
      return [refused.split(";")[0], status];
    },
  },
  "revoked agent": {
    says: [
      204,
      { code: 4003, reason: "revoked" },
      [403, "error: Unable to accept the agent AGENT: it was revoked\n    Enrol the host again with a new join token."],
      [403, "error: Unable to accept the agent AGENT: it was revoked\n    Enrol the host again with a new join token."],
    ],
    async feed(to) {
      const guest = await enrolled(to.agents, "bad-02"),
        jwt = String((await proveOver(to.agents, guest)).json["jwt"]),
        line = await connected(to.agents, guest);
      await until(() => to.running.controller.hosts().hosts.some(({ name }) => name === "bad-02"));
      const { status } = await to.api("DELETE", "/api/v1/agents/bad-02");
      const refusals = [await dialled(to, jwt), said(await proveOver(to.agents, guest))];
      return [status, await line.end(), ...refusals.map(([code, text]) => [code, text.replace(guest.agent, "AGENT")])];
    },
  },
  "replayed step": {
    says: 1,
    async feed(to) {
      const starts = (): number => to.host.units.get("nginx.service")?.starts ?? 0,
        before = starts(),
        agent = to.running.hub.agentOf("web-01")?.id ?? "";
      const order: StepOrder = {
        controller: to.agents.keys.controller,
        host: "web-01",
        agent,
        step: "Replayed#1",
        deadline: Date.now() + 60_000,
        timeoutMs: 10_000,
        action: "service.restart",
        input: { unit: "nginx.service" },
      };
      await to.running.hub.sendStep(order);
      await until(() => starts() === before + 1);
      await until(() => to.running.controller.instance("Service/nginx@web-01").state === "in-sync");
      to.settle();
      for (let again = 0; again < 3; again++) {
        await to.running.hub.sendStep(order);
        await to.running.controller.query("web-01", "service", { unit: "nginx.service" });
      }
      return starts() - before;
    },
  },
  "message over size": {
    says: { code: 1009, reason: "" },
    feed: (to) =>
      withGuest(to, "bad-03", async (guest) => {
        const line = await connected(to.agents, guest);
        line.send("x".repeat(maxMessage + 1));
        return line.end();
      }),
  },
  "malformed JSON": {
    says: [
      "error: Unable to read the message: it is not JSON",
      "the connection stays",
      400,
      ["error: Unable to read the request: its body is not JSON"],
    ],
    feed: (to) =>
      withGuest(to, "bad-04", async (guest) => {
        const line: Line = await connected(to.agents, guest);
        line.send("{");
        const { status, problems } = await to.api("POST", "/api/v1/plans", "{");
        const told = printProblem((await line.take("problem")).problem);
        return [told, line.closed ?? "the connection stays", status, problems];
      }),
  },
  "agent of an older protocol version": {
    says: [
      "error: Unable to use this agent: it speaks version 0 of the protocol, the controller version 1\n    Upgrade the agent: run the install command again.",
      "incompatible",
    ],
    feed: (to) =>
      withGuest(to, "bad-05", async (guest) => {
        const line = await opened(to.agents, guest);
        line.send({ type: "hello", protocol: 0 });
        return [printProblem((await line.take("problem")).problem), to.running.hub.agentOf("bad-05")?.state];
      }),
  },
  "JWT expired": {
    says: [401, "error: Unable to open the connection: the token has expired"],
    feed: (to) =>
      withGuest(to, "bad-06", async (guest) => {
        const past = Math.floor(Date.now() / 1000) - 60;
        return dialled(to, await new SignJWT(claims(to, guest, past)).setProtectedHeader({ alg: "HS256" }).sign(to.agents.keys.jwtSecret));
      }),
  },
  "JWT with alg: none": {
    says: [401, "error: Unable to open the connection: the token is not one of this controller's"],
    feed: (to) =>
      withGuest(to, "bad-07", async (guest) =>
        dialled(to, `${encode({ alg: "none", typ: "JWT" })}.${encode(claims(to, guest, Math.floor(Date.now() / 1000) + 600))}.`),
      ),
  },
} satisfies Record<string, BadThing>;
