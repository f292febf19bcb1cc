import { afterAll, beforeAll, expect, test } from "vitest";
import type { Plan } from "../../schemas/plan.ts";
import { everythingRuns, manifest, resource } from "./resources.ts";
import { measured, type Stage, startStage, until } from "./stage.ts";

let stage: Stage;

const site = (word: string, more = ""): string => `server {\n  listen 8080;\n  location / { return 200 "${word}"; }\n${more}}\n`;
const web = (word: string): string =>
  manifest(
    resource("Package", "nginx", { on: "tag=web" }),
    resource("File", "nginx-site", {
      on: "tag=web",
      path: "/etc/nginx/conf.d/shop.conf",
      content: site(word),
      mode: "0644",
      validator: "nginx",
      needs: ["Package/nginx"],
      reloads: ["Service/nginx"],
    }),
    resource("Service", "nginx", {
      on: "tag=web",
      state: "running",
      enabled: true,
      needs: ["Package/nginx", "File/nginx-site"],
      health: { http: "http://localhost:8080/", contains: word, within: "10s" },
    }),
  );
const served = async (host: Stage["hosts"][number]): Promise<string> =>
  (await host.exec("curl", "-s", "http://localhost:8080/", { reject: false })).stdout;

beforeAll(async () => {
  stage = await startStage({ hosts: 3, tags: { h1: ["web"], h2: ["web"], h3: ["web"] } });
  await Promise.all(
    stage.hosts.map((host) =>
      host.exec("sh", "-c", "DEBIAN_FRONTEND=noninteractive apt-get purge -qy nginx nginx-common && rm -rf /etc/nginx"),
    ),
  );
});
afterAll(() => stage?.close());

test("a commit waits for approval by its digest, runs to the end, and the next plan is empty", async () => {
  await stage.commit({ "manifests/web.yaml": web("one") });
  const digest = await stage.pending();
  const { plan } = await stage.api<{ plan: Plan }>("GET", `/api/v1/plans/${digest}`);
  const acts = (changes: Plan["changes"]): string[] => [...new Set(changes.map(({ resource: of, act }) => `${act} ${of}`))].sort();
  expect(acts(plan.changes)).toEqual(["create File/nginx-site", "create Package/nginx", "reload Service/nginx"]);
  // Before the package there is no unit: its start is predicted, and the same yes covers it.
  expect(acts(plan.later)).toEqual(["start Service/nginx"]);
  expect(plan.changes).toHaveLength(9);
  expect(plan).toMatchObject({ risk: "medium", approval: { needed: true } });
  // Nothing happens before the yes.
  for (const host of stage.hosts) expect((await host.exec("dpkg-query", "-W", "nginx", { reject: false })).code).toBe(1);
  const startedAt = Date.now();
  const { run } = await stage.approve(digest);
  const ended = await stage.untilEnded(run!);
  measured("package, site and service on 3 hosts", Date.now() - startedAt);
  expect(ended.state, JSON.stringify(ended.changes)).toBe("succeeded");
  await stage.untilInSync();
  for (const host of stage.hosts) {
    expect(await served(host)).toBe("one");
    expect((await host.exec("systemctl", "is-enabled", "nginx")).stdout).toBe("enabled\n");
  }
  expect(await stage.plan()).toMatchObject({ changes: [], later: [], unknown: [], blocked: [], risk: null });
  expect(await stage.runs()).toHaveLength(1);
});

test("a run without a change changes nothing on the hosts", async () => {
  const mark = async () =>
    Promise.all(
      stage.hosts.map(
        async (host) =>
          (
            await host.exec(
              "sh",
              "-c",
              "systemctl show -p InvocationID,ActiveEnterTimestampMonotonic nginx; stat -c '%Y %Z %i' /etc/nginx/conf.d/shop.conf; wc -l </var/log/dpkg.log",
            )
          ).stdout,
      ),
    );
  const before = await mark(),
    runs = await stage.runs();
  await stage.commit({ "README.md": "nothing that concerns a host\n" });
  await stage.untilInSync();
  expect(await stage.plan()).toMatchObject({ changes: [] });
  expect(await mark()).toEqual(before);
  expect(await stage.runs()).toEqual(runs);
});

test("a plan is approved for its own digest alone", async () => {
  const [run] = await stage.runs();
  await stage.commit({ "manifests/web.yaml": web("two") });
  const digest = await stage.pending();
  await expect(stage.approve(run!.digest)).rejects.toThrow("The manifests changed since this plan was made.");
  await expect(stage.approve("0".repeat(64))).rejects.toThrow("There is no plan");
  await stage.approve(digest);
  await stage.untilInSync();
  for (const host of stage.hosts) expect(await served(host)).toBe("two");
  await expect(stage.approve(digest)).rejects.toThrow(/approved this plan already|nothing to decide/);
});

