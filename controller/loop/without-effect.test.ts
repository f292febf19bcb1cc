import { expect, test } from "vitest";
import { dropFile } from "../../examples/sandbox/host/files.ts";
import type { RunStore } from "../store/runs.ts";
import { file, inSync, policy, type Stage, stageFor, until } from "./testing.ts";

const page = (text: string) => file("page", "/srv/page.html", `content: "${text}\\n"`);

test("a change that is done and undone by somebody each time is left alone for a while, and made anew once its resource is another", async () => {
  let undoes = true,
    stage: Stage | undefined;
  const states = (id: string) => stage?.controller.instance(id).state;
  stage = await stageFor({
    files: { "manifests/free.yaml": policy("free", "approval: { from: never }") },
    store(real) {
      const append: RunStore["append"] = async (run, n, events, ended) => {
        const done = events.some((event) => event.type === "ended") && stage?.sent.some((id) => id.startsWith(`${run}/File/page`));
        if (done === true && undoes) {
          dropFile(stage!.hosts.get("web-01")!, "/srv/page.html");
          // The agent tells of it once its result is acknowledged, which is after this: so it is told here.
          const ask = { probe: "file", input: { path: "/srv/page.html", content: true } };
          await stage!.report("web-01", [{ ask, at: Date.now() + 1000, value: { path: "/srv/page.html", type: "missing" } }]);
        }
        await real.runs.append(run, n, events, ended);
      };
      // What a host reports meanwhile has to be stored as well: not in one transaction with this.
      return { ...real, runs: { ...real.runs, append }, together: (start) => Promise.all(start()) as never };
    },
  });
  await until(() => stage.controller.status().hosts.online === 1 && stage.controller.ready());
  await stage.repo.commit({ "manifests/page.yaml": page("one") });
  await until(async () => (await stage.controller.runs({})).items.some(({ state }) => state === "succeeded"));
  // Each commit makes a plan of all that differs.
  for (const at of [1, 2, 3]) {
    await stage.repo.commit({ "manifests/other.yaml": file("other", "/srv/other", `content: "${at}"`) });
    await until(() => stage.sent.filter((id) => id.includes("File/other")).length === at && stage.controller.status().running.length === 0);
  }
  const onPage = (): string[] => stage.sent.filter((id) => id.includes("File/page"));
  expect(onPage()).toHaveLength(1);
  expect(states("File/page@web-01")).not.toBe("in-sync");
  undoes = false;
  await stage.repo.commit({ "manifests/page.yaml": page("two") });
  await until(() => states("File/page@web-01") === "in-sync");
  await inSync(stage);
  expect(onPage()).toHaveLength(2);
});
