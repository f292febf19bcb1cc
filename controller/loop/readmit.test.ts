import { expect, test } from "vitest";
import type { Store } from "../store/store.ts";
import { ann, bob, file, inSync, service, stageFor, until } from "./testing.ts";

const files = {
  "manifests/a.yaml": file("a", "/etc/nginx/conf.d/a.conf", 'content: "# a\\n"\nrestarts: [nginx.service]'),
  "manifests/b.yaml": file("b", "/etc/nginx/conf.d/b.conf", 'content: "# b\\n"'),
  "manifests/nginx.yaml": service("nginx", "state: running"),
};

/** A loop whose runs do not end before they may. */
async function heldStage() {
  const held = Promise.withResolvers<void>();
  const stage = await stageFor({
    files,
    store: (real: Store): Store => ({
      ...real,
      runs: {
        ...real.runs,
        async append(run, n, events, ended) {
          if (ended !== undefined) await held.promise;
          await real.runs.append(run, n, events, ended);
        },
      },
    }),
  });
  const planOf = async (...ids: string[]): Promise<string> => (await stage.controller.plan({ ids })).digest;
  await until(() => stage.controller.status().pendingPlan);
  return { stage, planOf, mayEnd: held.resolve };
}

test("a plan that waited for another run is set aside where that one did what it would do: nothing is restarted once more", async () => {
  const { stage, planOf, mayEnd } = await heldStage();
  const both = await planOf("File/a", "File/b"),
    one = await planOf("File/a");
  await stage.controller.approve(both, ann);
  expect(await stage.controller.approve(one, bob)).toMatchObject({ waiting: expect.stringMatching(/is being changed by run-/) });
  mayEnd();
  await until(async () => (await stage.controller.planOf(one)).state === "superseded");
  await inSync(stage);
  expect((await stage.controller.runs({})).items.map(({ by, state }) => ({ by, state }))).toEqual([{ by: "ann", state: "succeeded" }]);
  expect(stage.sent.filter((id) => id.includes("Service/nginx"))).toHaveLength(1);
  const told = await until(async () => (await stage.controller.latestEvents(100)).events.find(({ type }) => type === "plan.expired"));
  expect(told).toMatchObject({ about: one, text: "Nothing of it is left to do as it was planned." });
});

test("a plan that waited for another run does what that one left to do, by the approval that it has", async () => {
  const { stage, planOf, mayEnd } = await heldStage();
  const one = await planOf("File/a"),
    both = await planOf("File/a", "File/b");
  await stage.controller.approve(one, ann);
  await stage.controller.approve(both, bob);
  mayEnd();
  await until(async () => (await stage.controller.planOf(both)).state === "superseded");
  await inSync(stage);
  const runs = (await stage.controller.runs({})).items;
  expect(runs.map(({ by, state }) => ({ by, state }))).toEqual([
    { by: "earlier approval", state: "succeeded" },
    { by: "ann", state: "succeeded" },
  ]);
  expect(stage.sent.map((id) => id.slice(id.indexOf("/") + 1)).sort()).toEqual([
    "File/a@web-01#1",
    "File/b@web-01#1",
    "Service/nginx@web-01#1",
  ]);
});
