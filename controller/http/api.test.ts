import { connect, createServer } from "node:net";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ProblemError } from "../../schemas/problem.ts";
import { accessOf } from "./access.ts";
import { type ApiConfig, createApi } from "./api.ts";
import { listen } from "./listen.ts";
import { type StandIn, standIn } from "./testing.ts";

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const config: ApiConfig = { version: "0.1.0", requireAuth: true, hosts: ["ctl.example"] };
let stand: StandIn, app: FastifyInstance;

beforeEach(async () => {
  stand = standIn();
  app = await createApi({ controller: stand.controller, converse: stand.converse, log, config });
});
afterEach(() => app.close());

const as = (role: keyof StandIn["secrets"]) => ({ authorization: `Bearer ${stand.secrets[role]}` });
const digest = "3f9c2a1b".repeat(8);

test("every route is in the table of roles, and every line of the table is a route", () => {
  const served = Object.keys(accessOf).filter((key) => {
    const [method = "", url = ""] = key.split(" ");
    return app.hasRoute({ method: method as "GET", url });
  });
  expect(served).toEqual(Object.keys(accessOf));
});

test.each(Object.entries(accessOf).filter(([, needed]) => needed !== "public"))(
  "%s lets nobody in without a token, nor one role below %s",
  async (key, needed) => {
    const [method = "", url = ""] = key.split(" "),
      path = url
        .replace(":digest", digest)
        .replace(":kind", "Service")
        .replaceAll(/:(\w+)/g, "nginx");
    const ask = (headers: Record<string, string>) => app.inject({ method: method as "GET", url: path, headers });
    const bare = await ask({});
    expect([bare.statusCode, bare.headers["www-authenticate"], bare.json().problems[0].code]).toEqual([
      401,
      'Bearer realm="backend-ai"',
      "unauthorized/no-token",
    ]);
    expect((await ask({ authorization: "Bearer guess" })).json().problems[0].code).toBe("unauthorized/token");
    const below = (["viewer", "operator", "approver", "admin"] as const)[["viewer", "operator", "approver", "admin"].indexOf(needed) - 1];
    if (below !== undefined) expect((await ask(as(below))).statusCode).toBe(403);
  },
);

test("a problem is application/problem+json with a status from its code, and a fault of ours tells nothing", async () => {
  const missing = await app.inject({ url: "/api/v1/manifests/Service/ngnix", headers: as("viewer") });
  expect([missing.statusCode, missing.headers["content-type"]]).toEqual([404, "application/problem+json; charset=utf-8"]);
  expect(missing.json()).toMatchObject({
    type: "urn:backend-ai:problem:not-found/resource",
    status: 404,
    title: "Unable to find the resource Service/ngnix: there is none of this name",
  });
  stand.controller.status = () => {
    throw new TypeError("secret path /var/lib");
  };
  const bug = await app.inject({ url: "/api/v1/status", headers: as("viewer") });
  expect([bug.statusCode, bug.json().problems[0].code, bug.body.includes("secret")]).toEqual([500, "internal", false]);
  expect((await app.inject({ url: "/nothing", headers: as("viewer") })).json().problems[0].code).toBe("not-found/route");
});

test.each([
  ["a misspelt field", { command: "x", requireConfirmaton: false }, "invalid/body", "Did you mean requireConfirmation?"],
  ["a missing field", {}, "invalid/body", undefined],
  ["a wrong type", { command: "x", dryRun: "yes" }, "invalid/body", undefined],
])("a body with %s is refused with its place", async (_, payload, code, hint) => {
  const answer = await app.inject({ method: "POST", url: "/api/command", headers: as("operator"), payload });
  expect([answer.statusCode, answer.json().problems[0].code, answer.json().problems[0].hint]).toEqual([400, code, hint]);
});

