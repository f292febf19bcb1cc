import { expect, test } from "vitest";
import { encryptSecret, withSecret } from "../repo/secrets.ts";
import { ann, file, inSync, stageFor, until, waitingPlan } from "./testing.ts";

const password = "hunter2-correct-horse";

test("a secret reaches the host and nothing else: no plan, run, event, alert, audit entry, fact or log line holds it", async () => {
  const stage = await stageFor({ files: { "manifests/other.yaml": file("other", "/srv/other", "state: absent") } });
  await inSync(stage);
  const secrets = withSecret(undefined, "password", await encryptSecret(stage.recipient, password));
  await stage.repo.commit({
    "secrets/db.age.yaml": secrets,
    "manifests/env.yaml": file("env", "/srv/db.env", "content: { secretRef: db/password }"),
  });
  const digest = await waitingPlan(stage);
  await stage.controller.approve(digest, ann);
  await inSync(stage);
  const { fileAt } = await import("../../examples/sandbox/host/files.ts");
  expect(JSON.stringify(fileAt(stage.hosts.get("web-01")!, "/srv/db.env"))).toContain(password);

  await stage.break("web-01", "edit /srv/db.env");
  await until(() => stage.controller.status().drift === 1);
  const { controller, store } = stage,
    runs = (await controller.runs({})).items;
  const told = JSON.stringify([
    await controller.planOf(digest),
    await controller.plan({}),
    await Promise.all(runs.map((run) => controller.runEvents(run.id))),
    await Promise.all(runs.map((run) => controller.run(run.id))),
    await controller.latestEvents(1000),
    await controller.drift({ open: false }),
    await controller.audit({}),
    controller.resources(),
    controller.instance("File/env@web-01"),
    await store.facts.all(),
    stage.logged,
  ]);
  expect(told.length).toBeGreaterThan(2000);
  expect(told).not.toContain(password);
  expect(told).not.toContain(Buffer.from(password).toString("base64"));
});
