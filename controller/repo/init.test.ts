import { join } from "node:path";
import { expect, test } from "vitest";
import { parseDocument } from "yaml";
import { parseFile } from "../core/parse-file.ts";
import { kinds } from "../kinds/index.ts";
import { initWorkspace } from "./init.ts";
import { readCommit } from "./read.ts";
import { bench, problemOf, temporaryFolder, temporaryRepository } from "./testing.ts";
import { workspaceFiles } from "./workspace-files.ts";

const at = Date.parse("2026-11-20T10:00:00Z");

test("makes a committed workspace of an empty folder, once", async () => {
  const dir = join(await temporaryFolder(), "new/workspace"),
    made = await initWorkspace(dir, { at });
  expect(made).toMatchObject({ branch: "main", madeRepository: true, made: Object.keys(workspaceFiles), kept: [] });
  const { git, open } = bench(dir),
    repo = await open();
  expect(await git("status", "--porcelain")).toBe("");
  const { files, problems } = await readCommit(repo, made.commit);
  expect([files.map((file) => file.path), problems]).toEqual([["backend-ai.yaml", "files/site.conf", "manifests/examples.yaml"], []]);
  expect(await problemOf(initWorkspace(dir, { at }))).toMatchObject({
    code: "repo/not-empty",
    summary: `Unable to make a workspace in ${dir}: it has a backend-ai.yaml`,
  });
});

test("settles in a repository that exists, keeps its files and its branch", async () => {
  const { dir, git, first, write } = await temporaryRepository({ "README.md": "ours\n" });
  await git("branch", "-m", "trunk");
  await write("README.md", "not committed\n");
  const made = await initWorkspace(dir, { at });
  expect(made).toMatchObject({ branch: "trunk", madeRepository: false, kept: ["README.md"] });
  expect(await git("rev-parse", "HEAD~1")).toBe(first);
  expect(await git("status", "--porcelain")).toBe(" M README.md");
});

test("its settings and examples hold nothing; uncommented, the examples are valid manifests of every kind", () => {
  expect(parseDocument(workspaceFiles["backend-ai.yaml"] as string).toJS()).toBeNull();
  const examples = workspaceFiles["manifests/examples.yaml"] as string,
    parse = (text: string) => parseFile({ blob: "b", size: text.length, text }, kinds);
  expect(parse(examples)).toMatchObject({ resources: [], problems: [] });
  const parsed = parse(examples.slice(examples.indexOf("# ---")).replaceAll(/^# /gm, ""));
  expect(parsed.problems).toEqual([]);
  expect(parsed.resources.map((one) => one.resource.kind)).toEqual(["Host", "Package", "File", "Service", "Policy"]);
  const settings = (workspaceFiles["backend-ai.yaml"] as string).split("\n").slice(3).join("\n").replaceAll(/^# /gm, "");
  expect(parseDocument(settings).toJS()).toMatchObject({ git: { branch: "main", push: true } });
});
