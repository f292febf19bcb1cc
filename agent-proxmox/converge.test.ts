import { afterEach, describe, expect, test } from "vitest";
import { clusterName, stand, type StandOptions, until } from "./bench/stand.ts";

type Stand = Awaited<ReturnType<typeof stand>>;
let standing: Stand | undefined;
afterEach(async () => {
  await standing?.close();
  standing = undefined;
});
const begin = async (options?: StandOptions): Promise<Stand> => (standing = await stand(options));

const template = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst";
const resource = (kind: string, name: string, spec: string): string =>
  `---\napiVersion: backend-ai/v1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec:\n${`cluster: ${clusterName}\n${spec}`
    .trim()
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n")}\n`;
const container = (name: string, more = ""): string =>
  resource(
    "Container",
    name,
    `source: { template: "${template}" }
cores: 1
unprivileged: true
rootDisk: { storage: local-lvm, size: 4GiB }
networks: { net0: { name: eth0, bridge: vmbr0, ip: dhcp } }
${more}`,
  );

const guestsNamed = ({ cluster }: Stand, name: string) =>
  [...cluster.state.guests.values()].filter((guest) => (guest.config["hostname"] ?? guest.config["name"]) === name);
const actions = (plan: Awaited<ReturnType<Stand["plan"]>>): string[] =>
  plan.changes.flatMap(({ steps }) => steps.map(({ action }) => action));

describe("a container", () => {
  test("is made from its manifest with our marker, runs, is changed at run time and by a restart, moves, and goes", async () => {
    const one = await begin();
    await one.commit({ "manifests/shop.yaml": container("shop-1", "memory: 512MiB\ntags: [web, Production]\npower: running") });
    const plan = await one.plan();
    expect(plan.changes.map(({ id, act, consequence }) => [id, act, consequence])).toEqual([
      [`Container/shop-1@${clusterName}`, "create", "none"],
    ]);
    expect(actions(plan)).toEqual(["guest.create", "guest.power"]);
    await one.converge();
    const [made] = guestsNamed(one, "shop-1");
    expect(made!.config).toMatchObject({ memory: 512, cores: 1, tags: "production;web" });
    expect(String(made!.config["description"])).toContain("backend-ai: Container/shop-1");
    expect(made!.running).toBe(true);
    expect((await one.plan()).changes).toEqual([]);
    await until(
      () => one.controller.status().pendingPlan === null,
      () => one.controller.status(),
    );

    const mac = /hwaddr=([0-9A-F:]+)/.exec(String(made!.config["net0"]))![1];
    await one.commit({
      "manifests/shop.yaml": container("shop-1", "memory: 1GiB\ntags: [web]\npower: running\nfeatures: { nesting: true }").replace(
        "bridge: vmbr0",
        "bridge: vmbr0, vlan: 5",
      ),
    });
    const change = await one.plan();
    expect(change.changes.map(({ consequence }) => consequence)).toEqual(["reboot"]);
    expect(actions(change)).toEqual(["guest.set", "guest.restart"]);
    await one.converge();
    expect(made!.config).toMatchObject({ memory: 1024, features: "nesting=1", tags: "web" });
    expect(String(made!.config["net0"])).toContain(`hwaddr=${mac}`);
    expect(String(made!.config["net0"])).toContain("tag=5");

    const node = made!.node === "pve1" ? "pve2" : "pve1";
    await one.commit({ "manifests/shop.yaml": container("shop-1", `power: running\nnode: ${node}`) });
    expect(actions(await one.plan())).toEqual(["guest.migrate"]);
    await one.converge();
    expect([made!.node, guestsNamed(one, "shop-1").length]).toEqual([node, 1]);

    await one.commit({ "manifests/shop.yaml": container("shop-1", "state: absent") });
    expect((await one.plan()).changes.map(({ act, consequence, risk }) => [act, consequence, risk])).toEqual([
      ["delete", "data-loss", "critical"],
    ]);
    await one.converge();
    expect(guestsNamed(one, "shop-1")).toEqual([]);
  }, 60_000);

  test("fifty at once, with three workers a node, all come about, each once, spread over the nodes", async () => {
    const one = await begin({ speed: 200 });
    const names = Array.from({ length: 50 }, (_, at) => `many-${at + 1}`);
    await one.commit({ "manifests/many.yaml": names.map((name) => container(name, "memory: 4GiB")).join("") });
    const plan = await one.plan();
    const nodes = new Set(plan.changes.map(({ steps }) => (steps[0]!.input as { node: string }).node));
    expect([plan.changes.length, nodes.size > 1]).toEqual([50, true]);
    await one.converge(60_000);
    expect(names.map((name) => guestsNamed(one, name).length)).toEqual(names.map(() => 1));
  }, 90_000);

  test("that somebody else made is adopted, its other fields left alone, and not removed unless its number is named", async () => {
    const one = await begin();
    const before =
      guestsNamed(one, "web-1")[0] ?? [...one.cluster.state.guests.values()].find((guest) => guest.kind === "lxc" && guest.running)!;
    const name = String(before.config["hostname"]),
      net0 = before.config["net0"];
    await one.commit({ "manifests/web.yaml": resource("Container", name, "onBoot: true") });
    await one.converge();
    expect([before.config["onboot"], before.config["net0"]]).toEqual([1, net0]);
    await one.commit({ "manifests/web.yaml": resource("Container", name, "state: absent") });
    expect((await one.plan()).blocked.map(({ reason, hint }) => [reason, hint])).toEqual([
      [`guest ${before.id} was not made by Backend AI`, `To remove it all the same, name it: add id: ${before.id} beside state: absent.`],
    ]);
    expect(one.cluster.state.guests.has(before.id)).toBe(true);
  }, 30_000);
});

