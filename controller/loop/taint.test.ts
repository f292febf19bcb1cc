import { join } from "node:path";
import { expect, test } from "vitest";
import { ann, inSync, policy, service, type Stage, stageFor, until } from "./testing.ts";

const path = "manifests/nginx.yaml";
const stopped = service("nginx", "state: stopped");
const note = { message: "Stop nginx", source: "claude", tainted: ["logs (nginx.service) of web-01"] } as const;

async function staged(): Promise<Stage> {
  const stage = await stageFor({
    files: {
      [path]: service("nginx", "state: running"),
      // Nothing waits on this fleet, but for what is tainted.
      "manifests/lax.yaml": policy("lax", "approval: { from: never }"),
      ".gitattributes": `${path} filter=late\n`,
    },
  });
  await inSync(stage);
  return stage;
}

test("a commit that failed when its branch had moved already is tainted as it takes effect", async () => {
  const stage = await staged(),
    { repo, controller } = stage,
    move = join(repo.dir, ".git/backend-ai-move.json");
  // Git writes the working tree after the branch has moved: from then on the note of the move cannot be taken away.
  await repo.git("config", "filter.late.smudge", `rm -f ${move} && mkdir ${move} && cat`);
  await expect(controller.commit([{ path, text: stopped }], note, ann)).rejects.toThrow(move);
  expect(await repo.git("log", "-1", "--format=%B")).toContain("Tainted: logs");
  // Who asked for what takes effect is told, whatever became of the request.
  expect((await controller.audit({})).items.filter(({ what }) => what === "commit")).toMatchObject([
    {
      who: "ann",
      about: (await repo.git("rev-parse", "HEAD")).trim(),
      detail: { message: note.message, source: "claude", tainted: note.tainted, unfinished: expect.stringContaining(move) },
    },
  ]);
  const digest = await until(() => controller.status().pendingPlan);
  expect((await controller.planOf(digest)).plan).toMatchObject({ risk: "high", changes: [{ id: "Service/nginx@web-01", tainted: true }] });
});

test("a commit that came to nothing leaves no taint on the same edit by somebody else", async () => {
  const stage = await staged(),
    { repo, controller } = stage;
  await repo.write(path, "half-done\n");
  await expect(controller.commit([{ path, text: stopped }], note, ann)).rejects.toMatchObject({ problems: [{ code: "conflict/dirty" }] });
  expect((await controller.audit({})).items.filter(({ what }) => what === "commit")).toEqual([]);
  await repo.commit({ [path]: stopped });
  await until(() => controller.instance("Service/nginx@web-01").word === "stopped");
});
