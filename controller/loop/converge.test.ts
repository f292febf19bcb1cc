import { expect, test } from "vitest";
import { contentOf } from "../../examples/sandbox/host/content.ts";
import { fileAt, putFile } from "../../examples/sandbox/host/files.ts";
import { tell } from "../../examples/sandbox/host/world.ts";
import { digestOf } from "../core/plan.ts";
import { ann, bob, file, inSync, policy, service, stageFor, until, waitingPlan } from "./testing.ts";

const page = (text: string) => file("page", "/srv/page.html", `content: "${text}\\n"`);

test("a commit waits for a yes to its digest, runs, is looked at again and is in sync", async () => {
  const stage = await stageFor({
    files: { "manifests/page.yaml": page("hello"), "manifests/nginx.yaml": service("nginx", "state: running") },
  });
  const digest = await waitingPlan(stage);
  const { plan } = await stage.controller.planOf(digest);
  expect(plan.changes.map(({ id, act, risk }) => ({ id, act, risk }))).toEqual([{ id: "File/page@web-01", act: "create", risk: "medium" }]);
  expect(stage.sent).toEqual([]);

  const decision = await stage.controller.approve(digest, ann);
  await inSync(stage);
  expect(await stage.controller.run(decision.run!)).toMatchObject({ state: "succeeded", by: "ann" });
  expect(stage.controller.instance("File/page@web-01")).toMatchObject({ state: "in-sync", fact: { type: "file" } });
  expect(stage.sent).toEqual([`${decision.run}/File/page@web-01#1`]);
  expect((await stage.controller.plan({})).changes).toEqual([]);
  expect((await stage.controller.audit({})).items.map(({ who, what }) => `${who} ${what}`)).toEqual([
    "controller run.end",
    "ann run.start",
    "ann plan.approve",
  ]);
  expect(await stage.controller.verifyAudit()).toMatchObject({ ok: true, entries: 3 });
});

test("what a policy lets through runs without a yes", async () => {
  const stage = await stageFor({
    files: { "manifests/page.yaml": page("hello"), "manifests/policy.yaml": policy("free", "approval: { from: high }") },
  });
  await inSync(stage);
  expect((await stage.controller.runs({})).items.map(({ by, state }) => ({ by, state }))).toEqual([{ by: "policy", state: "succeeded" }]);
});

test("a plan that waits goes away when somebody else has done by hand what it is about", async () => {
  const stage = await stageFor({ files: { "manifests/nginx.yaml": service("nginx", "state: stopped") } });
  await waitingPlan(stage);
  await stage.break("web-01", "stop nginx.service");
  await inSync(stage);
  expect(stage.sent).toEqual([]);
});

test("the settings say from which risk on somebody is asked", async () => {
  const files = { "backend-ai.yaml": "approval: { from: critical }\n", "manifests/page.yaml": page("hello") };
  const stage = await stageFor({ files });
  await inSync(stage);
  expect((await stage.controller.runs({})).items.map((run) => run.by)).toEqual(["policy"]);
});

test("a decision stands: stale, rejected, decided and unknown digests are refused in words", async () => {
  const stage = await stageFor({ files: { "manifests/page.yaml": page("one") } });
  const { controller, repo } = stage;
  const first = await waitingPlan(stage);
  await repo.commit({ "manifests/page.yaml": page("two") });
  const second = await waitingPlan(stage, first);
  await expect(controller.approve(first, ann)).rejects.toThrow("The manifests changed since this plan was made.");
  await controller.reject(second, bob, "not today");
  expect(controller.status().pendingPlan).toBeNull();
  await expect(controller.approve(second, ann)).rejects.toThrow("bob rejected this plan already.");
  await expect(controller.approve("f".repeat(64), ann)).rejects.toThrow(`There is no plan ${"f".repeat(64)}.`);
  expect(stage.sent).toEqual([]);

  await repo.commit({ "manifests/page.yaml": page("three") });
  const third = await waitingPlan(stage, second);
  const [one, two] = await Promise.allSettled([controller.approve(third, ann), controller.approve(third, bob)]);
  expect(one.status).toBe("fulfilled");
  expect(String((two as PromiseRejectedResult).reason)).toContain("ann approved this plan already.");
  await inSync(stage);
  expect(stage.sent).toHaveLength(1);
});

