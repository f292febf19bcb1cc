import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Enrolled, enrolled, type Fixture, hello, startFixture, until } from "../../controller/hub/hub.fixture.ts";
import { machineClock } from "../../controller/hub/clock.ts";
import { startAgentServer } from "../../controller/hub/server.ts";
import { ownCertificate } from "../../controller/hub/server-certificate.ts";
import { hostClock } from "./clock.ts";
import { controllerDial } from "./dial.ts";
import type { Identity } from "./identity.ts";
import { type OnRequest, type OnUpgrade, type Proxy, startProxy } from "./proxy.fixture.ts";
import type { Transport } from "./transport.ts";

let fixture: Fixture, guest: Enrolled;
const closing: (() => unknown)[] = [],
  stop = new AbortController().signal,
  quiet = { debug() {}, info() {}, warn() {}, error() {} };
beforeEach(async () => {
  fixture = await startFixture();
  guest = await enrolled(fixture, "web-01");
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await fixture.close();
});

const certificate = () => ownCertificate(join(fixture.folder, "keys"), ["localhost", "127.0.0.1"]);
const proxyBefore = async (upstream: string, onUpgrade: OnUpgrade): Promise<Proxy> => {
  const proxy = await startProxy(upstream, await certificate()(Date.now()), onUpgrade);
  closing.push(() => proxy.close());
  return proxy;
};
const identityOf = (one: Enrolled): Identity => ({
  agent: one.agent,
  host: one.hostname,
  controller: fixture.keys.controller,
  controllerKey: fixture.keys.controllerKey,
  ca: fixture.keys.ca,
  privateKey: one.key.export({ format: "pem", type: "pkcs8" }) as string,
  machineId: one.machineId,
  ...(one.hardwareId === undefined ? {} : { hardwareId: one.hardwareId }),
});
const dialer = (again = { firstMs: 60_000, longestMs: 60_000 }, log = (_level: string, _text: string) => {}) =>
  controllerDial({ identity: identityOf(guest), clock: hostClock, log, again });

/** What the other side says on a transport, and why it ended. */
function listen(transport: Transport): { readonly got: { type: string; [name: string]: unknown }[]; ended: string | undefined } {
  const heard = { got: [] as { type: string }[], ended: undefined as string | undefined };
  transport.onMessage((text) => heard.got.push(JSON.parse(text) as { type: string }));
  transport.onClose((reason) => {
    heard.ended = reason;
  });
  return heard;
}
/** Says hello on a transport and waits for the welcome. */
async function greeted(transport: Transport) {
  const heard = listen(transport);
  transport.send(JSON.stringify(hello(guest)));
  await until(() => heard.got.some(({ type }) => type === "welcome"));
  return heard;
}
const report = (seq: number): string => JSON.stringify({ type: "report", seq, facts: [], events: [] });
const connections = (): string[] => fixture.events.filter(({ type }) => type === "agent-connected").map(({ text }) => text);