describe("a virtual machine", () => {
  test("is cloned from a template, grown, given cloud-init, an address and a second disk, and started", async () => {
    const one = await begin();
    const vm = (disks: string, more: string): string =>
      resource(
        "VirtualMachine",
        "app-1",
        `source: { clone: 9000, full: true, storage: local-lvm }\nmemory: 1GiB\ndisks: { ${disks} }\n${more}`,
      );
    await one.commit({
      "manifests/app.yaml": vm(
        "scsi0: { size: 10GiB }",
        'networks: { net0: { bridge: vmbr0, vlan: 7 } }\ncloudInit: { user: ops, sshKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZvb2Jhcg admin@example"], addresses: { net0: { ip: 10.77.0.50/24, gateway: 10.77.0.1 } } }\npower: running',
      ),
    });
    await one.converge(40_000);
    const [made] = guestsNamed(one, "app-1");
    expect(made!.config).toMatchObject({ memory: "1024", ciuser: "ops", ipconfig0: "ip=10.77.0.50/24,gw=10.77.0.1" });
    expect(String(made!.config["scsi0"])).toMatch(/^local-lvm:.*size=10G/);
    expect(String(made!.config["net0"])).toContain("tag=7");
    expect(String(made!.config["description"])).toContain("backend-ai: VirtualMachine/app-1");

    await one.commit({ "manifests/app.yaml": vm("scsi0: { size: 10GiB }, scsi1: { storage: local-lvm, size: 2GiB }", "power: running") });
    await one.converge();
    // It touches nothing that runs, so it runs without a yes; and it is plugged in without a restart.
    expect(String(made!.config["scsi1"])).toContain("size=2G");
    expect([...one.cluster.state.tasks.all.keys()].filter((upid) => /:qm(reboot|stop|shutdown):/.test(upid))).toEqual([]);
    await one.commit({ "manifests/app.yaml": vm("scsi0: { size: 8GiB }", "power: running") });
    expect((await one.plan()).blocked[0]!.reason).toContain("cannot shrink from 10GiB to 8GiB");
    await one.commit({ "manifests/app.yaml": vm("scsi0: { size: 10GiB }, scsi1: null", "power: running") });
    await one.converge();
    expect(made!.config["scsi1"]).toBeUndefined();
    expect(String(made!.config["unused0"])).toContain("local-lvm:");
  }, 90_000);
});

