import { afterAll, beforeAll, expect, test } from "vitest";
import type { HostFact } from "../../schemas/verbs/host.ts";
import { measured, type Stage, startStage, until } from "./stage.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await startStage({ hosts: 3, install: false });
});
afterAll(() => stage?.close());

const trace =
  "/usr/local/lib/ai-agent /usr/local/bin/ai-agent /etc/ai-agent /var/lib/ai-agent /etc/systemd/system/ai-agent.service /etc/systemd/system/multi-user.target.wants/ai-agent.service /run/backend-ai-steps";

test("one command installs the agent, and the host is known with its facts", async () => {
  const startedAt = Date.now();
  await Promise.all(stage.hosts.map((host) => stage.install(host, { tags: ["web"], labels: { team: "blue" } })));
  measured("install on 3 hosts", Date.now() - startedAt);
  for (const { name, ip } of stage.hosts) {
    const known = await stage.host(name),
      facts = known.facts as HostFact;
    expect(known).toMatchObject({ name, online: true, state: "online", tags: ["web"], labels: { team: "blue" } });
    expect(facts).toMatchObject({ hostname: name, os: { id: "debian", version: "12" } });
    expect(JSON.stringify(facts)).toContain(ip);
  }
});

test("a join token serves once", async () => {
  const [h1] = stage.hosts,
    command = (await stage.enrolCommand({ host: "h1", replace: true })).replace(" --url", " --enrol-again --url");
  await h1!.exec("sh", "-c", command);
  const first = (await stage.host("h1")).agent;
  const again = await h1!.exec("sh", "-c", command, { reject: false });
  expect(again.code).not.toBe(0);
  expect(again.stderr).toMatch(/Unable to enrol: .*token/);
  expect(again.stderr).toContain("putting back the version before");
  // The one that was there goes on.
  await until("h1 online", async () => {
    const now = await stage.host("h1");
    return now.online && now.agent === first ? now : undefined;
  });
});

test("the token is neither an argument nor kept", async () => {
  const [, h2] = stage.hosts;
  const found = await h2!.exec("grep", "-rlsE", "bai_[A-Za-z0-9_-]{16}", "/etc", "/var/lib/ai-agent", "/tmp", "/usr/local/lib/ai-agent", {
    reject: false,
  });
  expect(found.stdout.split("\n").filter((path) => path !== "" && !/\/(ai-agent|install-agent\.sh)$/.test(path))).toEqual([]);
});

test("running it again upgrades the agent and keeps who it is", async () => {
  const [, h2] = stage.hosts,
    before = await stage.host("h2");
  await h2!.exec("sh", "-c", "echo '# mine' >>/etc/ai-agent/agent.env; cd /usr/local/lib/ai-agent; rm ai-agent; echo old >ai-agent");
  const again = await h2!.exec("sh", "-c", await stage.enrolCommand());
  expect(again.stderr).toContain("already enrolled");
  await until("h2 online again", async () => {
    const now = await stage.host("h2");
    return now.online && now.lastSeen !== before.lastSeen ? now : undefined;
  });
  expect((await stage.host("h2")).agent).toBe(before.agent);
  expect((await h2!.exec("cat", "/etc/ai-agent/agent.env")).stdout).toContain("# mine");
});

test("uninstalling leaves nothing", async () => {
  const [, , h3] = stage.hosts;
  await h3!.exec("sh", "/usr/local/lib/ai-agent/install-agent.sh", "--uninstall");
  expect((await h3!.exec("sh", "-c", `ls -d ${trace}`, { reject: false })).stdout).toBe("");
  expect((await h3!.exec("systemctl", "list-unit-files", "ai-agent*", "--no-legend", { reject: false })).stdout).toBe("");
  expect((await h3!.exec("pgrep", "-x", "ai-agent", { reject: false })).code).toBe(1);
  await until("h3 offline", async () => ((await stage.host("h3")).online ? undefined : true));
});
