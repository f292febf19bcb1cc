import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { file as onHost } from "../../examples/sandbox/host/parts.ts";
import type { Plan } from "../../schemas/plan.ts";
import type { Instance } from "../core/model.ts";
import { withhold } from "./withhold.ts";
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

test.each(['content: "x"', "format: env\nvalues: { PASSWORD: x }"])(
  "what is withheld (%s) is told by its size, and by no digest that could be guessed from, under the digest that the plan of the commit will have",
  async (spec) => {
    const stage = await withSecrets(),
      edits = edit("/etc/app/secret.env", spec);
    const { plan } = await stage.controller.preview(edits),
      shown = (await stage.controller.preview(edits, undefined, true)).plan,
      note = "not shown: no manifest in force shows it, and not everybody on the host may read it";
    expect(plan?.changes[0]?.differences).toEqual(
      spec.startsWith("content") ? [{ path: "content", have: "38 bytes", note }] : [{ path: "values.PASSWORD", want: "x", note }],
    );
    const guess = createHash("sha256").update(secret).digest("hex"),
      facts = Object.values(shown?.basis.facts ?? {});
    if (spec.startsWith("content")) expect(JSON.stringify(shown)).toContain(guess);
    expect(facts).toHaveLength(1);
    for (const digest of [guess, ...facts]) expect(JSON.stringify(plan)).not.toContain(digest);
    expect(plan?.digest).toBe(shown?.digest);
  },
);

test("a file that everybody could read if its folder were not closed is not shown", () => {
  const fact = { path: "/srv/app/secret.env", type: "file", mode: "0644", size: 38, sha256: "ab", text: secret } as const;
  const differences = [{ path: "content", diff: `-${secret}`, want: "x", have: secret }];
  const change = { id: "File/look@web-01", differences, steps: [] } as unknown as Plan["changes"][number];
  const planOf = (more: object) =>
    withhold({ changes: [change], later: [], basis: { facts: {} } } as unknown as Plan, {
      instance: () =>
        ({
          host: "web-01",
          askKey: "k",
          resource: { kind: "File", resource: { spec: { path: fact.path, content: "x" } } },
        }) as unknown as Instance,
      inForce: () => [],
      fact: () => ({ host: "web-01", key: "k", at: 1, digest: "d", value: { ...fact, ...more } }),
    });
  expect(JSON.stringify(planOf({ closedBy: "/srv/app" }))).not.toContain("correct horse");
  expect(JSON.stringify(planOf({}))).toContain("correct horse");
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
