import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { HostSummary } from "../../schemas/api.ts";
import type { AgentFact } from "../../schemas/verbs/agent.ts";
import type { Host } from "../lab/lab.ts";
import { makeReleases, type TestReleases } from "./releases.ts";
import { everythingRuns, resource } from "./resources.ts";
import { type Stage, startStage, until } from "./stage.ts";

let stage: Stage, releases: TestReleases;

const placement = (version: string, more: Record<string, unknown> = {}): Record<string, string> => ({
  "manifests/agents.yaml": resource("AgentPlacement", "all", { on: "*", version, within: "30s", rollout: { maxUnavailable: 2 }, ...more }),
});
/** What the agent of a host says of itself, asked until it can answer: a kill may not have been noticed yet. */
const own = (host: string): Promise<AgentFact> =>
  until(`a word of ${host}`, async () => {
    const { value } = await stage.api<{ value?: AgentFact }>("POST", "/api/v1/queries", { host, probe: "agent", input: {} });
    return value;
  });
const versions = async (): Promise<string[]> =>
  (await stage.api<{ items: HostSummary[] }>("GET", "/api/v1/hosts")).items.map(
    ({ name, online, version }) => `${name} ${online ? version : "offline"}`,
  );
const select = async (selector: string): Promise<string[]> =>
  (await stage.api<{ items: HostSummary[] }>("GET", `/api/v1/hosts?on=${encodeURIComponent(selector)}`)).items.map(({ name }) => name);
/** What lies on the host: the links, and whether notes of a trial are there. */
const onDisk = async (host: Host): Promise<string> =>
  (
    await host.exec(
      "sh",
      "-c",
      "cd /usr/local/lib/ai-agent; for l in current previous; do echo $l $(readlink $l | sed 's/-[0-9a-f]*$//'); done; ls -d trial failed 2>/dev/null; ls versions | wc -l",
      { reject: false },
    )
  ).stdout;
const journalOf = async (host: Host): Promise<string> =>
  (await host.exec("journalctl", "-u", "ai-agent", "-o", "cat", "--no-pager")).stdout;

beforeAll(async () => {
  releases = await makeReleases("0.1.0");
  process.env["BACKEND_AI_DIST"] = releases.folder;
  stage = await startStage({ hosts: 3, settings: "hub:\n  lateAfter: 2s\n  offlineAfter: 4s\n" });
  await stage.commit({ "manifests/policy.yaml": everythingRuns });
});
afterAll(async () => {
  delete process.env["BACKEND_AI_DIST"];
  await stage?.close();
  await releases?.remove();
});

test("a newer version makes agents outdated, and one line in a manifest updates all of them, one host first", async () => {
  expect(await versions()).toEqual(["h1 0.1.0", "h2 0.1.0", "h3 0.1.0"]);
  expect(await select("agent=outdated")).toEqual([]);
  await releases.publish("0.2.0");
  expect(await until("outdated", async () => ((await select("agent=outdated")).length === 3 ? true : undefined))).toBe(true);
  const after = await stage.lastEvent();
  await stage.commit(placement("latest"));
  await stage.untilInSync();
  expect(await versions()).toEqual(["h1 0.2.0", "h2 0.2.0", "h3 0.2.0"]);
  expect([await select("agent=outdated"), await select("agent=0.2.0")]).toEqual([[], ["h1", "h2", "h3"]]);
  expect(await own("h2")).toMatchObject({
    version: "0.2.0",
    previous: "0.1.0",
    state: "steady",
    updatable: true,
    variant: "agent-linux-x64",
  });
  for (const host of stage.hosts) expect(await onDisk(host)).toBe("current versions/0.2.0\nprevious versions/0.1.0\n2\n");
  const [run] = await stage.runs(),
    journal = await stage.journal(run!.id);
  expect(run?.state).toBe("succeeded");
  // Each step once; those of the second batch only after the canary's result.
  const told = journal.flatMap((event) =>
    event.type === "step-sent" || event.type === "step-result" ? [`${event.type} ${event.step.split("@")[1]}`] : [],
  );
  expect(told.slice(0, 2)).toEqual(["step-sent h1#1", "step-result h1#1"]);
  expect(told.slice(2, 4).sort()).toEqual(["step-sent h2#1", "step-sent h3#1"]);
  expect(told).toHaveLength(6);
  expect(await stage.events(after, "drift")).toEqual([]);
});

/** The host that a version is tried on: any may be the first. */
const triedOn = (version: string): Promise<Host> =>
  until(`a trial of ${version}`, async () => {
    for (const host of stage.hosts)
      if ((await host.exec("grep", "-q", ` ${version} `, "/usr/local/lib/ai-agent/trial", { reject: false })).code === 0) return host;
    return undefined;
  });
