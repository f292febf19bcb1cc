import { expect, test } from "vitest";
import { error, ProblemError } from "../../schemas/problem.ts";
import type { RunStore } from "../store/runs.ts";
import type { Store } from "../store/store.ts";
import { ann, file, inSync, policy, service, stageFor, type Stage, until, waitingPlan } from "./testing.ts";

const free = policy("free", "approval: { from: never }");
const site = (text: string) => file("site", "/etc/nginx/conf.d/extra.conf", `content: "# ${text}\\n"\nreloads: [nginx.service]`);
const nginx = service("nginx", "state: running\nhealth: { http: http://localhost/ }");

/** A store whose run journal does something at each write first, or after it. */
const journalOf = (store: Store, around: (write: () => Promise<void>) => Promise<void>): Store => {
  const runs: RunStore = {
    ...store.runs,
    begin: (...args) => around(() => store.runs.begin(...args)),
    append: (...args) => around(() => store.runs.append(...args)),
  };
  return { ...store, runs, together: (start) => Promise.all(start()) as never };
};

const count = (list: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const item of list) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
};

test("a controller killed after any entry of the journal goes on where it was: each step is done once, and the run ends", async () => {
  const kill = { after: Number.POSITIVE_INFINITY };
  let stage: Stage | undefined,
    entries = 0;
  const store = (real: Store): Store =>
    journalOf(real, async (write) => {
      await write();
      if (++entries >= kill.after) {
        kill.after = Number.POSITIVE_INFINITY;
        stage?.kill();
      }
    });
  stage = await stageFor({
    files: { "manifests/policy.yaml": free, "manifests/site.yaml": site("0"), "manifests/nginx.yaml": nginx },
    store,
  });
  await inSync(stage);
  const whole = entries;
  expect(whole).toBeGreaterThan(6);
  for (let at = 1; at <= whole; at++) {
    entries = 0;
    kill.after = at;
    const before = (await stage.store.runs.list()).items.length,
      commit = await stage.repo.commit({ "manifests/site.yaml": site(String(at)) });
    await until(() => kill.after === Number.POSITIVE_INFINITY);
    await stage.restart();
    await until(() => stage?.controller.status().commit === commit);
    await inSync(stage);
    const runs = (await stage.store.runs.list()).items.slice(0, -before || undefined);
    // A report that was under way at the kill may come late: a plan on it is refused by the host and made anew.
    expect([at, runs[0]?.state, runs.slice(1).filter((run) => run.state !== "partial")]).toEqual([at, "succeeded", []]);
    for (const run of runs) {
      const journal = (await stage.store.runs.events(run.id)).map((event) => `${event.type} ${"step" in event ? event.step : ""}`);
      expect([at, [...count(journal).values()].every((times) => times === 1)]).toEqual([at, true]);
      // Again only what went out before the kill and had no answer in the journal.
      const twice = [...count(stage.sent.filter((id) => id.startsWith(run.id))).values()].filter((times) => times > 1);
      expect([at, twice.length <= 1]).toEqual([at, true]);
    }
    expect(stage.controller.instance("File/site@web-01").fact).toMatchObject({ text: `# ${at}\n` });
  }
  expect((await stage.controller.verifyAudit()).ok).toBe(true);
}, 60_000);

test("a controller that starts again takes up the runs that were cut off before it plans anything: what one of them still has to load is loaded once", async () => {
  let stage: Stage | undefined,
    state: "before" | "armed" | "killed" = "before";
  const planned = Promise.withResolvers<void>();
  const store = (real: Store): Store => ({
    ...real,
    plans: {
      ...real.plans,
      save(plan) {
        if (state === "killed") planned.resolve();
        return real.plans.save(plan);
      },
    },
    runs: {
      ...real.runs,
      async append(run, n, events, ended) {
        await real.runs.append(run, n, events, ended);
        if (state !== "armed" || !events.some((event) => event.type === "step-result")) return;
        state = "killed";
        stage?.kill();
      },
      // A store that is slow enough for a plan to be made first, if one were.
      async unfinished() {
        if (state === "killed") await Promise.race([planned.promise, new Promise((resolve) => setTimeout(resolve, 500))]);
        return real.runs.unfinished();
      },
    },
  });
  stage = await stageFor({
    files: { "manifests/policy.yaml": free, "manifests/site.yaml": site("0"), "manifests/nginx.yaml": nginx },
    store,
  });
  await inSync(stage);
  const before = (await stage.store.runs.list()).items.length;
  state = "armed";
  await stage.repo.commit({ "manifests/site.yaml": site("1") });
  await until(() => state === "killed");
  await stage.restart();
  await inSync(stage);
  const runs = (await stage.store.runs.list()).items.slice(0, -before);
  expect(runs.map((run) => run.state)).toEqual(["succeeded"]);
});

test("a full disk while journaling: the run waits, nothing is lost or done twice, and it goes on", async () => {
  let full = false,
    room = Number.POSITIVE_INFINITY,
    refused = 0;
  const store = (real: Store): Store =>
    journalOf(real, (write) => {
      if (!full && room-- > 0) return write();
      refused += 1;
      return Promise.reject(
        new ProblemError(error("store/disk-full", "Unable to write controller.db: the disk is full", { retry: "later" })),
      );
    });
  const stage = await stageFor({ files: { "manifests/site.yaml": site("0"), "manifests/nginx.yaml": nginx }, store });
  const digest = await waitingPlan(stage);
  full = true;
  await expect(stage.controller.approve(digest, ann)).rejects.toThrow("Unable to write controller.db: the disk is full");
  expect(stage.sent).toEqual([]);
  full = false;
  room = 3;
  refused = 0;
  await until(() => refused > 1);
  expect(stage.controller.status().running).toHaveLength(1);
  room = Number.POSITIVE_INFINITY;
  await inSync(stage);
  const [run] = (await stage.controller.runs({})).items;
  const { events } = await stage.controller.runEvents(run!.id);
  expect(run!.state).toBe("succeeded");
  expect(
    [...count(events.map((event) => `${event.type} ${"step" in event ? event.step : ""}`)).values()].every((times) => times === 1),
  ).toBe(true);
}, 60_000);

test("what was seen in sync while the disk was full is noted once there is room", async () => {
  let full = true;
  const store = (real: Store): Store => ({
    ...real,
    desired: {
      ...real.desired,
      setSynced: (list) =>
        full ? Promise.reject(new ProblemError(error("store/disk-full", "the disk is full"))) : real.desired.setSynced(list),
    },
  });
  const stage = await stageFor({ files: { "manifests/nginx.yaml": nginx }, store });
  await inSync(stage);
  expect(await stage.store.desired.synced()).toEqual([]);
  full = false;
  await until(async () => (await stage.store.desired.synced()).length === 1);
});
