import { afterEach, describe, expect, test } from "vitest";
import { clusterName, stand, type StandOptions, until } from "./bench/stand.ts";

type Stand = Awaited<ReturnType<typeof stand>>;
let standing: Stand | undefined;
afterEach(async () => {
  await standing?.close();
  standing = undefined;
});
const begin = async (options?: StandOptions): Promise<Stand> => (standing = await stand(options));
const admin = { name: "test", role: "admin" } as const;

const container = (
  name: string,
  more = "",
  template = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst",
): string => `apiVersion: backend-ai/v1
kind: Container
metadata: { name: ${name} }
spec:
  cluster: ${clusterName}
  source: { template: "${template}" }
  rootDisk: { storage: local-lvm, size: 4GiB }
${more
  .split("\n")
  .map((line) => `  ${line}`)
  .join("\n")}
`;
const named = ({ cluster }: Stand, name: string) => [...cluster.state.guests.values()].filter((guest) => guest.config["hostname"] === name);
const blockedOf = async (one: Stand, manifest: string): Promise<{ reason: string; hint?: string }> => {
  await one.commit({ "manifests/a.yaml": manifest });
  const { blocked } = await until(
    async () => {
      const plan = await one.controller.plan({});
      return plan.blocked.length > 0 ? plan : undefined;
    },
    () => one.controller.status(),
  );
  return { reason: blocked[0]!.reason, ...(blocked[0]!.hint === undefined ? {} : { hint: blocked[0]!.hint }) };
};

describe("what cannot be is said before anything is done", () => {
  test("a node, a storage and a bridge that the cluster does not have, with the nearest name", async () => {
    const one = await begin();
    expect(await blockedOf(one, container("a", "node: pve11"))).toMatchObject({
      reason: expect.stringContaining("has no node pve11") as string,
    });
    expect(await blockedOf(one, container("a", "mounts: { mp0: { storage: local-lwm, size: 1GiB, path: /srv } }"))).toEqual({
      reason: expect.stringContaining("has no storage local-lwm") as string,
      hint: "Did you mean local-lvm?",
    });
    expect(await blockedOf(one, container("a", "networks: { net0: { name: eth0, bridge: vmbr9 } }"))).toMatchObject({
      reason: expect.stringContaining("has no bridge vmbr9") as string,
    });
    expect(named(one, "a")).toEqual([]);
  }, 40_000);

  test("a template that is missing, a number that others have, a placement that no node fits", async () => {
    const one = await begin();
    expect((await blockedOf(one, container("a", "", "local:vztmpl/none_1_amd64.tar.zst"))).reason).toBe(
      "local:vztmpl/none_1_amd64.tar.zst does not exist",
    );
    const vm = [...one.cluster.state.guests.values()].find((guest) => guest.kind === "qemu")!;
    expect((await blockedOf(one, container("a", `id: ${vm.id}`))).reason).toContain(`number ${vm.id} belongs to VM`);
    expect((await blockedOf(one, container("a", "placement: { anyOf: [pve1] }\ncores: 512"))).reason).toContain("none has 512 CPUs");
    expect(named(one, "a")).toEqual([]);
  }, 40_000);

  test("a cluster without quorum takes no changes, and what it lists as missing is not missing", async () => {
    const one = await begin({ pace: { quorumWait: 100 } });
    one.cluster.faults.loseQuorum();
    await one.commit({ "manifests/a.yaml": container("a") });
    const plan = await until(
      async () => {
        const made = await one.controller.plan({});
        return made.unknown.some(({ reason }) => reason.includes("quorum")) ? made : undefined;
      },
      () => one.controller.status(),
    );
    expect(plan.changes).toEqual([]);
    one.cluster.faults.regainQuorum();
    await one.converge();
    expect(named(one, "a").length).toBe(1);
  }, 60_000);
});

