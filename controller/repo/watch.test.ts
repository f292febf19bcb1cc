import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Problem } from "../../schemas/problem.ts";
import type { Repository } from "./repository.ts";
import { bench, temporaryFolder, temporaryRepository } from "./testing.ts";
import { watchHead } from "./watch.ts";

const patience = { timeout: 5000, interval: 10 };

/** Watches without a rescan, so that what is seen was seen by events. */
async function watched(repo: Repository, rescanMs = 3_600_000) {
  const heads: string[] = [],
    problems: Problem[] = [];
  const watch = await watchHead(repo, { onHead: (commit) => heads.push(commit), onProblem: (problem) => problems.push(problem), rescanMs });
  onTestFinished(() => watch.close());
  const seen = () => heads;
  return { heads, problems, watch, seen };
}

test("sees each commit once, by whatever way the branch moves", async () => {
  const { git, commit, first, open } = await temporaryRepository(),
    { seen } = await watched(await open());
  await expect.poll(seen, patience).toEqual([first]);
  const second = await commit({ "manifests/a.yaml": "a: 2\n" });
  await expect.poll(seen, patience).toEqual([first, second]);
  await git("pack-refs", "--all");
  const third = await commit({ "manifests/a.yaml": "a: 3\n" });
  await expect.poll(seen, patience).toEqual([first, second, third]);
  await git("reset", "-q", "--hard", first);
  await expect.poll(seen, patience).toEqual([first, second, third, first]);
});

test("sees commits on the branch alone", async () => {
  const { git, commit, first, open } = await temporaryRepository(),
    { seen, watch, heads } = await watched(await open());
  await expect.poll(seen, patience).toEqual([first]);
  await git("switch", "-q", "-c", "side");
  await commit({ "manifests/a.yaml": "side\n" });
  await watch.check();
  expect(heads).toEqual([first]);
});

test("sees commits of a working tree elsewhere, and pushes into a bare repository", async () => {
  const main = await temporaryRepository(),
    folder = await temporaryFolder();
  await main.git("switch", "-q", "-c", "other");
  await main.git("worktree", "add", "-q", join(folder, "tree"), "main");
  const tree = bench(join(folder, "tree")),
    { seen } = await watched(await tree.open());
  await expect.poll(seen, patience).toEqual([main.first]);
  await expect.poll(seen, patience).toEqual([main.first, await tree.commit({ "manifests/a.yaml": "2\n" })]);

  await main.git("clone", "-q", "--bare", "--branch", "main", ".", join(folder, "bare"));
  const bare = await watched(await bench(join(folder, "bare")).open());
  const next = await tree.commit({ "manifests/a.yaml": "3\n" });
  await tree.git("push", "-q", join(folder, "bare"), "main:main");
  await expect.poll(bare.seen, patience).toEqual([bare.heads[0] ?? "", next]);
});

test("says once that the branch is gone, and goes on when it is back", async () => {
  const { git, first, open } = await temporaryRepository(),
    { problems, watch, heads } = await watched(await open());
  await git("switch", "-q", "--detach");
  await git("branch", "-q", "-D", "main");
  await watch.check();
  await watch.check();
  expect(problems.map((problem) => problem.code)).toEqual(["repo/no-branch"]);
  await git("branch", "-q", "main", first);
  await watch.check();
  await git("commit", "-q", "--allow-empty", "-m", "x");
  await git("branch", "-q", "-f", "main", "HEAD");
  await watch.check();
  expect(heads).toEqual([first, await git("rev-parse", "main")]);
});
