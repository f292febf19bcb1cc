import { expect, test } from "vitest";
import { ann, file, inSync, policy, service, stageFor, type Stage, until, waitingPlan } from "./testing.ts";

const free = policy("free", "approval: { from: never }");
const nginx = service("nginx", "state: running");

async function settled(files: Readonly<Record<string, string>>): Promise<Stage> {
  const stage = await stageFor({ files: { "manifests/nginx.yaml": nginx, ...files } });
  await inSync(stage);
  return stage;
}

const openDrift = async (stage: Stage) => (await stage.controller.drift({})).items;
const isUp = (stage: Stage): boolean => stage.controller.instance("Service/nginx@web-01").word === "running";

test("drift is alerted with who did it, changes nothing by itself, and closes when somebody puts it back", async () => {
  const stage = await settled({});
  await stage.break("web-01", "stop nginx");
  const [alert] = await until(async () => ((await openDrift(stage)).length === 1 ? openDrift(stage) : undefined));
  expect(alert).toMatchObject({
    instance: "Service/nginx@web-01",
    mode: "alert",
    differences: [{ path: "state", want: "running" }],
    by: { how: expect.stringContaining("systemctl stop nginx.service") as string },
  });
  expect(stage.controller.status()).toMatchObject({ drift: 1, pendingPlan: null, running: [], instances: { drifted: 1 } });
  await stage.break("web-01", "start nginx");
  await inSync(stage);
  await until(async () => (await openDrift(stage)).length === 0);
  expect((await stage.controller.drift({ open: false })).items).toMatchObject([{ corrected: false }]);
  expect(stage.sent).toEqual([]);
});

test("a person can approve the plan of a drift", async () => {
  const stage = await settled({});
  await stage.break("web-01", "stop nginx");
  await until(() => stage.controller.status().drift === 1);
  const plan = await stage.controller.plan({});
  expect(plan.changes.map(({ id, cause, act }) => ({ id, cause, act }))).toEqual([
    { id: "Service/nginx@web-01", cause: "drift", act: "start" },
  ]);
  await stage.controller.approve(plan.digest, ann);
  await inSync(stage);
});

test("where it is told to, it puts drift back, at most so many times an hour, across restarts too", async () => {
  const stage = await settled({ "manifests/policy.yaml": policy("mend", "drift: { mode: correct }") });
  for (const times of [1, 2, 3]) {
    if (times === 3) {
      stage.kill();
      await stage.restart();
      await inSync(stage);
    }
    await stage.break("web-01", "stop nginx");
    await until(async () => (await stage.controller.runs({})).items.length === times);
    await inSync(stage);
    expect(isUp(stage)).toBe(true);
  }
  await stage.break("web-01", "stop nginx");
  const [alert] = await until(async () => {
    const open = await openDrift(stage);
    return open[0]?.note === undefined ? undefined : open;
  });
  expect(alert?.note).toBe("put back 3 times within an hour: a person has to look");
  expect(isUp(stage)).toBe(false);
  expect((await stage.controller.runs({})).items.map((run) => run.by)).toEqual([
    "drift correction",
    "drift correction",
    "drift correction",
  ]);

  stage.clockJump = 3_700_000;
  await stage.break("web-01", "start nginx");
  await inSync(stage);
  await stage.break("web-01", "stop nginx");
  await until(async () => (await stage.controller.runs({})).items.length === 4);
  await inSync(stage);
});

test("drift is ignored until a date, and told when that date comes", async () => {
  const until2 = new Date(Date.now() + 4000).toISOString();
  const stage = await settled({ "manifests/policy.yaml": policy("quiet", `drift: { mode: ignore, until: ${until2} }`) });
  await stage.break("web-01", "stop nginx");
  await until(() => !isUp(stage));
  expect(await openDrift(stage)).toEqual([]);
  expect((await until(async () => ((await openDrift(stage)).length === 1 ? openDrift(stage) : undefined)))[0]?.mode).toBe("alert");
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(until2));
});

test("a resource that leaves git takes its alert along; what comes back is new, and its difference no drift", async () => {
  const stage = await settled({});
  await stage.break("web-01", "stop nginx");
  await until(() => stage.controller.status().drift === 1);
  await stage.repo.git("rm", "--quiet", "manifests/nginx.yaml");
  await stage.repo.commit({ "manifests/motd.yaml": file("motd", "/etc/motd-two", "state: absent") });
  await until(() => stage.controller.resources("Service").length === 0);
  await until(async () => (await openDrift(stage)).length === 0);
  await until(async () => (await stage.store.desired.synced()).every(({ instance }) => instance !== "Service/nginx@web-01"));
  await stage.repo.commit({ "manifests/nginx.yaml": nginx });
  const { plan } = await stage.controller.planOf(await waitingPlan(stage));
  expect(plan.changes).toMatchObject([{ id: "Service/nginx@web-01", cause: "manifest" }]);
});

test("our own writes are no drift", async () => {
  const stage = await settled({ "manifests/policy.yaml": free, "manifests/page.yaml": file("page", "/srv/page", 'content: "one"') });
  await stage.repo.commit({ "manifests/page.yaml": file("page", "/srv/page", 'content: "two"') });
  await until(() => stage.sent.length === 2);
  await inSync(stage);
  expect((await stage.controller.drift({ open: false })).items).toEqual([]);
});
