import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { everythingRuns, manifest, resource } from "./resources.ts";
import { type Stage, startStage, until } from "./stage.ts";

let stage: Stage;
const file = (content: string): string =>
  resource("File", "app", { on: "*", path: "/etc/app.conf", content: `${content}\n`, mode: "0640" });
const prune = resource("Policy", "prune", { on: "*", prune: true });

beforeAll(async () => {
  stage = await startStage({ hosts: 1 });
  await stage.commit({ "manifests/policy.yaml": manifest(everythingRuns, prune), "manifests/app.yaml": file("one") });
  await stage.untilInSync();
});
afterAll(() => stage?.close());

test("with a new CA a host connects only after it was enrolled again, and still knows what it owns", async () => {
  const [h1] = stage.hosts,
    before = (await stage.host("h1")).agent;
  await stage.killController("SIGTERM");
  for (const name of ["ca.pem", "ca.key.pem"]) await rm(join(stage.data, "keys", name));
  await stage.startController();
  await until("the agent says why", async () => {
    const { stdout } = await h1!.exec("ai-agent", "status", { reject: false });
    return /^reason: .*certificate/m.test(stdout) ? stdout : undefined;
  });
  expect((await stage.host("h1")).online).toBe(false);

  const command = (await stage.enrolCommand({ host: "h1", replace: true })).replace(" --url", " --enrol-again --url");
  await h1!.exec("sh", "-c", command);
  await until("h1 online", async () => ((await stage.host("h1")).online ? true : undefined));
  expect((await stage.host("h1")).agent).not.toBe(before);
  await stage.commit({ "manifests/app.yaml": file("two") });
  await stage.untilInSync();
  expect((await h1!.exec("cat", "/etc/app.conf")).stdout).toBe("two\n");
  // Only what is its own does it remove.
  await stage.commit({ "manifests/app.yaml": null });
  await stage.untilInSync();
  expect((await h1!.exec("test", "-e", "/etc/app.conf", { reject: false })).code).toBe(1);
});
