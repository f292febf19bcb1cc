import { expect, test } from "vitest";
import { ann, inSync, service, stageFor } from "./testing.ts";

test.each([
  ["a rollout with a canary goes one at a time", "{ canary: 1, maxUnavailable: 2 }", /another run|being changed/],
  ["one without goes beside another", "{ maxUnavailable: 2 }", undefined],
])("%s: what is approved meanwhile waits or not", async (_, rollout, waits) => {
  const restart = `restartedAt: ${new Date(Date.now() - 1000).toISOString()}\nrollout: ${rollout}`;
  const stage = await stageFor({ files: { "manifests/nginx.yaml": service("nginx", restart) }, hosts: { "web-01": [], "web-02": [] } });
  const { controller } = stage;
  await expect.poll(() => controller.status().instances.differs).toBe(2);
  const [one, other] = [await controller.plan({ on: "name=web-01" }), await controller.plan({ on: "name=web-02" })];
  await controller.approve(one.digest, ann);
  const { waiting } = await controller.approve(other.digest, ann);
  if (waits === undefined) expect(waiting).toBeUndefined();
  else expect(waiting).toMatch(waits);
  await inSync(stage);
  expect(stage.sent.map((step) => step.replace(/^.*@/, ""))).toEqual(["web-01#1", "web-02#1"]);
});