test("who may say yes: the role or person that a policy asks for, and never who asked for the change", async () => {
  const manifests = {
    "manifests/page.yaml": page("one"),
    "manifests/policy.yaml": policy("careful", "approval: { from: low, by: approver, notRequester: true }"),
  };
  const stage = await stageFor({ files: manifests }),
    { controller } = stage;
  const digest = await waitingPlan(stage);
  await expect(controller.approve(digest, { name: "oscar", role: "operator" })).rejects.toThrow(
    "A policy asks for the approval of approver; you are oscar (operator).",
  );
  // The commits of the test's own git are Ann's.
  await expect(controller.approve(digest, ann)).rejects.toThrow("ann asked for this change: a policy wants somebody else to approve it.");
  expect(stage.sent).toEqual([]);

  await controller.commit([{ path: "manifests/page.yaml", text: page("two") }], { message: "say two", source: "cli" }, bob);
  const next = await waitingPlan(stage, digest);
  await expect(controller.approve(next, bob)).rejects.toThrow("bob asked for this change");
  await controller.approve(next, { name: "carol", role: "admin" });
  await inSync(stage);
});

test("a plan can be saved and applied later, but not a changed one, nor one of other manifests, nor one that was never made here", async () => {
  const stage = await stageFor({ files: { "manifests/page.yaml": page("one") } }),
    { controller } = stage;
  const { plan } = await controller.planOf(await waitingPlan(stage));
  const evil = structuredClone(plan);
  (evil.changes[0]!.steps[0]!.input as { path: string }).path = "/etc/shadow";
  await expect(controller.approve(plan.digest, ann, undefined, evil)).rejects.toThrow(
    "The saved plan was changed: its digest does not fit what it holds.",
  );
  const forged = { ...evil, digest: digestOf(evil.tree, [...evil.changes, ...evil.later]) };
  await expect(controller.approve(forged.digest, ann, undefined, forged)).rejects.toThrow(`There is no plan ${forged.digest}.`);
  expect(stage.sent).toEqual([]);

  const unguarded = { ...plan, approval: { needed: false, reasons: [] }, problems: [] };
  await controller.approve(plan.digest, ann, undefined, unguarded);
  await inSync(stage);
  await stage.repo.commit({ "manifests/page.yaml": page("two") });
  await until(() => stage.sent.length === 2);
  await inSync(stage);
  await expect(controller.approve(plan.digest, ann, undefined, plan)).rejects.toThrow("The manifests changed since this plan was made.");
  expect(stage.sent).toHaveLength(2);
});

test("a step whose basis moved refuses, and the rest is planned anew", async () => {
  const stage = await stageFor({
      files: { "manifests/page.yaml": page("one"), "manifests/other.yaml": file("other", "/srv/other", 'content: "x"') },
    }),
    { controller } = stage;
  const digest = await waitingPlan(stage),
    host = stage.hosts.get("web-01")!;
  host.link = { is: "silent", delayMs: 0 };
  putFile(host, "/srv/page.html", { ...fileAt(host, "/etc/hostname")!, content: contentOf("somebody's own\n") });
  host.link = { is: "up", delayMs: 0 };
  const { run } = await controller.approve(digest, ann);
  await until(async () => (await controller.run(run!)).state !== "running");
  expect((await controller.run(run!)).changes.map(({ id, state }) => `${id} ${state}`).sort()).toEqual([
    "File/other@web-01 done",
    "File/page@web-01 failed",
  ]);
  expect(controller.instance("File/page@web-01").state).toBe("differs");
  const anew = await waitingPlan(stage, digest);
  await controller.approve(anew, ann);
  await inSync(stage);
});

test("what needs something unknown is planned once that turns out to be in sync", async () => {
  const tree = `apiVersion: backend-ai/v1\nkind: Package\nmetadata: { name: nginx }\nspec: { on: name=web-* }\n`;
  const stage = await stageFor({
    files: { "manifests/policy.yaml": policy("free", "approval: { from: never }"), "manifests/package.yaml": tree },
  });
  await inSync(stage);
  const host = stage.hosts.get("web-01")!;
  // A package manager at work: nobody can say what is installed until it is done.
  host.packagesBusy = true;
  tell(host, { probe: "package", key: "nginx" });
  await until(() => stage.controller.instance("Package/nginx@web-01").state === "changing");
  await stage.repo.commit({ "manifests/page.yaml": file("page", "/srv/page", 'content: "one"\nneeds: [Package/nginx]') });
  await until(
    () =>
      stage.controller
        .resources()
        .flatMap(({ instances }) => instances)
        .find(({ id }) => id === "File/page@web-01")?.state === "differs",
  );
  expect((await stage.controller.plan({})).blocked).toMatchObject([{ id: "File/page@web-01" }]);
  host.packagesBusy = false;
  tell(host, { probe: "package", key: "nginx" });
  await inSync(stage);
  expect(stage.sent).toHaveLength(1);
});
