import { expect, test } from "vitest";
import { file as onHost } from "../../examples/sandbox/host/parts.ts";
import { ann, inSync, policy, stageFor, until } from "./testing.ts";

const limits = (values: string): string => `apiVersion: backend-ai/v1
kind: File
metadata: { name: limits }
spec:
  on: name=web-*
  path: /etc/app/limits.env
  format: env
  values:
${values}`;
const before = limits(`    # Nobody knows why, and nobody dares.
    WORKERS: "4" # per core
    TIMEOUT: "30"
`);
const after = before.replace('"30"', '"60"').replace("    TIMEOUT", '    QUEUE: "9"\n    TIMEOUT');

test("undo writes the values that the run changed and nothing else: comments, order and other values stay", async () => {
  const stage = await stageFor({ files: { "manifests/policy.yaml": policy("free", "approval: { from: never }") } });
  await until(() => stage.controller.status().hosts.online === 1 && stage.controller.ready());
  stage.hosts.get("web-01")?.files.set("/etc/app/limits.env", onHost("WORKERS=4\nTIMEOUT=30\n"));
  await stage.repo.commit({ "manifests/limits.yaml": before });
  await inSync(stage);
  await stage.repo.commit({ "manifests/limits.yaml": after });
  await until(() => stage.sent.length === 1);
  await inSync(stage);
  expect((await stage.controller.instance("File/limits@web-01").fact) as object).toMatchObject({
    values: { WORKERS: "4", QUEUE: "9", TIMEOUT: "60" },
  });

  const { edits, left, problems } = await stage.controller.undo(undefined);
  expect({ left, problems }).toEqual({ left: [], problems: [] });
  expect(edits).toEqual([{ path: "manifests/limits.yaml", text: before.replace("    TIMEOUT", "    QUEUE: null\n    TIMEOUT") }]);
  await stage.controller.commit(edits, { message: "undo", source: "cli" }, ann);
  await until(() => stage.sent.length === 2);
  await inSync(stage);
  expect(await stage.controller.query("web-01", "file", { path: "/etc/app/limits.env", content: true })).toMatchObject({
    text: "WORKERS=4\nTIMEOUT=30\n",
  });
});
