import { afterAll, beforeAll, expect, test } from "vitest";
import type { Plan } from "../../schemas/plan.ts";
import { everythingRuns, manifest, resource } from "./resources.ts";
import { type Stage, startStage, until } from "./stage.ts";

let stage: Stage;
const h1 = (): Stage["hosts"][number] => stage.hosts[0]!;

beforeAll(async () => {
  stage = await startStage({ hosts: 1 });
});
afterAll(() => stage?.close());

test("a package that does not start its unit: the first install converges in one go, and the unit is checked once it is started", async () => {
  await h1().exec(
    "sh",
    "-c",
    "DEBIAN_FRONTEND=noninteractive apt-get purge -qy nginx nginx-common && rm -rf /etc/nginx && printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d",
  );
  await stage.commit({
    "manifests/web.yaml": manifest(
      resource("Package", "nginx", { on: "*" }),
      resource("File", "site", {
        on: "*",
        path: "/etc/nginx/conf.d/shop.conf",
        content: 'server {\n  listen 8080;\n  location / { return 200 "shop"; }\n}\n',
        validator: "nginx",
        needs: ["Package/nginx"],
        reloads: ["Service/nginx"],
      }),
      resource("Service", "nginx", {
        on: "*",
        state: "running",
        enabled: true,
        needs: ["Package/nginx", "File/site"],
        health: { http: "http://localhost:8080/", contains: "shop", within: "5s" },
      }),
    ),
  });
  const digest = await stage.pending(),
    { plan } = await stage.api<{ plan: Plan }>("GET", `/api/v1/plans/${digest}`);
  expect([plan.changes, plan.later].map((list) => list.map(({ id, act }) => `${act} ${id}`))).toEqual([
    ["create Package/nginx@h1", "create File/site@h1", "reload Service/nginx@h1"],
    ["start Service/nginx@h1"],
  ]);
  const { run } = await stage.approve(digest);
  const first = await stage.untilEnded(run!);
  expect([first.state, first.changes.at(-1)?.health]).toEqual(["succeeded", "it does not run yet: its start follows, and is checked then"]);
  await stage.untilInSync();
  const [second] = await stage.runs(),
    started = await stage.run(second!.id);
  expect([started.by, started.state, started.changes[0]?.health]).toEqual([
    "earlier approval",
    "succeeded",
    "http://localhost:8080/ answers as expected",
  ]);
  expect((await h1().exec("systemctl", "is-active", "nginx")).stdout).toBe("active\n");
  expect((await h1().exec("curl", "-s", "http://localhost:8080/")).stdout).toBe("shop");
  await h1().exec("rm", "/usr/sbin/policy-rc.d");
});

test("an owner by number converges where the host has a name for it", async () => {
  await h1().exec("sh", "-c", "groupadd -g 4321 shop && useradd -u 4321 -g 4321 shop");
  await stage.commit({
    "manifests/policy.yaml": everythingRuns,
    "manifests/owned.yaml": resource("File", "owned", { on: "*", path: "/srv/owned", content: "x", owner: 4321, group: "4321" }),
  });
  await stage.untilInSync();
  expect((await h1().exec("stat", "-c", "%u:%g %U:%G", "/srv/owned")).stdout).toBe("4321:4321 shop:shop\n");
  const runs = await stage.runs();
  await h1().exec("chown", "root:root", "/srv/owned");
  const plan = await until("the drift", async () => {
    const now = await stage.plan();
    return now.changes.length > 0 ? now : undefined;
  });
  expect(plan.changes[0]?.differences).toEqual([
    { path: "owner", want: "4321", have: "root" },
    { path: "group", want: "4321", have: "root" },
  ]);
  await h1().exec("chown", "shop:shop", "/srv/owned");
  await stage.untilInSync();
  expect(await stage.plan()).toMatchObject({ changes: [] });
  expect(await stage.runs()).toEqual(runs);
});

test("drop-ins that were written, and the restart did not happen: the restart stays due until it does", async () => {
  const unit = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n",
    dropIn = "[Unit]\nRefuseManualStop=yes\n[Service]\nEnvironment=ROUND=1\n";
  await h1().exec("sh", "-c", "cat >/etc/systemd/system/late.service && systemctl daemon-reload && systemctl start late", { input: unit });
  const environment = async (): Promise<string> =>
    (await h1().exec("sh", "-c", "tr '\\0' '\\n' </proc/$(systemctl show -p MainPID --value late)/environ | grep ^ROUND || :")).stdout;
  // systemd refuses to restart the unit with that, and it goes on as it was.
  await stage.commit({ "manifests/late.yaml": resource("Service", "late", { on: "*", state: "running", dropIns: { round: dropIn } }) });
  const { id } = await until("the run", async () => (await stage.runs()).find(({ state }) => state === "failed"));
  expect((await stage.run(id)).changes[0]?.steps.map(({ action, state }) => `${action} ${state}`)).toEqual([
    "service.set done",
    "service.restart failed",
  ]);
  expect(await environment()).toBe("");
  expect((await stage.instance("Service/late@h1")).differences).toEqual([
    { path: "dropIns", want: "in effect", have: "changed since the unit started", note: "round" },
  ]);
  await h1().exec(
    "sh",
    "-c",
    "printf '[Unit]\\nRefuseManualStop=no\\n' >/etc/systemd/system/late.service.d/zz.conf && systemctl daemon-reload && systemctl kill --signal=KILL ai-agent",
  );
  await stage.untilInSync(undefined, 90_000);
  expect(await environment()).toBe("ROUND=1\n");
});