test.each([
  ["text/plain", "{}", 415],
  ["application/json", "{", 400],
  ["application/json", JSON.stringify({ command: "x".repeat(100_000) }), 413],
])("a body of %s that cannot be read is answered with a problem", async (type, payload, status) => {
  const answer = await app.inject({ method: "POST", url: "/api/command", headers: { ...as("operator"), "content-type": type }, payload });
  expect([answer.statusCode, answer.headers["content-type"]]).toEqual([status, "application/problem+json; charset=utf-8"]);
});

test("listings come in pieces that join to the whole", async () => {
  stand.resources.push(
    ...Array.from({ length: 25 }, (_, n) => ({
      ...(stand.resources[0] as StandIn["resources"][0]),
      id: `Service/s${String(n).padStart(2, "0")}`,
    })),
  );
  const seen: string[] = [];
  type Piece = { items: { id: string }[]; next?: string };
  for (let next: string | undefined = ""; next !== undefined; ) {
    const page: Piece = (
      await app.inject({ url: `/api/v1/manifests?limit=10${next === "" ? "" : `&cursor=${next}`}`, headers: as("viewer") })
    ).json();
    seen.push(...page.items.map((item) => item.id));
    next = page.next;
  }
  expect(seen).toEqual(stand.resources.map((one) => one.id).sort());
  expect((await app.inject({ url: "/api/v1/manifests?cursor=%21", headers: as("viewer") })).json().problems[0].code).toBe("invalid/cursor");
  expect((await app.inject({ url: "/api/v1/manifests?limit=0", headers: as("viewer") })).json().problems[0].code).toBe("invalid/query");
});

test("a plan is made, approved for its digest by who may, and its journal followed to the end", async () => {
  const plan = (await app.inject({ method: "POST", url: "/api/v1/plans", headers: as("operator") })).json();
  expect(plan.digest).toBe(digest);
  const url = `/api/v1/plans/${digest}/approve`;
  const other = await app.inject({ method: "POST", url, headers: as("approver"), payload: { plan: { ...plan, digest: "0".repeat(64) } } });
  expect(other.json().problems[0].code).toBe("invalid/plan");
  const { run } = (await app.inject({ method: "POST", url, headers: as("approver"), payload: { reason: "looks good" } })).json();
  expect(stand.decisions).toMatchObject([{ decision: "approved", by: "approver-1", reason: "looks good" }]);
  expect((await app.inject({ method: "POST", url, headers: as("approver") })).statusCode).toBe(409);
  const types: string[] = [];
  for (let after = 0, ended = false; !ended; ) {
    const piece = (await app.inject({ url: `/api/v1/runs/${run}/events?after=${after}&waitMs=5000`, headers: as("viewer") })).json();
    types.push(...piece.events.map((event: { type: string }) => event.type));
    ({ next: after, ended } = piece);
  }
  expect(types).toEqual(["started", "step-sent", "step-result", "step-sent", "step-result", "ended"]);
  expect((await app.inject({ url: `/api/v1/plans/${digest}`, headers: as("viewer") })).json()).toMatchObject({
    state: "done",
    decision: { by: "approver-1", at: "2026-11-20T10:00:00.000Z" },
  });
});

test("a sentence waits for its confirmation, and its results are listed by host", async () => {
  const asked = (
    await app.inject({ method: "POST", url: "/api/command", headers: as("operator"), payload: { command: "restart nginx" } })
  ).json();
  expect(asked).toMatchObject({ status: "waiting-for-confirmation", digest });
  await app.inject({ method: "POST", url: `/api/command/${asked.id}/confirm`, headers: as("operator") });
  const results = async () => (await app.inject({ url: `/api/command/${asked.id}/results`, headers: as("operator") })).json();
  await expect.poll(async () => (await results()).status).toBe("done");
  expect((await results()).results).toMatchObject([
    { agent: "web-01", state: "done" },
    { agent: "web-02", state: "done" },
  ]);
  expect((await app.inject({ url: "/api/command/none/results", headers: as("viewer") })).statusCode).toBe(404);
  for (const url of [`/api/command/${asked.id}`, `/api/command/${asked.id}/results`, `/api/v1/intents/${asked.id}`])
    expect((await app.inject({ url, headers: as("approver") })).json().problems[0].code).toBe("not-found/command");
  expect((await app.inject({ url: `/api/command/${asked.id}`, headers: as("admin") })).statusCode).toBe(200);
});