test("a changed site file is live on all hosts soon after its commit, by a reload", async () => {
  await stage.commit({ "manifests/policy.yaml": everythingRuns });
  await stage.untilInSync();
  const invocation = async () =>
    Promise.all(stage.hosts.map(async (host) => (await host.exec("systemctl", "show", "-p", "InvocationID", "nginx")).stdout));
  const before = await invocation(),
    times: number[] = [];
  for (const word of ["three", "four", "five"]) {
    const waiting = stage.hosts.map((host) =>
      host.exec(
        "sh",
        "-c",
        `for i in $(seq 1000); do [ "$(curl -s localhost:8080)" = ${word} ] && { date +%s%3N; exit; }; sleep 0.01; done; exit 1`,
      ),
    );
    const committedAt = Date.now();
    await stage.commit({ "manifests/web.yaml": web(word) });
    times.push(Math.max(...(await Promise.all(waiting)).map(({ stdout }) => Number(stdout))) - committedAt);
    await stage.untilInSync();
  }
  measured("commit of a site file to live on 3 hosts", times);
  expect(await invocation()).toEqual(before);
  const reloads = (await stage.runs())
    .slice(0, 3)
    .map(async ({ id }) => (await stage.run(id)).changes.flatMap(({ steps }) => steps.map(({ action }) => action)).sort());
  for (const actions of await Promise.all(reloads))
    expect(actions).toEqual([...Array(3).fill("file.write"), ...Array(3).fill("service.reload")]);
});

test("two commits in quick succession converge to the second", async () => {
  await stage.commit({ "manifests/web.yaml": web("six") });
  await stage.commit({ "manifests/web.yaml": web("seven") });
  await stage.untilInSync();
  for (const host of stage.hosts) expect(await served(host)).toBe("seven");
  await stage.commit({ "manifests/web.yaml": web("eight") });
  await until("the first run", async () => ((await stage.status()).running.length > 0 ? true : undefined));
  await stage.commit({ "manifests/web.yaml": web("nine") });
  await stage.untilInSync();
  for (const host of stage.hosts) expect(await served(host)).toBe("nine");
  expect(await stage.plan()).toMatchObject({ changes: [] });
});

test("a broken commit leaves the last good one in force, and says what is wrong where", async () => {
  const good = (await stage.status()).commit;
  const bad = await stage.commit({ "manifests/web.yaml": web("ten").replace("kind: Service", "kind: Servise") });
  const status = await until("the problem", async () => {
    const now = await stage.status();
    return now.head === bad ? now : undefined;
  });
  expect(status.commit).toBe(good);
  expect(status.problems[0]).toMatchObject({ where: { file: "manifests/web.yaml" } });
  expect(JSON.stringify(status.problems[0])).toContain("Service");
  for (const host of stage.hosts) expect(await served(host)).toBe("nine");
  await stage.commit({ "manifests/web.yaml": web("nine") });
  await stage.untilInSync();
});

test("a manual change between plan and approval: that step refuses, the rest goes on, and it is planned anew", async () => {
  const [h1, h2] = stage.hosts;
  await stage.commit({
    "manifests/policy.yaml": resource("Policy", "ask", { on: "*", approval: { from: "low" } }),
    "manifests/web.yaml": web("eleven"),
  });
  const digest = await stage.pending();
  // Both at once, as a person who edits while another approves: the agent's word is not yet with the controller, or has just come.
  await h1!.exec(
    "sh",
    "-c",
    "systemctl stop ai-agent; echo '# by hand' >>/etc/nginx/conf.d/shop.conf; systemctl start ai-agent --no-block",
  );
  const { plan } = await stage.api<{ plan: unknown }>("GET", `/api/v1/plans/${digest}`);
  const { run } = await stage.api<{ run: string }>("POST", `/api/v1/plans/${digest}/approve`, { plan });
  const ended = await stage.untilEnded(run);
  expect(ended.state).toBe("partial");
  const states = Object.fromEntries(ended.changes.map(({ id, state }) => [id, state]));
  expect(states).toMatchObject({ "File/nginx-site@h1": "failed", "File/nginx-site@h2": "done", "File/nginx-site@h3": "done" });
  const refused = ended.changes.find(({ id }) => id === "File/nginx-site@h1")?.steps[0];
  expect(refused?.state).toBe("refused");
  expect(refused?.problem?.summary).toBe("The host is not as it was when the plan was made");
  expect((await h1!.exec("tail", "-n1", "/etc/nginx/conf.d/shop.conf")).stdout).toBe("# by hand\n");
  expect(await served(h2!)).toBe("eleven");
  const again = await stage.pending(digest);
  const anew = await stage.api<{ plan: { changes: { id: string }[] } }>("GET", `/api/v1/plans/${again}`);
  expect(anew.plan.changes.map(({ id }) => id).filter((id) => id.startsWith("File/"))).toEqual(["File/nginx-site@h1"]);
  await stage.approve(again);
  await stage.untilInSync();
  expect(await served(h1!)).toBe("eleven");
});
