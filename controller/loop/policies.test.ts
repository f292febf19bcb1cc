import { expect, test } from "vitest";
import type { Store } from "../store/store.ts";
import { ann, bob, file, inSync, policy, service, stageFor, until, waitingPlan } from "./testing.ts";

const page = (text: string, on = "name=web-*") => file("page", "/srv/page", `content: "${text}"`, on);
const free = "approval: { from: never }";

test("an approved plan waits while a policy freezes, across a restart, and runs when the freeze ends", async () => {
  const frozen = policy("hold", "freeze: { reason: stocktaking }");
  const stage = await stageFor({ files: { "manifests/policy.yaml": frozen, "manifests/page.yaml": page("one") } });
  const digest = await waitingPlan(stage);
  expect(await stage.controller.approve(digest, ann)).toEqual({
    digest,
    decision: "approved",
    waiting: "frozen by Policy/hold: stocktaking",
  });
  expect(stage.controller.status().waiting).toBe(`${digest.slice(0, 12)}: frozen by Policy/hold: stocktaking`);
  stage.kill();
  await stage.restart();
  await until(() => stage.controller.status().waiting !== undefined);
  expect(stage.controller.status().pendingPlan).toBeNull();
  expect(stage.sent).toEqual([]);

  await stage.repo.commit({ "manifests/policy.yaml": policy("hold", free) });
  await inSync(stage);
  expect(stage.sent).toHaveLength(1);
});

test.each([
  ["a freeze that is committed", policy("hold", "freeze: { reason: stocktaking }"), "frozen by Policy/hold: stocktaking", 0],
  ["a window that closes", undefined, "outside the maintenance window of Policy/hold", 3_600_000],
])(
  "%s in mid-run stops what has not begun; the rest waits, says why, and runs later",
  async (_, commit, reason, passes) => {
    const answered = Promise.withResolvers<void>();
    // The answer to the first step is there, and is not taken until the test says so.
    const store = (real: Store): Store => ({
      ...real,
      runs: {
        ...real.runs,
        append: (...entry) =>
          entry[2][0]?.type === "step-result" ? answered.promise.then(() => real.runs.append(...entry)) : real.runs.append(...entry),
      },
    });
    const soon = new Date(Date.now() - 60_000),
      cron = `${soon.getUTCMinutes()} ${soon.getUTCHours()} * * *`;
    const open = commit === undefined ? `${free}\nwindows: [{ cron: "${cron}", duration: 30m }]` : free;
    const stage = await stageFor({
      files: {
        "manifests/policy.yaml": policy("hold", open),
        "manifests/page.yaml": page("one"),
        "manifests/side.yaml": file("side", "/srv/side", 'content: "s"\nneeds: [File/page]'),
      },
      store,
    });
    await until(() => stage.sent.length === 1);
    if (commit !== undefined) {
      const head = await stage.repo.commit({ "manifests/policy.yaml": commit });
      await until(() => stage.controller.status().commit === head);
    }
    stage.clockJump = passes;
    answered.resolve();
    const run = await until(async () => (await stage.controller.runs({})).items[0]?.id);
    await until(async () => (await stage.controller.run(run)).endedAt);
    const { state, changes } = await stage.controller.run(run);
    expect([state, ...changes.map((change) => [change.id, change.state, change.held])]).toEqual([
      "partial",
      ["File/page@web-01", "done", undefined],
      ["File/side@web-01", "skipped", reason],
    ]);
    // Nobody has to be asked where the manifests are the same; else the plan waits for a yes first.
    if (commit === undefined) expect(await until(() => stage.controller.status().waiting)).toContain(reason);
    else await stage.controller.approve(await waitingPlan(stage), ann);
    expect(await until(() => stage.controller.status().waiting)).toContain(reason);
    expect(stage.sent).toHaveLength(1);

    stage.clockJump = 0;
    await stage.repo.commit({ "manifests/policy.yaml": policy("hold", free) });
    await inSync(stage);
    expect(stage.sent).toHaveLength(2);
  },
  30_000,
);

test("limits count what ran lately, across a restart: neither a new plan nor an old one goes beyond them", async () => {
  const limited = policy("few", `${free}\nlimits: { maxHosts: 1, within: 1h }`);
  const stage = await stageFor({
    files: { "manifests/policy.yaml": limited, "manifests/page.yaml": page("one", "name=web-01") },
    hosts: { "web-01": [], "web-02": [] },
  });
  await inSync(stage);
  stage.kill();
  await stage.restart();
  await stage.repo.commit({ "manifests/page.yaml": page("one") });
  const digest = await waitingPlan(stage);
  await expect(stage.controller.approve(digest, ann)).rejects.toThrow(
    "The plan goes beyond Policy/few: it changes 2 hosts, and 1 are allowed within 60 min.",
  );
  expect(stage.sent).toHaveLength(1);
  stage.clockJump = 3_700_000;
  const plan = await stage.controller.plan({});
  expect(plan.problems).toEqual([]);
});

