import { expect, test } from "vitest";
import { ann, inSync, service, stageFor, until } from "./testing.ts";

test("a unit is imported once, under its own name, whatever aliases it was asked for by", async () => {
  const stage = await stageFor({ files: { "manifests/none.yaml": "" } });
  await until(() => stage.controller.status().hosts.online === 1 && stage.controller.ready());
  const request = { on: "name=web-01", files: [], packages: [] };
  const { edits, problems, resources } = await stage.controller.importFrom({ ...request, services: ["sshd", "ssh*"] });
  expect({ problems, resources, paths: edits.map(({ path }) => path) }).toEqual({
    problems: [],
    resources: ["Service/ssh"],
    paths: ["manifests/imported/service-ssh.yaml"],
  });
  expect(edits[0]?.text).toContain("unit: ssh.service\n");
  await stage.controller.commit(edits, { message: "import", source: "cli" }, ann);
  await inSync(stage);
});

test("a unit that a manifest manages under an alias is not imported under its own name", async () => {
  const stage = await stageFor({ files: { "manifests/sshd.yaml": service("sshd", "state: running") } });
  await inSync(stage);
  const { edits, problems } = await stage.controller.importFrom({ on: "name=web-01", services: ["sshd"], files: [], packages: [] });
  expect(edits).toEqual([]);
  expect(problems.map(({ summary }) => summary)).toEqual(["sshd.service on web-01 is managed by Service/sshd already"]);
});