test("a query of a silent host is an answer with a problem, and is noted with who asked", async () => {
  const ask = (host: string) =>
    app.inject({ method: "POST", url: "/api/v1/queries", headers: as("operator"), payload: { host, probe: "host", input: {} } });
  expect((await ask("web-01")).json()).toEqual({ host: "web-01", value: { probe: "host", input: {} } });
  expect((await ask("web-02")).json()).toMatchObject({ host: "web-02", problem: { code: "agent/offline" } });
  expect((await ask("web-09")).statusCode).toBe(404);
  expect(stand.notes).toEqual(["operator-1 query web-01", "operator-1 query web-02", "operator-1 query web-09"]);
});

test("an operator reads texts of files only where a manifest shows them, and uses no host as a tool", async () => {
  const file = (path: string, more: object) =>
    stand.resources.push({
      ...(stand.resources[0] as StandIn["resources"][0]),
      id: `File/f${stand.resources.length}`,
      kind: "File",
      manifest: { kind: "File", spec: { path, ...more } },
      instances: [{ id: `File/x@web-01`, resource: "File/x", host: "web-01", state: "in-sync" }],
    });
  file("/srv/page", { content: "hello" });
  file("/etc/app.env", { content: { secretRef: "app/env" } });
  file("/etc/app.ini", { format: "ini", values: { "main.port": 80 } });
  file("/srv/mode", { mode: "0600" });
  const ask = async (probe: string, input: unknown, role: keyof StandIn["secrets"] = "operator", host = "web-01") => {
    const answer = await app.inject({ method: "POST", url: "/api/v1/queries", headers: as(role), payload: { host, probe, input } });
    return answer.statusCode === 200 ? "ok" : answer.json().problems[0].code;
  };
  const values = (...keys: string[]) => ({ format: "ini", keys });
  expect(await ask("file", { path: "/etc/shadow" })).toBe("ok");
  expect(await ask("file", { path: "/srv/page", content: true })).toBe("ok");
  expect(await ask("file", { path: "/etc/app.ini", values: values("main.port") })).toBe("ok");
  const refused: [string, unknown][] = [
    ["file", { path: "/etc/other", content: true }],
    ["file", { path: "/etc/other", values: values("a") }],
    ["file", { path: "/etc/app.env", content: true }],
    ["file", { path: "/etc/app.ini", content: true }],
    ["file", { path: "/etc/app.ini", values: values("main.port", "main.password") }],
    ["file", { path: "/etc/app.ini", values: { format: "ini", keys: "main.port" } }],
    ["file", { path: "/srv/mode", content: true }],
    ["validate", { files: [] }],
    ["health", { http: "http://10.0.0.1/", withinMs: 100 }],
  ];
  const codes = await Promise.all(refused.map(async ([probe, input]) => ask(probe, input)));
  expect(codes).toEqual(refused.map(() => "forbidden/query"));
  expect(await ask("file", { path: "/srv/page", content: true }, "operator", "web-09")).toBe("forbidden/query");
  const broken = refused.filter(([, input]) => JSON.stringify(input).includes('"keys":"'));
  for (const one of refused) expect(await ask(...one, "approver")).toBe(broken.includes(one) ? "invalid/probe-input" : "ok");
});

test("an operator imports no files, and a preview leaves a trace", async () => {
  const wanted = (files: string[]) => ({ on: "*", services: [], packages: [], files });
  const read = async (role: keyof StandIn["secrets"], files: string[]) =>
    (await app.inject({ method: "POST", url: "/api/v1/imports", headers: as(role), payload: wanted(files) })).statusCode;
  expect([await read("operator", []), await read("operator", ["/etc/x"]), await read("approver", ["/etc/x"])]).toEqual([200, 403, 200]);
  const payload = { edits: [{ path: "manifests/x.yaml", text: "kind: File" }] };
  await app.inject({ method: "POST", url: "/api/v1/previews", headers: as("operator"), payload });
  expect(stand.notes).toEqual(["operator-1 import *", "approver-1 import *", "operator-1 preview workspace"]);
});