test("a plan that would remove more than a policy allows is refused, and nothing is removed", async () => {
  const limited = policy("careful", `${free}\nprune: true\nlimits: { maxDeletions: 1 }`);
  const two = { "manifests/a.yaml": file("a", "/srv/a", 'content: "a"'), "manifests/b.yaml": file("b", "/srv/b", 'content: "b"') };
  const stage = await stageFor({ files: { "manifests/policy.yaml": limited, ...two } });
  await inSync(stage);
  await until(async () => ((await stage.controller.query("web-01", "owned", {})) as { owned: unknown[] }).owned.length === 2);
  await stage.repo.git("rm", "--quiet", "manifests/a.yaml", "manifests/b.yaml");
  await stage.repo.commit({ "manifests/c.yaml": file("c", "/srv/c", "state: absent") });
  const digest = await waitingPlan(stage);
  const { plan } = await stage.controller.planOf(digest);
  expect(plan.changes.map(({ act }) => act)).toEqual(["delete", "delete"]);
  await expect(stage.controller.approve(digest, bob)).rejects.toThrow("it removes 2 things, and 1 are allowed");
  expect(stage.sent).toHaveLength(2);
});

test("a failed health check takes the change back and holds it, across a restart, until its resource changes in git", async () => {
  const site = (text: string) => file("site", "/etc/nginx/conf.d/extra.conf", `content: "${text}\\n"\nreloads: [nginx.service]`);
  const nginx = service("nginx", "state: running\nhealth: { http: http://localhost:81/, expect: 200, within: 1s }");
  const stage = await stageFor({ files: { "manifests/policy.yaml": policy("free", free), "manifests/nginx.yaml": nginx } });
  await inSync(stage);
  await stage.repo.commit({ "manifests/site.yaml": site("# bad") });
  await until(async () => (await stage.controller.runs({})).items[0]?.state === "rolled-back");
  await until(() => stage.controller.instance("File/site@web-01").state === "held");
  expect(await stage.controller.query("web-01", "file", { path: "/etc/nginx/conf.d/extra.conf" })).toMatchObject({ type: "missing" });
  stage.kill();
  await stage.restart();
  await until(() => stage.controller.instance("File/site@web-01").state === "held");
  expect((await stage.controller.plan({})).blocked.map(({ id }) => id)).toEqual(["File/site@web-01"]);
  expect((await stage.controller.runs({})).items).toHaveLength(1);

  await stage.repo.commit({ "manifests/site.yaml": site("# good"), "manifests/nginx.yaml": service("nginx", "state: running") });
  await inSync(stage);
  expect(await stage.store.desired.held()).toEqual([]);
});

test("what is predicted runs under the same yes: a package, then the service that it brings", async () => {
  const redis = `apiVersion: backend-ai/v1\nkind: Package\nmetadata: { name: redis-server }\nspec:\n  on: name=web-*\n  name: redis-server\n`;
  const stage = await stageFor({
    files: { "manifests/redis.yaml": redis, "manifests/unit.yaml": service("redis-server", "state: running\nenabled: true") },
  });
  const digest = await waitingPlan(stage);
  const { plan } = await stage.controller.planOf(digest);
  expect([plan.changes.map(({ id }) => id), plan.later.map(({ id }) => id)]).toEqual([
    ["Package/redis-server@web-01"],
    ["Service/redis-server@web-01"],
  ]);
  await stage.controller.approve(digest, ann);
  await inSync(stage);
  const by = (await stage.controller.runs({})).items.map((run) => run.by);
  expect(by.at(-1)).toBe("ann");
  expect(by.slice(0, -1).every((name) => name === "earlier approval")).toBe(true);
});

