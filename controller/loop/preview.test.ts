import { expect, test } from "vitest";
import { file as onHost } from "../../examples/sandbox/host/parts.ts";
import { ann, file, inSync, policy, type Stage, stageFor, until } from "./testing.ts";

const ownFolder = ["", "root", "open.env"].join("/");
const secret = "PASSWORD=correct horse battery staple\n";
const free = { "manifests/policy.yaml": policy("free", "approval: { from: never }") };

async function withSecrets(): Promise<Stage> {
  const stage = await stageFor({ files: free });
  await until(() => stage.controller.status().hosts.online === 1 && stage.controller.ready());
  for (const [path, mode] of [
    ["/etc/app/secret.env", "0640"],
    [ownFolder, "0644"],
    ["/etc/app/open.env", "0644"],
  ] as const)
    stage.hosts.get("web-01")?.files.set(path, onHost(secret, { mode }));
  return stage;
}

const edit = (path: string, spec: string) => [{ path: "manifests/look.yaml", text: file("look", path, spec) }];

test.each([
  ["/etc/app/secret.env", 'content: "x"', false],
  ["/etc/app/secret.env", "format: env\nvalues: { PASSWORD: x }", false],
  [ownFolder, 'content: "x"', false],
  ["/etc/app/open.env", 'content: "x"', true],
  ["/etc/app/open.env", "format: env\nvalues: { PASSWORD: x }", true],
] as const)("a preview of %s (%s) shows what is in the file: %s", async (path, spec, shown) => {
  const stage = await withSecrets();
  const { plan } = await stage.controller.preview(edit(path, spec)),
    text = JSON.stringify(plan);
  expect(text.includes("correct horse")).toBe(shown);
  expect(plan?.changes.map(({ id }) => id)).toEqual(["File/look@web-01"]);
  expect(JSON.stringify((await stage.controller.preview(edit(path, spec), undefined, true)).plan)).toContain("correct horse");
});

test("what is withheld is told by digest and size, under the digest that the plan of the commit will have", async () => {
  const stage = await withSecrets(),
    edits = edit("/etc/app/secret.env", 'content: "x"');
  const { plan } = await stage.controller.preview(edits);
  expect(plan?.changes[0]?.differences).toEqual([
    {
      path: "content",
      have: expect.stringMatching(/^sha256 [0-9a-f]{64}, 38 bytes$/) as string,
      note: "not shown: no manifest in force shows it, and not everybody on the host may read it",
    },
  ]);
  expect(plan?.digest).toBe((await stage.controller.preview(edits, undefined, true)).plan?.digest);
});

test("a file that a manifest in force shows is shown in previews too, one that it only gives an owner is not", async () => {
  const stage = await withSecrets();
  await stage.controller.commit(edit("/etc/app/secret.env", "owner: root"), { message: "x", source: "cli" }, ann);
  await inSync(stage);
  const closed = await stage.controller.preview(edit("/etc/app/secret.env", 'content: "x"'));
  expect(JSON.stringify(closed.plan)).not.toContain("correct horse");
  await stage.controller.commit(edit("/etc/app/secret.env", `content: ${JSON.stringify(secret)}`), { message: "y", source: "cli" }, ann);
  await inSync(stage);
  const open = await stage.controller.preview(edit("/etc/app/secret.env", 'content: "x"'));
  expect(JSON.stringify(open.plan)).toContain("correct horse");
});