describe("what others do", () => {
  test("a guest that somebody stopped is told with who did it, and started again once that is approved", async () => {
    const one = await begin();
    await one.commit({ "manifests/shop.yaml": container("shop-1", "power: running") });
    await one.converge();
    const [made] = guestsNamed(one, "shop-1");
    one.cluster.faults.stopBy(made!.id, "alice@pam");
    const drift = await until(async () => (await one.controller.drift({ open: true })).items[0]);
    expect([drift.differences, drift.by]).toEqual([
      [{ path: "power", want: "running", have: "stopped" }],
      { who: "alice@pam", how: "vzstop" },
    ]);
    await one.converge();
    expect(made!.running).toBe(true);
  }, 40_000);

  test("a node that is off makes its guests unknown, never missing: nothing is planned on them", async () => {
    const one = await begin({ pace: { offline: 500 } });
    await one.commit({ "manifests/shop.yaml": container("shop-1", "power: running\nnode: pve3") });
    await one.converge();
    one.cluster.faults.nodeDown("pve3");
    await until(
      () => one.controller.status().instances.unknown === 1,
      () => one.controller.status(),
    );
    const plan = await one.controller.plan({});
    expect([plan.changes, plan.unknown.map(({ id }) => id)]).toEqual([[], [`Container/shop-1@${clusterName}`]]);
    one.cluster.faults.nodeUp("pve3");
    await until(
      () => one.controller.status().instances.unknown === 0,
      () => one.controller.status(),
    );
    expect(guestsNamed(one, "shop-1").length).toBe(1);
  }, 60_000);

  test("a lock is waited for: it is neither drift nor a reason to act", async () => {
    const one = await begin();
    await one.commit({ "manifests/shop.yaml": container("shop-1", "memory: 512MiB") });
    await one.converge();
    const [made] = guestsNamed(one, "shop-1");
    one.cluster.faults.lockGuest(made!.id, "backup");
    await one.commit({ "manifests/shop.yaml": container("shop-1", "memory: 1GiB") });
    // A change that began just before waits in its step, one that did not waits in the plan.
    await until(async () => {
      const { unknown, blocked } = await one.controller.plan({});
      return (
        one.controller.status().running.length > 0 || [...unknown, ...blocked].some(({ reason }) => reason.includes("is locked (backup)"))
      );
    });
    expect(made!.config["memory"]).toBe(512);
    one.cluster.faults.unlockGuest(made!.id);
    await one.converge();
    expect(made!.config["memory"]).toBe(1024);
  }, 60_000);
});

describe("the agent is killed in the middle", () => {
  test.each([1, 2, 3, 4, 5, 6])(
    "of making a container: it is there once (%i)",
    async (at) => {
      const one = await begin();
      await one.commit({ "manifests/shop.yaml": container("shop-1", "power: running") });
      const { digest } = await one.plan();
      await one.controller.approve(digest, { name: "test", role: "admin" });
      await new Promise((done) => setTimeout(done, at * 25));
      await one.crash();
      await one.start();
      await one.converge(40_000);
      const made = guestsNamed(one, "shop-1");
      expect([made.length, made[0]!.running !== undefined && made[0]!.running !== false]).toEqual([1, true]);
      const creations = [...one.cluster.state.tasks.all.values()].filter((task) => JSON.stringify(task).includes("vzcreate"));
      expect(creations.length).toBe(1);
    },
    60_000,
  );
});

test("an agent that was not let to speaks for no cluster: nothing is declared on it", async () => {
  const one = await begin({ tags: [] });
  await one.commit({ "manifests/shop.yaml": container("shop-1") });
  await until(
    () => one.controller.status().problems.length > 0,
    () => one.controller.status(),
  );
  expect(one.controller.status().problems.map(({ summary }) => summary)).toEqual([
    `Container/shop-1: there is no agent of cluster ${clusterName}`,
  ]);
});

test("guests that exist become manifests, and the next plan is empty", async () => {
  const one = await begin();
  const { edits, problems } = (await until(async () => {
    const view = await one.controller.importFrom({ on: `name=${clusterName}`, services: [], files: [], packages: [], guests: ["*"] });
    return view.edits.length > 30 ? view : undefined;
  })) as Awaited<ReturnType<Stand["controller"]["importFrom"]>>;
  expect(problems).toEqual([]);
  await one.commit(Object.fromEntries(edits.map(({ path, text }) => [path, text ?? ""])));
  const plan = await one.plan();
  expect(plan.changes.map(({ id, differences }) => [id, differences])).toEqual([]);
  expect(plan.blocked).toEqual([]);
}, 60_000);
