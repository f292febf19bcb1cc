import { expect, test } from "vitest";
import { encryptSecret, withSecret } from "../repo/secrets.ts";
import type { RunStore } from "../store/runs.ts";
import type { Store } from "../store/store.ts";
import { ann, file, inSync, policy, stageFor, until, waitingPlan } from "./testing.ts";

const password = "hunter2-correct-horse";

test("a secret reaches the host and nothing else: no plan, run, event, alert, audit entry, fact or log line holds it", async () => {
  const stage = await stageFor({ files: { "manifests/other.yaml": file("other", "/srv/other", "state: absent") } });
  await inSync(stage);
  const secrets = withSecret(undefined, "password", await encryptSecret(stage.recipient, password));
  await stage.repo.commit({
    "secrets/db.age.yaml": secrets,
    "manifests/env.yaml": file("env", "/srv/db.env", "content: { secretRef: db/password }"),
  });
  const digest = await waitingPlan(stage);
  await stage.controller.approve(digest, ann);
  await inSync(stage);
  const { fileAt } = await import("../../examples/sandbox/host/files.ts");
  expect(JSON.stringify(fileAt(stage.hosts.get("web-01")!, "/srv/db.env"))).toContain(password);

  await stage.break("web-01", "edit /srv/db.env");
  await until(() => stage.controller.status().drift === 1);
  const { controller, store } = stage,
    runs = (await controller.runs({})).items;
  const told = JSON.stringify([
    await controller.planOf(digest),
    await controller.plan({}),
    await Promise.all(runs.map((run) => controller.runEvents(run.id))),
    await Promise.all(runs.map((run) => controller.run(run.id))),
    await controller.latestEvents(1000),
    await controller.drift({ open: false }),
    await controller.audit({}),
    controller.resources(),
    controller.instance("File/env@web-01"),
    await store.facts.all(),
    stage.logged,
  ]);
  expect(told.length).toBeGreaterThan(2000);
  expect(told).not.toContain(password);
  expect(told).not.toContain(Buffer.from(password).toString("base64"));
});

test.each([
  ["has problems", "kind: [\n"],
  ["contradicts itself", file("twice", "/srv/other", "state: absent")],
])("a secret of a commit that %s reaches no host", async (_, wrong) => {
  const stage = await stageFor({
    files: {
      "manifests/other.yaml": file("other", "/srv/other", "state: absent"),
      "manifests/free.yaml": policy("free", "approval: { from: never }\ndrift: { mode: correct }"),
    },
  });
  const encrypted = async (text: string): Promise<string> => withSecret(undefined, "password", await encryptSecret(stage.recipient, text));
  await inSync(stage);
  await stage.repo.commit({
    "secrets/db.age.yaml": await encrypted(password),
    "manifests/env.yaml": file("env", "/srv/db.env", "content: { secretRef: db/password }"),
  });
  const { fileAt } = await import("../../examples/sandbox/host/files.ts");
  const text = (): string => JSON.stringify(fileAt(stage.hosts.get("web-01")!, "/srv/db.env") ?? null);
  await until(() => text().includes(password));
  await inSync(stage);
  const refused = await stage.repo.commit({ "secrets/db.age.yaml": await encrypted("not-in-force"), "manifests/wrong.yaml": wrong });
  await until(() => stage.controller.status().head === refused && stage.controller.status().problems.length > 0);
  const sent = stage.sent.length;
  await stage.break("web-01", "edit /srv/db.env");
  await until(() => stage.sent.length > sent && stage.controller.status().running.length === 0);
  expect([text().includes("not-in-force"), text().includes(password)]).toEqual([false, true]);
  await until(() => stage.controller.status().drift === 0);
});

/** A store that keeps the result of a step only when it may; `reached` resolves once there is one. */
const heldAfter = (step: string) => {
  const reached = Promise.withResolvers<void>(),
    held = Promise.withResolvers<void>();
  let life = 0;
  const store = (real: Store): Store => {
    const mine = ++life;
    const append: RunStore["append"] = async (run, n, events, ended) => {
      if (events.some((event) => event.type === "step-result" && event.step === step)) {
        reached.resolve();
        await held.promise;
        if (mine !== life) throw new Error("the controller was killed");
      }
      await real.runs.append(run, n, events, ended);
    };
    return { ...real, runs: { ...real.runs, append } };
  };
  return { store, reached: reached.promise, mayGoOn: held.resolve };
};
const twoFiles = {
  "manifests/first.yaml": file("first", "/srv/first", 'content: "first"'),
  "manifests/env.yaml": file("env", "/srv/db.env", "content: { secretRef: db/password }\nneeds: [File/first]"),
  "manifests/free.yaml": policy("free", "approval: { from: never }"),
};

test.each(["goes on", "is taken up by a controller that starts again"])(
  "a run that %s once a commit with other secrets is in force puts none of these in: what it was made for succeeds, and the rest is planned anew",
  async (how) => {
    const { store, reached, mayGoOn } = heldAfter("File/first@web-01#1");
    const stage = await stageFor({ files: { "manifests/other.yaml": file("other", "/srv/other", "state: absent") }, store });
    const secretsOf = async (text: string) => ({
      "secrets/db.age.yaml": withSecret(undefined, "password", await encryptSecret(stage.recipient, text)),
    });
    const { fileAt } = await import("../../examples/sandbox/host/files.ts");
    const text = (): string => JSON.stringify(fileAt(stage.hosts.get("web-01")!, "/srv/db.env") ?? null);
    await inSync(stage);
    await stage.repo.commit({ ...twoFiles, ...(await secretsOf(password)) });
    await reached;
    const next = await stage.repo.commit(await secretsOf("another-one"));
    await until(() => stage.controller.status().commit === next);
    if (how !== "goes on") {
      stage.kill();
      await stage.restart();
      await until(() => stage.controller.status().commit === next);
    }
    mayGoOn();
    await until(() => text().includes("another-one"));
    await inSync(stage);
    const runs = (await stage.controller.runs({})).items.map(({ state }) => state).reverse();
    expect(runs).toEqual([how === "goes on" ? "succeeded" : "partial", "succeeded"]);
    const first = (await stage.controller.runs({})).items.at(-1)!;
    const problems = (await stage.controller.run(first.id)).changes.flatMap(({ steps }) =>
      steps.flatMap(({ problem }) => problem?.code ?? []),
    );
    expect(problems).toEqual(how === "goes on" ? [] : ["secret/outdated"]);
  },
  20_000,
);