test.each<OnUpgrade>(["strip", 400, 403, 426, 501, 502, "cut", "hang"])(
  "where a proxy answers an upgrade with %s the same messages go by long polling",
  async (onUpgrade) => {
    const proxy = await proxyBefore(fixture.url, onUpgrade),
      transport = await dialer()(proxy.url, stop),
      heard = await greeted(transport);
    for (const seq of [1, 2, 3]) transport.send(report(seq));
    await until(() => heard.got.some(({ type, seq }) => type === "ack" && seq === 3));
    const asked = fixture.hub.query(guest.agent, { probe: "service", input: { unit: "nginx.service" } }, 5_000);
    const query = await until(() => heard.got.find(({ type }) => type === "query"));
    transport.send(
      JSON.stringify({ type: "answer", query: query["id"], problem: { code: "x", severity: "error", summary: "no", retry: "never" } }),
    );
    await expect(asked).rejects.toMatchObject({ problems: [{ code: "x" }] });
    expect(fixture.reports.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect([proxy.upgrades, connections()]).toEqual([1, ["The agent connected by long polling."]]);
    transport.close("the agent stops");
    await until(() => heard.ended);
    expect(fixture.events.at(-1)?.text).toBe("The connection ended: the agent stops.");
  },
);

test("every authority of the pinned file is trusted, over either carrier, and no other", async () => {
  const { makeAuthority, newCertificateKey } = await import("../../controller/hub/ca.ts"),
    other = (await makeAuthority(await newCertificateKey(), "other", Date.now())).cert;
  const dial = (ca: string) => controllerDial({ identity: { ...identityOf(guest), ca }, clock: hostClock });
  for (const onUpgrade of ["pass", "strip"] as const) {
    const { url } = await proxyBefore(fixture.url, onUpgrade);
    for (const ca of [`${other}${fixture.keys.ca}`, `${fixture.keys.ca}${other}`]) await greeted(await dial(ca)(url, stop));
    await expect(dial(other)(url, stop)).rejects.toThrow(/certificate|CERT/i);
  }
});

test("where WebSockets get through nothing is polled", async () => {
  const proxy = await proxyBefore(fixture.url, "pass");
  await greeted(await dialer()(proxy.url, stop));
  expect([connections(), proxy.paths]).toEqual([["The agent connected."], ["/agent/v1/challenge", "/agent/v1/token"]]);
});

test("what was found is remembered: the next connections do not ask for an upgrade until it is time again", async () => {
  const proxy = await proxyBefore(fixture.url, 403),
    dial = dialer({ firstMs: 400, longestMs: 60_000 });
  (await dial(proxy.url, stop)).close("");
  (await dial(proxy.url, stop)).close("");
  expect(proxy.upgrades).toBe(1);
  await new Promise<void>((resolve) => hostClock.after(450, resolve));
  (await dial(proxy.url, stop)).close("");
  expect(proxy.upgrades).toBe(2);
});

test("a connection that polls gives way once WebSockets get through", async () => {
  const proxy = await proxyBefore(fixture.url, 502),
    said: string[] = [],
    dial = dialer({ firstMs: 50, longestMs: 100 }, (_, text) => said.push(text)),
    heard = await greeted(await dial(proxy.url, stop));
  await until(() => proxy.upgrades > 2);
  expect(heard.ended).toBeUndefined();
  proxy.onUpgrade = "pass";
  expect(await until(() => heard.ended)).toBe("WebSockets get through again");
  await greeted(await dial(proxy.url, stop));
  expect(connections()).toEqual(["The agent connected by long polling.", "The agent connected."]);
  expect(said).toEqual(["WebSockets are blocked: long polling instead", "WebSockets get through again"]);
});

test("WebSockets that open and carry nothing, twice in a row, are blocked ones", async () => {
  const proxy = await proxyBefore(fixture.url, "mute"),
    dial = dialer();
  for (const _ of [1, 2]) {
    const transport = await dial(proxy.url, stop),
      heard = listen(transport);
    transport.send(JSON.stringify(hello(guest)));
    transport.close("no welcome");
    await until(() => heard.ended);
  }
  await greeted(await dial(proxy.url, stop));
  expect(connections()).toEqual(["The agent connected by long polling."]);
});

test("what the controller itself refuses is no matter of proxies", async () => {
  const proxy = await proxyBefore(fixture.url, "pass"),
    dial = dialer();
  (await dial(proxy.url, stop)).close("");
  await fixture.hub.revoke(guest.agent, "alice");
  await expect(dial(proxy.url, stop)).rejects.toMatchObject({ status: 403, body: { code: "identity/revoked" } });
  proxy.close();
  await expect(dial(proxy.url, stop)).rejects.toThrow("ECONNREFUSED");
  expect(proxy.paths.filter((path) => path.includes("poll"))).toEqual([]);
});

test("revocation ends a connection that polls at once, and so does a controller that stops", async () => {
  const proxy = await proxyBefore(fixture.url, 403),
    first = await greeted(await dialer()(proxy.url, stop));
  await fixture.hub.close();
  expect(await until(() => first.ended)).toBe("shutdown");
  await fixture.close();

  fixture = await startFixture();
  guest = await enrolled(fixture, "web-01");
  const other = await proxyBefore(fixture.url, 403),
    second = await greeted(await dialer()(other.url, stop));
  await fixture.hub.revoke(guest.agent, "alice");
  expect(await until(() => second.ended)).toBe("revoked");
});

test("whatever polls are cut, each message arrives once and in order, both ways", async () => {
  let taken: Transport | undefined;
  const hub = { ...fixture.hub, accept: (transport: Transport) => void (taken = transport) };
  const server = await startAgentServer({ hub, certificate: certificate(), clock: machineClock, log: quiet, host: "127.0.0.1", port: 0 });
  closing.push(() => server.close());
  const proxy = await proxyBefore(`https://127.0.0.1:${server.port}`, 403),
    dial = dialer();
  const fate = fc.constantFrom<OnRequest>("pass", "pass", "cut request", "cut answer"),
    words = fc.array(fc.string({ unit: "grapheme", maxLength: 40 }), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(words, words, fc.array(fate, { maxLength: 12 }), async (up, down, fates) => {
      proxy.onRequest = () => "pass";
      const agent = await dial(proxy.url, stop),
        controller = taken!;
      const atController: string[] = [],
        atAgent: string[] = [];
      controller.onMessage((text) => atController.push(text));
      agent.onMessage((text) => atAgent.push(text));
      const left = [...fates];
      proxy.onRequest = () => left.shift() ?? "pass";
      // Not all at once: some are said while polls are under way, some while these are cut.
      for (let at = 0; at < Math.max(up.length, down.length); at++) {
        if (at < up.length) agent.send(up[at]!);
        if (at < down.length) controller.send(down[at]!);
        if (at % 7 === 3) await new Promise((resolve) => setImmediate(resolve));
      }
      await until(() => atController.length >= up.length && atAgent.length >= down.length);
      // What is repeated would come with the next one.
      agent.send("last");
      controller.send("last");
      await until(() => atController.includes("last", up.length) && atAgent.includes("last", down.length));
      expect([atController, atAgent]).toEqual([
        [...up, "last"],
        [...down, "last"],
      ]);
      const ended = new Promise((resolve) => agent.onClose(resolve));
      agent.close("");
      await ended;
    }),
    { numRuns: 12, endOnFailure: true },
  );
}, 60_000);
