import { expect, test } from "vitest";
import { defaultSettings } from "../core/settings-defaults.ts";
import { kinds } from "../kinds/index.ts";
import { ann, inSync, service, stageFor, until } from "../loop/testing.ts";
import { KEY } from "./double/ask.ts";
import { startDouble } from "./double/double.ts";
import { plain } from "./pretend-converse.ts";
import { startIntent } from "./start.ts";

const quiet = { info: () => undefined, warn: () => undefined };
const files = {
  "manifests/nginx.yaml": service("nginx", "state: running # always\n"),
  "backend-ai.yaml": "glossary: { front row: name=web-01 }\n",
};

test("a sentence on real agents: shown, confirmed, committed, run and in sync", async () => {
  const stage = await stageFor({ files, hosts: { "web-01": ["webserver"], "web-02": ["webserver"] } });
  await inSync(stage);
  const converse = await startIntent({
    controller: stage.controller,
    kinds,
    settings: defaultSettings,
    apiKey: undefined,
    store: stage.store,
    log: quiet,
    now: Date.now,
  });

  const shown = await converse.ask("restart nginx on the front row", ann, plain);
  expect(shown).toMatchObject({ status: "waiting-for-confirmation", source: "offline" });
  expect(shown.text).toContain("Service/nginx covers 2 hosts");
  const before = (stage.controller.instance("Service/nginx@web-01").fact as { invocation?: string }).invocation;
  const done = await converse.confirm(shown.id, ann);
  expect(done).toMatchObject({ status: "running", commit: expect.stringMatching(/^[0-9a-f]{40}$/) });
  await until(async () => (await stage.controller.run(done.run!)).state !== "running");
  expect(await stage.controller.run(done.run!)).toMatchObject({ state: "succeeded", by: "ann" });
  await inSync(stage);
  expect((stage.controller.instance("Service/nginx-web-01@web-01").fact as { invocation?: string }).invocation).not.toBe(before);
  expect(stage.sent.length).toBe(1);

  const again = await converse.ask("restart nginx on all servers tagged webserver", ann, { requireConfirmation: false });
  expect(again).toMatchObject({ status: "running" });
  await until(async () => (await stage.controller.run(again.run!)).state !== "running");
  await inSync(stage);
  expect(stage.controller.resources("Service").map(({ id }) => id)).toEqual(["Service/nginx"]);
  expect(await stage.controller.fileText("manifests/nginx.yaml")).toContain("state: running # always");
});

test("a package that is new to the workspace is installed, and removed by the word", async () => {
  const stage = await stageFor({ files, hosts: { "web-01": [] } });
  await inSync(stage);
  const converse = await startIntent({
    controller: stage.controller,
    kinds,
    settings: defaultSettings,
    apiKey: undefined,
    store: stage.store,
    log: quiet,
    now: Date.now,
  });
  for (const [sentence, word] of [
    ["install curl on web-01", "present"],
    ["remove curl from web-01", "absent"],
  ] as const) {
    const view = await converse.ask(sentence, ann, { requireConfirmation: false });
    if (view.run !== undefined) await until(async () => (await stage.controller.run(view.run!)).state !== "running");
    await until(
      () => stage.controller.instance("Package/curl@web-01").word === word,
      () => [view, stage.controller.instance("Package/curl@web-01")],
    );
  }
  expect((await converse.ask("is nginx running on web-01", ann, plain)).text).toContain("nginx.service is running");
});

test("what needs no approval runs for an operator too", async () => {
  const stage = await stageFor({ files, hosts: { "web-01": [] } });
  await inSync(stage);
  const converse = await startIntent({
    controller: stage.controller,
    kinds,
    settings: defaultSettings,
    apiKey: undefined,
    store: stage.store,
    log: quiet,
    now: Date.now,
  });
  const olga = { name: "olga", role: "operator" } as const;
  expect(await converse.ask("enable nginx on web-01", olga, { requireConfirmation: false })).toMatchObject({
    status: expect.stringMatching(/answered|running|done/),
  });
  const stop = await converse.ask("stop nginx on web-01", olga, { requireConfirmation: false });
  expect(stop).toMatchObject({ status: "waiting-for-approval", waiting: "an approver has to say yes" });
  const { run } = await stage.controller.approve(stop.digest!, ann);
  await until(async () => (await stage.controller.run(run!)).state !== "running");
  expect(stage.controller.instance("Service/nginx@web-01").word).toBe("stopped");
});

test("with a key Claude reads it, at the address that is given", async () => {
  const stage = await stageFor({ files, hosts: { "web-01": [] } });
  await using double = await startDouble({ key: KEY, script: [{ content: [{ type: "text", text: "There is one." }] }] });
  const converse = await startIntent({
    controller: stage.controller,
    kinds,
    settings: defaultSettings,
    apiKey: KEY,
    baseURL: double.url,
    store: stage.store,
    log: quiet,
    now: Date.now,
  });
  expect(await converse.ask("how many servers are there?", ann, plain)).toMatchObject({ text: "There is one.", source: "claude" });
});