test("a listing of tokens holds no secret and no digest of one", async () => {
  expect(
    (await app.inject({ method: "POST", url: "/api/v1/tokens", headers: as("admin"), payload: { name: "ci", role: "operator" } })).json(),
  ).toEqual({ id: "t1", secret: "bai_new_secret" });
  const listing = await app.inject({ url: "/api/v1/tokens", headers: as("admin") });
  expect(listing.json().items).toMatchObject([{ id: "t1", name: "ci", role: "operator", createdBy: "admin-1" }]);
  expect(listing.body).not.toMatch(/secret|never shown/);
});

test("metrics tell the state, and a second API has figures of its own", async () => {
  const second = await createApi({ controller: standIn().controller, log, config });
  await app.inject({ url: "/api/v1/me", headers: as("viewer") });
  const text = (await app.inject({ url: "/metrics", headers: as("viewer") })).body;
  expect(text).toContain('backend_ai_instances{state="inSync"} 5');
  expect(text).toContain('backend_ai_http_request_seconds_count{method="GET",route="/api/v1/me",status="200"} 1');
  expect((await second.inject({ url: "/metrics", headers: as("viewer") })).body).not.toContain("/api/v1/me");
  await second.close();
});

test("readyz says 503 until the controller is ready", async () => {
  stand.ready = false;
  expect((await app.inject({ url: "/readyz" })).statusCode).toBe(503);
  expect((await app.inject({ url: "/healthz" })).json()).toEqual({ ok: true });
});

