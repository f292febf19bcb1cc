import { afterAll, beforeAll, expect, test } from "vitest";
import { makeReleases, type TestReleases } from "./releases.ts";
import { everythingRuns, resource } from "./resources.ts";
import { type Stage, startStage, until } from "./stage.ts";

let stage: Stage, releases: TestReleases;
const onDisk = async (): Promise<string> =>
  (
    await stage.hosts[0]!.exec(
      "sh",
      "-c",
      "cd /usr/local/lib/ai-agent; readlink current | sed 's/-[0-9a-f]*$//'; ls trial failed 2>/dev/null",
      {
        reject: false,
      },
    )
  ).stdout;

beforeAll(async () => {
  releases = await makeReleases("0.1.0");
  process.env["BACKEND_AI_DIST"] = releases.folder;
  stage = await startStage({ hosts: 1, os: "openrc", settings: "hub:\n  lateAfter: 2s\n  offlineAfter: 4s\n" });
  await stage.commit({
    "manifests/policy.yaml": everythingRuns,
    "manifests/agents.yaml": resource("AgentPlacement", "all", { on: "*", version: "latest", within: "30s" }),
  });
  await stage.untilInSync();
});
afterAll(async () => {
  delete process.env["BACKEND_AI_DIST"];
  await stage?.close();
  await releases?.remove();
});

test("on OpenRC a new version reports in and stays, also over a power cut", async () => {
  await releases.publish("0.2.0");
  await until("0.2.0", async () => ((await stage.host("h1")).version === "0.2.0" ? true : undefined));
  await stage.untilInSync();
  expect(await onDisk()).toBe("versions/0.2.0\n");
  await stage.hosts[0]!.kill();
  await stage.hosts[0]!.start();
  await until("online", async () => ((await stage.host("h1")).online ? true : undefined));
  await stage.untilInSync();
  expect((await stage.host("h1")).version).toBe("0.2.0");
});

test("and one that ends at once is taken back with the controller off", async () => {
  await releases.publishScript("0.3.0", "exit 78");
  const [h1] = stage.hosts;
  await until("the trial", async () => ((await onDisk()).includes("trial") ? true : undefined));
  await stage.killController();
  await until("the old one", async () => ((await onDisk()) === "versions/0.2.0\nfailed\n" ? true : undefined));
  await until("it runs", async () =>
    (await h1!.exec("pgrep", "-f", "ai-agent/current/ai-agent run", { reject: false })).code === 0 ? true : undefined,
  );
  await stage.startController();
  await until("blocked", async () => ((await stage.status()).instances.blocked === 1 ? true : undefined), {
    otherwise: () => stage.instances(),
  });
  expect((await stage.instance("AgentPlacement/all@h1")).reason).toBe(
    "agent 0.3.0 was tried on h1 and taken back: it ended with status 78 before it had reported in",
  );
});