test("a package that does not start its unit: the file's reload waits for no answer, the predicted start does, under the same yes", async () => {
  const redis = `apiVersion: backend-ai/v1\nkind: Package\nmetadata: { name: redis-server }\nspec:\n  on: name=web-*\n  name: redis-server\n`;
  const quiet = file("quiet", "/usr/sbin/policy-rc.d", 'content: "#!/bin/sh\\nexit 101\\n"\nmode: "0755"');
  const stage = await stageFor({ files: { "manifests/quiet.yaml": quiet } });
  await stage.controller.approve(await waitingPlan(stage), ann);
  await inSync(stage);
  await stage.repo.commit({
    "manifests/redis.yaml": redis,
    "manifests/conf.yaml": file(
      "conf",
      "/etc/redis/extra.conf",
      'content: "# ours\\n"\nneeds: [Package/redis-server]\nreloads: [Service/redis-server]',
    ),
    "manifests/unit.yaml": service(
      "redis-server",
      "state: running\nenabled: true\nneeds: [Package/redis-server, File/conf]\nhealth: { unit: true, within: 1s }",
    ),
  });
  const digest = await waitingPlan(stage);
  const { plan } = await stage.controller.planOf(digest);
  expect([...plan.changes, ...plan.later].map(({ id, act }) => `${act} ${id}`)).toEqual([
    "create Package/redis-server@web-01",
    "create File/conf@web-01",
    "reload Service/redis-server@web-01",
    "start Service/redis-server@web-01",
  ]);
  const { run } = await stage.controller.approve(digest, ann);
  await inSync(stage);
  const first = await stage.controller.run(run!);
  expect([first.state, first.changes.at(-1)?.health]).toEqual(["succeeded", "it does not run yet: its start follows, and is checked then"]);
  const [second] = (await stage.controller.runs({})).items,
    started = await stage.controller.run(second!.id);
  expect([started.by, started.state, started.changes.map(({ id }) => id)]).toEqual([
    "earlier approval",
    "succeeded",
    ["Service/redis-server@web-01"],
  ]);
  expect(started.changes[0]?.health).toContain("redis-server.service is active");
  expect(await stage.controller.query("web-01", "service", { unit: "redis-server.service" })).toMatchObject({ active: "active" });
});

test("undo brings back what was before, by a commit of its own", async () => {
  const stage = await stageFor({ files: { "manifests/policy.yaml": policy("free", free), "manifests/page.yaml": page("one") } });
  await inSync(stage);
  await stage.repo.commit({ "manifests/page.yaml": page("two") });
  await until(() => stage.sent.length === 2);
  await inSync(stage);
  const { edits, plan, left, problems } = await stage.controller.undo(undefined);
  expect({ left, problems, changes: plan?.changes.map(({ id, act }) => `${id} ${act}`) }).toEqual({
    left: [],
    problems: [],
    changes: ["File/page@web-01 update"],
  });
  await stage.controller.commit(edits, { message: "undo", source: "cli" }, ann);
  await until(() => stage.sent.length === 3);
  await inSync(stage);
  expect(await stage.controller.query("web-01", "file", { path: "/srv/page", content: true })).toMatchObject({ text: "one" });
});

test("what is imported describes the host as it is: the next plan is empty", async () => {
  const stage = await stageFor({ files: { "manifests/policy.yaml": policy("free", free) } });
  await until(() => stage.controller.status().hosts.online === 1 && stage.controller.ready());
  const imported = await stage.controller.importFrom({
    on: "name=web-01",
    services: ["nginx"],
    files: ["/etc/hostname"],
    packages: ["nginx"],
  });
  expect({ problems: imported.problems, resources: imported.resources.map((id) => id.split("/")[0]).sort() }).toEqual({
    problems: [],
    resources: ["File", "Package", "Service"],
  });
  const shown = await stage.controller.preview(imported.edits);
  expect({ problems: shown.problems, changes: shown.plan?.changes, inSync: shown.plan?.inSync }).toEqual({
    problems: [],
    changes: [],
    inSync: 3,
  });
  await stage.controller.commit(imported.edits, { message: "import", source: "cli" }, ann);
  await inSync(stage);
  expect(stage.sent).toEqual([]);
});

test("two runs never work on one instance: a second plan for it waits for the first", async () => {
  const stage = await stageFor({ files: { "manifests/page.yaml": page("one") }, hosts: { "web-01": [], "web-02": [] } });
  const digest = await waitingPlan(stage);
  await stage.break("web-01", "silent");
  const first = await stage.controller.approve(digest, ann);
  await until(() => stage.sent.length === 2);
  await until(() => stage.controller.instance("File/page@web-02").state === "in-sync");
  expect((await stage.controller.plan({})).changes).toEqual([]);
  await stage.repo.commit({ "manifests/page.yaml": page("two") });
  await until(() => stage.controller.status().commit !== "" && stage.sent.length >= 2);
  const second = await waitingPlan(stage).catch(() => undefined);
  expect(second).toBeUndefined();
  stage.hosts.get("web-01")!.link = { is: "cut", delayMs: 0 };
  await stage.break("web-01", "cut");
  stage.hosts.get("web-01")!.link = { is: "up", delayMs: 0 };
  await until(async () => (await stage.controller.run(first.run!)).state === "succeeded");
}, 40_000);