test("the OpenAPI document is 3.1, names every path, and its schemas compile", async () => {
  const document = (await app.inject({ url: "/api/openapi.json" })).json();
  expect(document.openapi).toBe("3.1.0");
  const paths = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`),
  );
  expect(paths.sort()).toEqual(Object.keys(accessOf).sort());
  const ajv = new Ajv2020({ strict: false });
  formats.default(ajv);
  const schema = document.paths["/api/v1/plans"].post.responses["201"].content["application/json"].schema;
  expect(ajv.validate(schema, stand.plans[0])).toBe(true);
});

test("security headers are set and there is no CORS", async () => {
  const answer = await app.inject({ url: "/api/v1/me", headers: { ...as("viewer"), origin: "https://evil.example" } });
  expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
  expect([answer.headers["x-content-type-options"], answer.headers["content-security-policy"]]).toEqual([
    "nosniff",
    "default-src 'none';frame-ancestors 'none'",
  ]);
});

test("too many requests are answered with 429", async () => {
  const strict = await createApi({ controller: stand.controller, log, config: { ...config, requestsPerMinute: 2 } });
  const codes = [];
  for (let n = 0; n < 3; n++) codes.push((await strict.inject({ url: "/api/v1/me", headers: as("viewer") })).statusCode);
  expect(codes).toEqual([200, 200, 429]);
  await strict.close();
});

test("who shows another token each time is counted by address, and who has a good one is not stopped by that", async () => {
  const strict = await createApi({ controller: stand.controller, log, config: { ...config, requestsPerMinute: 2 } });
  const guess = async (n: number, remoteAddress = "10.0.0.9") =>
    (await strict.inject({ url: "/api/v1/me", remoteAddress, headers: { authorization: `Bearer bai_guess_${n}` } })).statusCode;
  expect([await guess(1), await guess(2), await guess(3), await guess(4)]).toEqual([401, 401, 429, 429]);
  const good = await strict.inject({ url: "/api/v1/me", remoteAddress: "10.0.0.9", headers: as("viewer") });
  expect([good.statusCode, await guess(5, "10.0.0.8")]).toEqual([200, 401]);
  expect([await guess(1, "2001:db8::1"), await guess(2, "2001:db8::2"), await guess(3, "2001:db8::3")]).toEqual([401, 401, 429]);
  await strict.close();
});

test("what is public is answered under every name", async () => {
  expect((await app.inject({ url: "/healthz", headers: { host: "balancer.example" } })).statusCode).toBe(200);
  expect((await app.inject({ url: "/api/v1/me", headers: { host: "balancer.example" } })).json().problems[0].code).toBe("forbidden/host");
});

test("without required tokens only this machine is let in: no foreign name, no foreign page, nobody behind a proxy", async () => {
  const open = await createApi({ controller: stand.controller, log, config: { ...config, requireAuth: false } });
  const ask = async (headers: Record<string, string>, remoteAddress = "127.0.0.1"): Promise<string> => {
    const answer = await open.inject({ method: "POST", url: "/api/v1/plans", headers, remoteAddress });
    return answer.statusCode === 201 ? "ok" : answer.json().problems[0].code;
  };
  expect(await ask({ host: "localhost:3000" })).toBe("ok");
  expect(await ask({ host: "ctl.example", origin: "http://ctl.example" })).toBe("ok");
  expect(await ask({ host: "localhost:3000" }, "10.0.0.9")).toBe("unauthorized/no-token");
  expect(await ask({ host: "localhost:3000", "x-forwarded-for": "10.0.0.9" })).toBe("unauthorized/no-token");
  expect(await ask({ host: "rebound.example" })).toBe("forbidden/host");
  expect(await ask({ host: "localhost:3000", origin: "https://evil.example" })).toBe("forbidden/origin");
  expect(await ask({ host: "localhost:3000", "sec-fetch-site": "cross-site" })).toBe("forbidden/origin");
  await open.close();
});

test("a port in use is said in words", async () => {
  const holder = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => holder.once("listening", resolve));
  const { port } = holder.address() as { port: number };
  const failure = await listen(app, { host: "127.0.0.1", port }).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  holder.close();
  expect((failure as ProblemError).problems[0]).toMatchObject({
    code: "listen/in-use",
    summary: `Unable to listen on 127.0.0.1:${port}: another program uses this port`,
  });
});

const readEvents = async (
  port: number,
  headers: Record<string, string>,
  enough: (text: string) => boolean,
): Promise<{ text: string; ended: boolean }> => {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/events`, { headers });
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    if (done) return { text, ended: true };
    text += new TextDecoder().decode(value);
    if (enough(text)) return (void reader.cancel(), { text, ended: false });
  }
};

