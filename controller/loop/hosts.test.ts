import { expect, test } from "vitest";
import { ann, file, inSync, policy, service, stageFor, type Stage, until, waitingPlan } from "./testing.ts";

const free = policy("free", "approval: { from: never }");
const page = (text: string) => file("page", "/srv/page", `content: "${text}"`);

test("a host that is away is unknown, not missing: nothing is planned for it, and its turn comes when it is back", async () => {
  const stage = await stageFor({
    files: { "manifests/policy.yaml": free, "manifests/page.yaml": page("one") },
    hosts: { "web-01": [], "web-02": [] },
  });
  await inSync(stage);
  await stage.break("web-02", "cut");
  await until(() => stage.controller.status().hosts.online === 1);
  await stage.repo.commit({ "manifests/page.yaml": page("two") });
  await until(() => stage.controller.instance("File/page@web-01").state === "in-sync" && stage.sent.length === 3);
  expect(stage.controller.instance("File/page@web-02")).toMatchObject({ state: "unknown", reason: "web-02 is not connected" });
  stage.hosts.get("web-02")!.link = { is: "up", delayMs: 0 };
  await inSync(stage);
  expect(stage.sent.filter((id) => id.endsWith("@web-02#1"))).toHaveLength(2);
});

test("a host that goes away in the middle of a run and comes back: the run goes on, the step is done once", async () => {
  const stage = await stageFor({ files: { "manifests/page.yaml": page("one") } });
  const digest = await waitingPlan(stage);
  await stage.break("web-01", "cut");
  await until(() => stage.controller.status().hosts.online === 0);
  const { run } = await stage.controller.approve(digest, ann);
  await until(() => stage.controller.status().running.length === 1);
  expect(stage.sent).toEqual([]);
  stage.hosts.get("web-01")!.link = { is: "up", delayMs: 0 };
  await until(async () => (await stage.controller.run(run!)).state === "succeeded");
  await inSync(stage);
  expect(stage.sent).toHaveLength(1);
});

test("a host that does not come back in time ends its part of the run, and a clock that jumps ahead does not use its time up", async () => {
  const stage = await stageFor({ files: { "manifests/page.yaml": page("one") }, limits: { hostPatienceMs: 12_000 } });
  const digest = await waitingPlan(stage);
  await stage.break("web-01", "cut");
  await until(() => stage.controller.status().hosts.online === 0);
  const { run } = await stage.controller.approve(digest, ann);
  await until(() => stage.controller.status().running.length === 1);
  stage.clockJump = 86_400_000;
  await new Promise((resolve) => setTimeout(resolve, 5500));
  expect((await stage.controller.run(run!)).state).toBe("running");
  stage.clockJump += 86_400_000;
  await until(async () => (await stage.controller.run(run!)).state === "failed");
  expect((await stage.controller.run(run!)).changes[0]?.steps[0]?.problem?.summary).toContain("web-01 did not come back in time");
  expect(stage.controller.status().running).toEqual([]);
}, 30_000);

test("the answer of a host for a step of another is dropped", async () => {
  const stage = await stageFor({ files: { "manifests/page.yaml": page("one") }, hosts: { "web-01": [], "web-02": [] } });
  const digest = await waitingPlan(stage);
  await stage.break("web-02", "cut");
  await until(() => stage.controller.status().hosts.online === 1);
  const { run } = await stage.controller.approve(digest, ann);
  await until(() => stage.sent.length === 1);
  await stage.forge("web-01", `${run}/File/page@web-02#1`);
  await until(() => stage.logged.some((line) => line.includes("a host answered for a step that is not its own")));
  const state = (await stage.controller.run(run!)).changes.find(({ id }) => id === "File/page@web-02");
  expect(state?.state).toBe("waiting");
  stage.hosts.get("web-02")!.link = { is: "up", delayMs: 0 };
  await inSync(stage);
});

/** Agents measure the controller's clock when they connect. */
async function jump(stage: Stage, ms: number): Promise<void> {
  stage.clockJump = ms;
  await stage.break("web-01", "cut");
  await until(() => stage.controller.status().hosts.online === 0);
  stage.hosts.get("web-01")!.link = { is: "up", delayMs: 0 };
  await until(() => stage.controller.status().hosts.online === 1);
}

test("a clock that jumps back or ahead stops nothing", async () => {
  const stage = await stageFor({ files: { "manifests/policy.yaml": free, "manifests/page.yaml": page("one") } });
  await inSync(stage);
  await jump(stage, -30 * 86_400_000);
  await stage.repo.commit({ "manifests/page.yaml": page("two") });
  await until(() => stage.sent.length === 2);
  await inSync(stage);
  await jump(stage, 30 * 86_400_000);
  await stage.repo.commit({ "manifests/page.yaml": page("three") });
  await until(() => stage.sent.length === 3);
  await inSync(stage);
  expect((await stage.controller.verifyAudit()).ok).toBe(true);
});

test("a revoked host takes its instances, its facts and what was known of them along", async () => {
  const stage = await stageFor({
    files: { "manifests/nginx.yaml": service("nginx", "state: running") },
    hosts: { "web-01": [], "web-02": [] },
  });
  await inSync(stage);
  await stage.controller.revokeAgent("web-02", ann);
  await until(() => stage.controller.resource("Service/nginx").instances.length === 1);
  await until(async () => (await stage.store.facts.ofHost("web-02")).length === 0);
  await until(async () => (await stage.store.desired.synced()).length === 1);
  expect(stage.controller.status().hosts).toEqual({ online: 1, all: 1 });
});

test("a restart that is asked for at a moment ahead comes at that moment", async () => {
  const at = new Date(Date.now() + 4000).toISOString().replace(/\.\d+Z/, "Z");
  const stage = await stageFor({
    files: { "manifests/policy.yaml": free, "manifests/nginx.yaml": service("nginx", `restartedAt: ${at}`) },
  });
  await inSync(stage);
  expect(stage.sent).toEqual([]);
  await until(() => stage.sent.length === 1);
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(at));
  await inSync(stage);
});