/** Everything about a version that was tried and taken back is as it should be: one host saw it, none will. */
async function wasTakenBack(version: string, host: Host, reason: string): Promise<void> {
  await until("blocked everywhere", async () => ((await stage.status()).instances.blocked === 3 ? true : undefined), {
    otherwise: () => stage.instances(),
  });
  for (const { name } of stage.hosts)
    expect(await stage.instance(`AgentPlacement/all@${name}`)).toMatchObject({
      state: "blocked",
      reason: `agent ${version} was tried on ${host.name} and taken back: ${reason}`,
    });
  expect((await own(host.name)).failed).toMatchObject({ version, reason });
  for (const other of stage.hosts) {
    if (other.name !== host.name) expect(await journalOf(other)).not.toContain(`trying version ${version}`);
    expect((await other.exec("pgrep", "-f", `versions/${version}`, { reject: false })).code).toBe(1);
  }
  expect(await versions()).toEqual(["h1 0.2.0", "h2 0.2.0", "h3 0.2.0"]);
  // Nothing is tried again by itself.
  const runs = (await stage.runs()).length;
  await pause(3000);
  expect(await stage.runs()).toHaveLength(runs);
}

test("a version that ends at once comes back by itself with the controller off, and reaches no second host", async () => {
  await releases.publishScript("0.3.0", "exit 1");
  const host = await triedOn("0.3.0"),
    reason = "it ended with status 1 before it had reported in";
  await stage.killController();
  await until("the note of the failure", async () =>
    (await host.exec("ls", "/usr/local/lib/ai-agent/failed", { reject: false })).code === 0 ? true : undefined,
  );
  await until("the old one", async () =>
    (await host.exec("sh", "-c", "readlink /proc/$(systemctl show -P MainPID ai-agent)/exe")).stdout.includes("/versions/0.2.0-")
      ? true
      : undefined,
  );
  await stage.startController();
  await wasTakenBack("0.3.0", host, reason);
  const run = await stage.untilEnded((await stage.runs())[0]!.id);
  expect(run.state).toBe("failed");
  expect(JSON.stringify(run)).toContain(`Unable to update the agent to 0.3.0: ${reason}; 0.2.0 is back`);
});

test("a version that hangs and never connects is ended when its time is over", async () => {
  await releases.publishScript("0.4.0", "trap '' TERM; while :; do sleep 1; done");
  await wasTakenBack("0.4.0", await triedOn("0.4.0"), "it did not report in to the controller within 30 s");
  expect((await own(stage.hosts[0]!.name)).state).toBe("steady");
});

test("a mended version follows, and an older one that is named is gone back to", async () => {
  await releases.publish("0.5.0");
  await until("0.5.0", async () => ((await select("agent=0.5.0")).length === 3 ? true : undefined), { ms: 120_000, otherwise: versions });
  await stage.untilInSync();
  await stage.commit(placement("0.2.0"));
  await stage.untilInSync(undefined, 120_000);
  expect(await versions()).toEqual(["h1 0.2.0", "h2 0.2.0", "h3 0.2.0"]);
  expect(await select("agent=outdated")).toEqual(["h1", "h2", "h3"]);
});

test("kills and power cuts at any moment of updates leave an agent that works, and gets there", { timeout: 900_000 }, async () => {
  const h3 = stage.hosts[2]!,
    moments: string[] = [];
  for (let round = 0; round < 12; round++) {
    const version = round % 2 === 0 ? "0.5.0" : "0.2.0";
    await stage.commit(placement(version, { on: "name=h3" }));
    const ms = Math.round(Math.random() * 9000),
      power = round % 3 === 0;
    await pause(ms);
    const trial = (await h3.exec("cat", "/usr/local/lib/ai-agent/trial", { reject: false })).stdout.split(" ")[0] ?? "";
    moments.push(`${power ? "power" : "kill"} after ${ms} ms${trial === "" ? "" : `, ${trial} on trial`}`);
    if (power) {
      await h3.kill();
      await h3.start();
    } else await h3.exec("sh", "-c", "pkill -KILL -f 'ai-agent/(start|current/ai-agent|versions/.*/ai-agent) run'", { reject: false });
    await until("an agent that works", async () => ((await stage.host("h3")).online ? true : undefined), {
      ms: 90_000,
      otherwise: () => journalOf(h3),
    });
    await stage.untilInSync(undefined, 120_000);
    expect([moments.at(-1), (await own("h3")).version]).toEqual([moments.at(-1), version]);
  }
  process.stdout.write(`${JSON.stringify({ moments })}\n`);
  expect(await onDisk(h3)).toBe("current versions/0.2.0\nprevious versions/0.5.0\n2\n");
});