test("events are streamed as they come, and go on from Last-Event-ID with none lost or repeated", async () => {
  const port = await listen(app, { host: "127.0.0.1", port: 0 });
  stand.tell({ type: "a", text: "one" });
  stand.tell({ type: "a", text: "two" });
  const reading = readEvents(port, { ...as("viewer"), "last-event-id": "1" }, (text) => text.includes("id: 1001"));
  for (let n = 3; n <= 1001; n++) stand.tell({ type: "a", text: `event ${n}` });
  const ids = [...(await reading).text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
  expect(ids.slice(0, 1000)).toEqual(Array.from({ length: 1000 }, (_, n) => n + 2));
});

test("a stream beats while nothing happens and ends when its token is revoked", async () => {
  const quick = await createApi({ controller: stand.controller, log, config: { ...config, streams: { heartbeat: 20, drain: 1000 } } });
  const port = await listen(quick, { host: "127.0.0.1", port: 0 });
  const { text } = await readEvents(port, as("viewer"), (so) => so.includes(": 0\n\n"));
  expect(text).toContain("retry: 2000");
  const reading = readEvents(port, as("viewer"), () => false);
  stand.revokedTokens.add("viewer");
  expect((await reading).ended).toBe(true);
  await quick.close();
});

test("a stream ends when its token is revoked, however much happens", async () => {
  const quick = await createApi({ controller: stand.controller, log, config: { ...config, streams: { heartbeat: 100, drain: 1000 } } });
  const port = await listen(quick, { host: "127.0.0.1", port: 0 });
  const busy = setInterval(() => stand.tell({ type: "a", text: "more" }), 1);
  const reading = readEvents(port, as("viewer"), () => false);
  stand.revokedTokens.add("viewer");
  expect((await reading).ended).toBe(true);
  clearInterval(busy);
  await quick.close();
});

test("one caller has some of the streams, not all of them", async () => {
  const port = await listen(app, { host: "127.0.0.1", port: 0 }),
    leave = new AbortController();
  const open = async (role: keyof StandIn["secrets"]) =>
    (await fetch(`http://127.0.0.1:${port}/api/v1/events`, { headers: as(role), signal: leave.signal })).status;
  const all = await Promise.all(Array.from({ length: 32 }, () => open("viewer")));
  expect([new Set(all), await open("viewer"), await open("operator")]).toEqual([new Set([200]), 503, 200]);
  leave.abort();
});

test("a client that takes nothing is closed", async () => {
  const quick = await createApi({ controller: stand.controller, log, config: { ...config, streams: { heartbeat: 1000, drain: 100 } } });
  const port = await listen(quick, { host: "127.0.0.1", port: 0 });
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(`GET /api/v1/events?after=0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${stand.secrets.viewer}\r\n\r\n`);
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  for (let n = 0; n < 400; n++) stand.tell({ type: "a", text: "x".repeat(100_000) });
  await expect.poll(() => new Promise((resolve) => quick.server.getConnections((_, count) => resolve(count))), { timeout: 10_000 }).toBe(0);
  socket.destroy();
  await quick.close();
});

test("who waits for a run's journal gets each entry once it is there, and the journal is read only when it has grown", async () => {
  const { run } = await stand.controller.approve((await stand.controller.plan({})).digest, { name: "ann", role: "admin" });
  const whole = stand.controller.runEvents;
  let reads = 0;
  stand.controller.runEvents = (id, after) => (reads++, whole(id, after));
  const ask = async (after: number) =>
    (await app.inject({ url: `/api/v1/runs/${run}/events?after=${after}&waitMs=10000`, headers: as("viewer") })).json() as {
      events: { type: string }[];
      next: number;
      ended: boolean;
    };
  const types: string[] = [];
  for (let piece = await ask(0); ; piece = await ask(piece.next)) {
    types.push(...piece.events.map(({ type }) => type));
    if (piece.ended) break;
  }
  expect(types).toEqual(["started", "step-sent", "step-result", "step-sent", "step-result", "ended"]);
  expect(reads).toBeLessThanOrEqual(2 * types.length);
  expect(await ask(6)).toEqual({ events: [], next: 6, ended: true });
});

test("a journal in which nothing happens is read once by each who waits, however long", async () => {
  stand.controller.followRun = () => () => undefined;
  let reads = 0;
  stand.controller.runEvents = async (_, after = 0) => (reads++, { events: [], next: after, ended: false });
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => app.inject({ url: "/api/v1/runs/run-1/events?after=3&waitMs=700", headers: as("viewer") })),
  );
  expect(answers.map((answer) => answer.json() as unknown)).toEqual(
    Array.from({ length: 10 }, () => ({ events: [], next: 3, ended: false })),
  );
  expect(reads).toBe(10);
});

test("status names the files that are not committed", async () => {
  expect((await app.inject({ url: "/api/v1/status", headers: as("viewer") })).json()).not.toHaveProperty("uncommitted");
  stand.uncommitted = Array.from({ length: 30 }, (_, n) => `manifests/${n}.yaml`);
  expect((await app.inject({ url: "/api/v1/status", headers: as("viewer") })).json()).toMatchObject({
    uncommitted: { count: 30, files: stand.uncommitted.slice(0, 20) },
  });
});
