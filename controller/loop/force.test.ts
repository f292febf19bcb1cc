import { expect, test } from "vitest";
import { ann, file, inSync, policy, stageFor, until } from "./testing.ts";

const free = policy("free", "approval: { from: never }\ndrift: { mode: correct }");
const page = (text: string) => file("page", "/srv/page", `content: "${text}"`);

test("a commit with problems keeps the last good one in force, says what is wrong where, across a restart, and drift is put back all the while", async () => {
  const stage = await stageFor({ files: { "manifests/policy.yaml": free, "manifests/page.yaml": page("one") } });
  await inSync(stage);
  const good = stage.controller.status().commit;
  const bad = await stage.repo.commit({ "manifests/page.yaml": page("two").replace("path:", "pth:") });
  await until(() => stage.controller.status().head === bad);
  const told = () => stage.controller.status().problems.map(({ summary, where }) => ({ summary, file: where?.file, line: where?.line }));
  const problems = told();
  expect(problems).toContainEqual({ summary: expect.stringContaining("pth") as string, file: "manifests/page.yaml", line: 6 });

  stage.kill();
  await stage.restart();
  expect(stage.controller.status()).toMatchObject({ commit: good, head: bad });
  expect(told()).toEqual(problems);
  expect(stage.controller.ready()).toBe(true);
  await inSync(stage);
  await stage.break("web-01", "edit /srv/page");
  await until(async () => (await stage.controller.runs({})).items[0]?.by === "drift correction");
  await inSync(stage);

  await stage.repo.commit({ "manifests/page.yaml": page("three") });
  await until(() => stage.controller.status().problems.length === 0);
  await inSync(stage);
});

test("two resources that own the same path are refused before and after the commit, and nothing is changed", async () => {
  const stage = await stageFor({ files: { "manifests/policy.yaml": free, "manifests/page.yaml": page("one") } });
  await inSync(stage);
  const other = file("other", "/srv/page", 'content: "x"'),
    sent = stage.sent.length;
  await expect(
    stage.controller.commit([{ path: "manifests/other.yaml", text: other }], { message: "m", source: "cli" }, ann),
  ).rejects.toThrow(/File\/(other|page).*\/srv\/page/s);
  const bad = await stage.repo.commit({ "manifests/other.yaml": other });
  await until(() => stage.controller.status().head === bad);
  expect(stage.controller.status().problems[0]).toMatchObject({ severity: "error" });
  expect(stage.controller.resources("File").map(({ id }) => id)).toEqual(["File/page"]);
  expect(stage.sent).toHaveLength(sent);
});

test("two commits at once end in the second", async () => {
  const stage = await stageFor({ files: { "manifests/policy.yaml": free, "manifests/page.yaml": page("one") } });
  await stage.repo.commit({ "manifests/page.yaml": page("two") });
  const last = await stage.repo.commit({ "manifests/page.yaml": page("three") });
  await until(() => stage.controller.status().commit === last);
  await inSync(stage);
  expect(await stage.controller.query("web-01", "file", { path: "/srv/page", content: true })).toMatchObject({ text: "three" });
});
