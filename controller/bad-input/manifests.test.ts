import { expect, test } from "vitest";
import { printProblem } from "../../schemas/problem.ts";
import { ann, file, inSync, policy, service, stageFor, until } from "../loop/testing.ts";

const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${"bcdefghi"
  .split("")
  .map((name, at) => `${name}: &${name} [${Array(10).fill(`*${"abcdefgh"[at]}`).join(",")}]`)
  .join("\n")}\n`;
const base = {
  "manifests/policy.yaml": policy("free", "approval: { from: never }"),
  "manifests/page.yaml": file("page", "/srv/page", 'content: "good"'),
};

/** What is committed over a good workspace, and what is said about it. */
const bad: Readonly<Record<string, readonly [files: Readonly<Record<string, string | Buffer>>, said: string | RegExp]>> = {
  "YAML that does not parse": [{ "manifests/bad.yaml": "kind: [Service\n" }, /^manifests\/bad\.yaml:\d+:\d+: error: /],
  "duplicate keys": [
    { "manifests/bad.yaml": service("nginx", "state: running\nstate: stopped") },
    /^manifests\/bad\.yaml:8:3.*error: .*"?state"? /,
  ],
  "an unknown kind": [
    { "manifests/bad.yaml": service("nginx", "state: running").replace("Service", "Servise") },
    /^manifests\/bad\.yaml:2:7.*error: .*Servise.*\n.*Service/,
  ],
  "an unknown field": [
    { "manifests/bad.yaml": service("nginx", "stat: running") },
    /^manifests\/bad\.yaml:7:3 Service\/nginx spec\.stat: error: Unknown field "stat" in spec\n.*state/,
  ],
  "a wrong type": [
    { "manifests/bad.yaml": service("nginx", "enabled: 7") },
    /^manifests\/bad\.yaml:7:12 Service\/nginx spec\.enabled: error: .*7/,
  ],
  "an unknown reference": [
    { "manifests/bad.yaml": service("nginx", "state: running\nneeds: [File/pag]") },
    /^manifests\/bad\.yaml:8:\d+ Service\/nginx spec\.needs\.0: error: .*File\/pag\b.*\n.*File\/page/s,
  ],
  "a cycle": [
    { "manifests/bad.yaml": `${service("a", "needs: [Service/b]")}---\n${service("b", "needs: [Service/a]")}` },
    /error: .*Service\/a.*Service\/b/,
  ],
  "a selector that cannot be read": [
    { "manifests/bad.yaml": service("nginx", "state: running", '"tag=web & ("') },
    /^manifests\/bad\.yaml:5:\d+ Service\/nginx spec\.on: error: [^]*tag=web & \([^]*\^/,
  ],
  "a file of 2 MiB": [{ "manifests/bad.yaml": `# ${"x".repeat(2 * 1024 * 1024)}\n` }, /^manifests\/bad\.yaml:1:1: error: .*1 MiB|1048576/],
  "an alias bomb": [{ "manifests/bad.yaml": bomb }, /^manifests\/bad\.yaml:\d+:\d+: error: .*alias/i],
  "a path out of the workspace in source": [
    { "manifests/bad.yaml": file("evil", "/srv/evil", "source: files/../../secret") },
    /File\/evil spec\.source: error: files\/\.\.\/\.\.\/secret leaves the folder files\//,
  ],
  "text that is no UTF-8": [
    { "manifests/bad.yaml": Buffer.from([0x61, 0xff, 0xfe, 0x0a]) },
    "manifests/bad.yaml:1:1: error: The file is not valid UTF-8\n    Save it as UTF-8.",
  ],
  "a secret that is missing": [
    { "manifests/bad.yaml": file("env", "/srv/env", "content: { secretRef: db/password }") },
    /^manifests\/bad\.yaml:7:\d+ File\/env spec\.content.*error: .*db\/password/,
  ],
  "two resources that own a path": [
    { "manifests/bad.yaml": file("other", "/srv/page", 'content: "x"') },
    /File\/(other|page).*\/srv\/page/s,
  ],
  "two resources that own a unit": [
    {
      "manifests/bad.yaml": `${service("one", "state: running").replace("one.service", "nginx.service")}---\n${service("two", "state: stopped").replace("two.service", "nginx.service")}`,
    },
    /Service\/(one|two).*nginx\.service/s,
  ],
};

test("no bad commit stops the controller, takes effect or changes a host; each says what is wrong where", async () => {
  const stage = await stageFor({ files: base });
  await inSync(stage);
  const good = stage.controller.status().commit,
    sent = stage.sent.length;
  for (const [what, [files, said]] of Object.entries(bad)) {
    const commit = await stage.repo.commit(files);
    await until(
      () => stage.controller.status().head === commit,
      () => what,
    );
    const { problems, commit: inForce } = stage.controller.status();
    const told = problems.filter(({ severity }) => severity === "error").map(printProblem);
    expect([what, told[0]]).toEqual([what, typeof said === "string" ? said : expect.stringMatching(said)]);
    expect([what, inForce, stage.controller.ready()]).toEqual([what, good, true]);
    await stage.repo.git("rm", "--quiet", "manifests/bad.yaml");
  }
  expect(stage.sent).toHaveLength(sent);
  expect(stage.controller.instance("File/page@web-01").fact).toMatchObject({ text: "good" });
  const last = await stage.repo.commit({ "manifests/page.yaml": file("page", "/srv/page", 'content: "better"') });
  await until(() => stage.controller.status().commit === last);
  await inSync(stage);
  expect(stage.controller.instance("File/page@web-01").fact).toMatchObject({ text: "better" });
}, 60_000);

test("a commit over the API with any of these is refused with the same words, and nothing is committed", async () => {
  const stage = await stageFor({ files: base });
  await inSync(stage);
  const head = stage.controller.status().head;
  for (const [what, [files, said]] of Object.entries(bad)) {
    const edits = Object.entries(files).flatMap(([path, text]) => (typeof text === "string" ? [{ path, text }] : []));
    if (edits.length === 0) continue;
    const refused: unknown = await stage.controller
      .commit(edits, { message: what, source: "cli" }, ann)
      .catch((failure: unknown) => failure);
    expect([what, String((refused as Error).message)]).toEqual([what, expect.stringMatching(new RegExp(said, "m")) as string]);
  }
  expect(await stage.repo.git("rev-parse", "main")).toBe(head);
}, 60_000);

test("a selector that matches no host, and an unknown host in one, are warnings: the commit takes effect", async () => {
  const stage = await stageFor({ files: { ...base, "manifests/none.yaml": service("nginx", "state: running", "name=wbe-01") } });
  await until(() => stage.controller.status().problems.length > 0);
  await inSync(stage);
  expect(stage.controller.status().problems.map(printProblem)).toEqual([
    expect.stringMatching(/^manifests\/none\.yaml:5:\d+ Service\/nginx.*: warning: Service\/nginx: no host matches 'name=wbe-01'/),
  ]);
});

test("a unit that no host has is blocked with the nearest words, and nothing is tried", async () => {
  const stage = await stageFor({ files: { ...base, "manifests/typo.yaml": service("ngnix", "state: running") } });
  await until(() => stage.controller.instance("Service/ngnix@web-01").state === "blocked");
  expect(stage.controller.instance("Service/ngnix@web-01").reason).toContain("ngnix.service");
  expect(stage.sent.filter((id) => id.includes("ngnix"))).toEqual([]);
});