describe("what goes wrong on the way", () => {
  test("a token without the right: the change fails and names it, and nothing half-made stays", async () => {
    const one = await begin({ as: "audit" });
    await one.commit({ "manifests/a.yaml": container("a") });
    const { digest } = await one.plan();
    const { run } = await one.controller.approve(digest, admin);
    await until(async () => (await one.controller.run(run!)).state !== "running");
    const step = (await one.controller.run(run!)).changes[0]!.steps[0]!;
    expect(step.problem).toMatchObject({ code: "pve/right", summary: expect.stringContaining("Permission check failed") as string });
    expect(named(one, "a")).toEqual([]);
  }, 40_000);

  test("a storage that fills up while a disk is copied: told as the node said it, and the guest is not there half", async () => {
    const one = await begin();
    const empty = one.cluster.faults.fillStorage("local-lvm", 100 * 1024 ** 2);
    const clone = container("a")
      .replace("kind: Container", "kind: VirtualMachine")
      .replace(/ {2}source[^]*4GiB }\n/, "  source: { clone: 9000, full: true, storage: local-lvm }\n");
    await one.commit({ "manifests/a.yaml": clone });
    const { digest } = await one.plan();
    const { run } = await one.controller.approve(digest, admin);
    await until(async () => (await one.controller.run(run!)).state !== "running");
    expect((await one.controller.run(run!)).changes[0]!.steps[0]!.problem?.code).toBe("pve/task-failed");
    expect([...one.cluster.state.guests.values()].filter((guest) => guest.config["name"] === "a")).toEqual([]);
    empty();
  }, 40_000);

  test.each([595, 596, 599] as const)(
    "the proxy answers the creation with %i although it was done: its task is found, nothing is made twice",
    async (code) => {
      const one = await begin();
      one.cluster.faults.requests.make({ method: "POST", path: /\/lxc$/, times: 1 }, { cut: "after" });
      await one.commit({ "manifests/a.yaml": container("a", "power: running") });
      await one.converge(40_000);
      expect([code, named(one, "a").length]).toEqual([code, 1]);
    },
    60_000,
  );

  test("somebody takes the number in the same moment: another one is taken, and the other's guest is left alone", async () => {
    const one = await begin();
    const taken = Array.from({ length: 200 }, (_, at) => 100 + at).find((id) => !one.cluster.state.guests.has(id));
    one.cluster.faults.requests.make(
      { method: "POST", path: /\/lxc$/, times: 1 },
      { refuse: Object.assign(new Error(`CT ${taken} already exists on node 'pve1'`), { status: 500 }) },
    );
    await one.commit({ "manifests/a.yaml": container("a") });
    await one.converge(40_000);
    expect(named(one, "a").length).toBe(1);
  }, 60_000);

  test("workers that are busy and locks that are held are waited for", async () => {
    const one = await begin();
    const free = one.cluster.faults.noWorkers(2);
    await one.commit({ "manifests/a.yaml": container("a", "power: running") });
    await one.converge(40_000);
    free();
    expect(named(one, "a").length).toBe(1);
  }, 60_000);
});

describe("under HA", () => {
  test("a guest is started and moved through HA, and where HA moved it is no difference", async () => {
    const one = await begin();
    await one.commit({ "manifests/a.yaml": container("a", "power: running\nnode: pve1") });
    await one.converge();
    await one.commit({ "manifests/a.yaml": container("a", "power: running\nha: { state: started }") });
    await one.converge(40_000);
    const [made] = named(one, "a");
    expect([...one.cluster.state.ha.resources.keys()]).toContain(`ct:${made!.id}`);
    await one.commit({ "manifests/a.yaml": container("a", "power: running\nha: { state: started }\nplacement: { anyOf: [pve1] }") });
    Object.assign(made!, { node: "pve2" });
    one.cluster.state.changed(made!);
    await until(() => (one.controller.instance(`Container/a@${clusterName}`).fact as { node?: string } | undefined)?.node === "pve2");
    expect((await one.plan()).changes).toEqual([]);
  }, 90_000);
});

test("snapshots are made and removed, and a guest is rolled back once", async () => {
  const one = await begin();
  await one.commit({ "manifests/a.yaml": container("a", "memory: 512MiB\nsnapshots: { before: { description: as it was } }") });
  await one.converge();
  const [made] = named(one, "a");
  expect([...made!.snapshots.keys()]).toEqual(["before"]);
  await one.commit({
    "manifests/a.yaml": container(
      "a",
      "snapshots: { before: { description: as it was } }\nrollback: { to: before, at: 2026-01-01T00:00:00Z }",
    ),
  });
  const plan = await one.plan();
  expect(plan.changes.map(({ consequence, risk }) => [consequence, risk])).toEqual([["data-loss", "critical"]]);
  await one.converge();
  expect((await one.plan()).changes).toEqual([]);
  await one.commit({ "manifests/a.yaml": container("a", "snapshots: { before: null }") });
  await one.converge();
  expect([...made!.snapshots.keys()]).toEqual([]);
}, 60_000);

describe("the agent is killed in the middle", () => {
  test.each([1, 2, 3, 4])(
    "of a move: it happens once (%i)",
    async (at) => {
      const one = await begin();
      await one.commit({ "manifests/a.yaml": container("a", "node: pve1\npower: running") });
      await one.converge();
      await one.commit({ "manifests/a.yaml": container("a", "node: pve2\npower: running") });
      const { digest } = await one.plan();
      await one.controller.approve(digest, admin);
      await new Promise((done) => setTimeout(done, at * 20));
      await one.crash();
      await one.start();
      await one.converge(40_000);
      expect(named(one, "a").map(({ node }) => node)).toEqual(["pve2"]);
      expect([...one.cluster.state.tasks.all.keys()].filter((upid) => upid.includes(":vzmigrate:")).length).toBe(1);
    },
    60_000,
  );
});
