import { expect, test } from "vitest";
import { inSync, service, stageFor, until } from "../loop/testing.ts";

test("an answer of another form makes its instance unknown, and stops neither the others nor the controller", async () => {
  const stage = await stageFor({
    files: { "manifests/nginx.yaml": service("nginx", "state: running") },
    hosts: { "web-01": [], "web-02": [] },
  });
  await inSync(stage);
  for (const value of [null, 7, {}, { unit: {}, load: [] }, "x".repeat(1000)])
    await stage.report("web-02", [{ ask: { probe: "service", input: { unit: "nginx.service" } }, at: Date.now(), value }]);
  await until(() => stage.controller.instance("Service/nginx@web-02").state === "unknown");
  expect(stage.controller.instance("Service/nginx@web-02").reason).toBe(
    "Unable to use what web-02 says: its answer to service has another form than this version knows",
  );
  await stage.report("web-02", [
    { ask: { probe: "owned", input: {} }, at: Date.now(), value: { owned: "everything" } },
    { ask: { probe: "host", input: {} }, at: Date.now(), value: { os: 7 } },
    { ask: { probe: "no-such", input: { a: [] } }, at: Date.now(), value: {} },
  ]);
  await stage.repo.commit({ "manifests/nginx.yaml": service("nginx", "state: running\nenabled: true") });
  await until(() => stage.controller.instance("Service/nginx@web-01").state === "in-sync");
  expect((await stage.controller.plan({})).changes).toEqual([]);
  expect(stage.sent).toEqual([]);

  stage.kill();
  await stage.restart();
  expect(stage.controller.instance("Service/nginx@web-02").state).toBe("unknown");
});
