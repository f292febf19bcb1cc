import { expect, test } from "vitest";
import { defaultSettings } from "../core/settings-defaults.ts";
import { kinds } from "../kinds/index.ts";
import type { Caller } from "../loop/controller.ts";
import { ann, inSync, policy, service, type Stage, stageFor, until } from "../loop/testing.ts";
import { KEY } from "./double/ask.ts";
import { type Double, startDouble } from "./double/double.ts";
import type { Answer, Script } from "./double/script.ts";
import { plain } from "./pretend-converse.ts";
import { startIntent } from "./start.ts";

const quiet = { info: () => undefined, warn: () => undefined };
const olga: Caller = { name: "olga", role: "operator" };
const call = (name: string, input: unknown): Answer => ({ content: [{ type: "tool_use", name, input }] });
const readLogs = call("read_logs", { host: "web-01", service: "nginx", lines: 20, level: "any", match: "" });
const stop = call("propose_change", {
  scope_quote: "web-01",
  steps: [{ action: "service.stop", selector: "name=web-01", expected_count: 1, params: '{"service":"nginx"}', condition: "", after: [] }],
});
const files = {
  "manifests/nginx.yaml": service("nginx", "state: running", "name=web-01"),
  // Nothing waits on this fleet, but for what this test is about.
  "manifests/lax.yaml": policy("lax", "approval: { from: never }"),
};

const converseOf = (stage: Stage, double: Double) =>
  startIntent({
    controller: stage.controller,
    kinds,
    settings: defaultSettings,
    apiKey: KEY,
    baseURL: double.url,
    store: stage.store,
    log: quiet,
    now: Date.now,
  });

async function asked(script: Script) {
  const stage = await stageFor({ files });
  await inSync(stage);
  const double = await startDouble({ key: KEY, script }),
    converse = await converseOf(stage, double);
  return { stage, converse, [Symbol.asyncDispose]: () => double.close() };
}

const lastMessage = ({ repo }: Stage): Promise<string> => repo.git("log", "-1", "--format=%B");

test("what follows from a clean conversation runs under a policy that lets everything run", async () => {
  await using on = await asked([stop]);
  const shown = await on.converse.ask("stop nginx on web-01", olga, plain);
  expect(shown.plan).toMatchObject({ risk: "medium", approval: { needed: false } });
  expect(await on.converse.confirm(shown.id, olga)).toMatchObject({ status: "running" });
  await until(() => on.stage.controller.instance("Service/nginx@web-01").word === "stopped");
  expect(await lastMessage(on.stage)).not.toContain("Tainted");
});

test("what follows after logs were read is high in the stored plan and waits for a person, whatever policies say, also after a restart", async () => {
  await using on = await asked([readLogs, stop]);
  const { stage } = on;
  const shown = await on.converse.ask("look at the logs of nginx on web-01 and stop nginx there", olga, { requireConfirmation: false });
  expect(shown).toMatchObject({
    status: "waiting-for-confirmation",
    source: "claude",
    tainted: true,
    plan: { risk: "high", approval: { needed: true }, changes: [{ risk: "high", tainted: true }] },
  });
  expect(shown.text).toContain("Risk: high (restart, asked for after logs or files of hosts were read)");

  const done = await on.converse.confirm(shown.id, olga);
  expect(done).toMatchObject({ status: "waiting-for-approval", digest: shown.digest });
  expect(await lastMessage(stage)).toContain("\nTainted: logs (nginx.service) of web-01");
  expect(await stage.controller.planOf(done.digest!)).toMatchObject({
    plan: { risk: "high", approval: { needed: true, reasons: ["high: restart, asked for after logs or files of hosts were read"] } },
  });
  await until(() => stage.controller.status().pendingPlan === done.digest);

  // Another change on top of it hides nothing.
  stage.kill();
  await stage.repo.commit({ "manifests/nginx.yaml": service("nginx", "state: stopped\nenabled: false", "name=web-01") });
  await stage.restart();
  const digest = await until(() => {
    const { pendingPlan, instances } = stage.controller.status();
    return instances.unknown === 0 && pendingPlan !== done.digest ? pendingPlan : null;
  });
  expect((await stage.controller.planOf(digest)).plan).toMatchObject({ risk: "high", changes: [{ tainted: true }] });

  const { run } = await stage.controller.approve(digest, ann);
  await until(async () => (await stage.controller.run(run!)).state === "succeeded");
  await inSync(stage);

  // Somebody agreed to it: what comes later is as harmless as it looks.
  await stage.repo.commit({ "manifests/nginx.yaml": service("nginx", "state: running\nenabled: true", "name=web-01") });
  await until(() => stage.controller.instance("Service/nginx@web-01").word === "running");
  const plans = await stage.controller.plans({ limit: 1 });
  expect((await stage.controller.planOf(plans.items[0]!.digest)).plan).toMatchObject({ risk: "low", approval: { needed: false } });
});
