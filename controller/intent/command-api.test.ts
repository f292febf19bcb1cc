import type { FastifyInstance } from "fastify";
import { expect, test } from "vitest";
import type { Role } from "../../schemas/api.ts";
import { defaultSettings } from "../core/settings-defaults.ts";
import { createApi } from "../http/api.ts";
import { kinds } from "../kinds/index.ts";
import { ann, inSync, service, type Stage, stageFor, until } from "../loop/testing.ts";
import { startIntent } from "./start.ts";

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

interface Command {
  readonly stage: Stage;
  readonly app: FastifyInstance;
  post(body: unknown, role?: Role, url?: string): Promise<{ status: number; json: Record<string, any> }>;
  get(url: string, role?: Role): Promise<{ status: number; json: Record<string, any> }>;
}

/** The real API over the real interpreter, controller and agents. */
async function commandApi(): Promise<Command> {
  const stage = await stageFor({
    files: { "manifests/nginx.yaml": service("nginx", "state: running") },
    hosts: { "web-01": ["webserver"], "web-02": ["webserver"] },
  });
  await inSync(stage);
  const { controller, store } = stage;
  const converse = await startIntent({ controller, kinds, settings: defaultSettings, apiKey: undefined, store, log: quiet, now: Date.now });
  const app = await createApi({
    controller,
    converse,
    log: quiet,
    config: { version: "0", requireAuth: true, hosts: [], tls: undefined },
  });
  const secrets = new Map<Role, string>();
  for (const role of ["viewer", "operator", "approver", "admin"] as const)
    secrets.set(role, (await controller.createApiToken(`${role}-1`, role, undefined, ann)).secret);
  const ask = async (method: "GET" | "POST", url: string, role: Role, payload?: unknown) => {
    const answer = await app.inject({
      method,
      url,
      headers: { authorization: `Bearer ${secrets.get(role)}`, ...(payload === undefined ? {} : { "content-type": "application/json" }) },
      ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
    });
    return { status: answer.statusCode, json: answer.json() as Record<string, any> };
  };
  return {
    stage,
    app,
    post: (body, role = "approver", url = "/api/command") => ask("POST", url, role, body),
    get: (url, role = "approver") => ask("GET", url, role),
  };
}

test("a sentence alone is shown and waits; confined to agents it concerns no other; the yes carries it out, and results come by agent", async () => {
  const on = await commandApi(),
    head = on.stage.controller.status().commit;
  const whole = await on.post({ command: "restart nginx on all web servers" });
  expect(whole).toMatchObject({ status: 200, json: { status: "waiting-for-confirmation", source: "offline" } });
  expect(whole.json["plan"].changes.map(({ host }: { host: string }) => host)).toEqual(["web-01", "web-02"]);

  const agent = on.stage.controller.host("web-02").agent;
  for (const target of ["web-02", agent]) {
    const one = await on.post({ command: "restart nginx on all web servers", targetAgents: [target] });
    expect(one.json["plan"].changes.map(({ host }: { host: string }) => host)).toEqual(["web-02"]);
  }
  expect(on.stage.controller.status().commit).toBe(head);
  expect(await on.get(`/api/command/${whole.json["id"]}/results`)).toMatchObject({
    status: 200,
    json: { status: "waiting-for-confirmation", results: [] },
  });

  const done = await on.post({ command: "restart nginx on all web servers", targetAgents: ["web-01"], requireConfirmation: false });
  expect(done).toMatchObject({ status: 200, json: { status: "running", run: expect.any(String), commit: expect.any(String) } });
  const results = `/api/command/${done.json["id"]}/results`;
  await until(async () => (await on.get(results)).json["status"] === "done");
  expect((await on.get(results)).json["results"]).toMatchObject([{ agent: "web-01", state: "done" }]);
  expect(await on.post(undefined, "approver", `/api/command/${done.json["id"]}/confirm`)).toMatchObject({ status: 409 });
});

test("what is wrong with a request is said, with the status of its kind", async () => {
  const on = await commandApi(),
    restart = "restart nginx on web-01";
  for (const [body, status, code, words] of [
    [{}, 400, "invalid/body", "command is missing"],
    [{ command: "" }, 400, "invalid/body", "command"],
    [{ command: " \n " }, 400, "invalid/command", "it is empty"],
    [{ command: 5 }, 400, "invalid/body", "command"],
    [{ command: "x".repeat(4097) }, 400, "invalid/body", "command"],
    [{ command: restart, requireConfirmaton: false }, 400, "invalid/body", "there is no field requireConfirmaton"],
    [{ command: restart, requireConfirmation: "no" }, 400, "invalid/body", "requireConfirmation"],
    [{ command: restart, targetAgents: "web-01" }, 400, "invalid/body", "targetAgents"],
    [{ command: restart, targetAgents: [] }, 400, "invalid/target", "targetAgents is empty"],
    [{ command: restart, targetAgents: ["web-01", "web-1"] }, 400, "invalid/target", "there is no host web-1"],
    [{ command: restart, conversation: "none" }, 404, "not-found/conversation", "no conversation none"],
    ["restart", 400, "invalid/body", "it has to be an object"],
  ] as const) {
    const answer = await on.post(body);
    expect([answer.status, answer.json["type"]], JSON.stringify(body)).toEqual([status, `urn:backend-ai:problem:${code}`]);
    expect(answer.json["title"]).toContain(words);
  }
  expect((await on.post({ command: restart, targetAgents: ["web-1"] })).json["problems"][0].hint).toMatch(/Did you mean web-0[12]\?/);
  expect((await on.get("/api/command/none/results")).status).toBe(404);
  const plain = { method: "POST", url: "/api/command", payload: '{"command":"list all servers"}' } as const;
  expect((await on.app.inject({ ...plain, headers: { "content-type": "application/json" } })).statusCode).toBe(401);
  expect((await on.app.inject({ ...plain, headers: { "content-type": "text/plain" } })).statusCode).toBeGreaterThanOrEqual(401);
  expect(on.stage.sent).toEqual([]);
});

test("roles reach as far as they do elsewhere: a viewer may not ask, an operator commits, an approver lets it run", async () => {
  const on = await commandApi(),
    stop = { command: "stop nginx on web-01", requireConfirmation: false };
  expect(await on.post(stop, "viewer")).toMatchObject({ status: 403 });
  const waits = await on.post(stop, "operator");
  expect(waits).toMatchObject({
    status: 200,
    json: { status: "waiting-for-approval", digest: expect.stringMatching(/^[0-9a-f]{64}$/), waiting: "an approver has to say yes" },
  });
  // To everybody else but admins there is no such command.
  expect((await on.get(`/api/command/${waits.json["id"]}`, "approver")).status).toBe(404);
  expect((await on.get(`/api/command/${waits.json["id"]}`, "admin")).status).toBe(200);
  expect((await on.post(undefined, "approver", `/api/command/${waits.json["id"]}/confirm`)).status).toBe(404);
  const done = await on.post({}, "approver", `/api/v1/plans/${waits.json["digest"]}/approve`);
  expect(done).toMatchObject({ status: 200, json: { run: expect.any(String) } });
  await until(async () => (await on.stage.controller.run(done.json["run"])).state === "succeeded");
  expect(await on.post({ command: "is nginx running on web-01?" }, "operator")).toMatchObject({
    status: 200,
    json: { status: "answered", text: expect.stringContaining("nginx.service is") },
  });
});
