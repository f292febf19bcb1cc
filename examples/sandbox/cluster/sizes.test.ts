import { expect, test } from "vitest";
import { createPretendCluster } from "./pretend-cluster.ts";
import { bearing, rig } from "./rig.fixture.ts";

const shape = async (seed: number): Promise<unknown> => {
  const cluster = await createPretendCluster({ seed });
  const found = [...cluster.state.guests.values()].map(({ id, kind, node, config, running }) => [id, kind, node, config, running]);
  await cluster.close();
  return [found, cluster.credentials];
};

test("everything follows from the seed", async () => {
  const [first, again, other] = await Promise.all([shape(3), shape(3), shape(4)]);
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
});

test("fifty nodes and two thousand guests answer like a small cluster", async () => {
  const on = await rig({ nodes: 50, guests: 2000, speed: 1 });
  const lines = (await on.get("/cluster/resources")) as { type: string }[];
  expect(lines.filter(({ type }) => type === "node")).toHaveLength(50);
  expect(lines.filter(({ type }) => type === "qemu" || type === "lxc")).toHaveLength(2000);
  expect(((await on.get("/nodes/pve50/lxc")) as unknown[]).length).toBeGreaterThan(10);
  await on.close();
});

test("version 9 has rules where 8 has groups, and other privileges for the guest agent", async () => {
  const on = await rig({ version: 9 });
  expect(await on.get("/version")).toMatchObject({ release: "9.2" });
  expect((await on.ask("GET", "/cluster/ha/groups")).status).toBe(501);
  expect(await on.get("/cluster/ha/rules")).toEqual([expect.objectContaining({ rule: "prefer-first", type: "node-affinity" })]);
  const roles = (await on.get("/access/roles")) as { roleid: string; privs: string }[];
  const admin = roles.find(({ roleid }) => roleid === "PVEVMAdmin")!.privs.split(",");
  expect(admin).toContain("VM.GuestAgent.Unrestricted");
  expect(admin).not.toContain("VM.Monitor");
  const guest = [...on.cluster.state.guests.values()].find(({ kind, running }) => kind === "qemu" && running)!;
  expect(
    (
      await on.ask(
        "POST",
        `/nodes/${guest.node}/qemu/${guest.id}/agent/exec`,
        { command: "id" },
        { headers: bearing(on.cluster.credentials.audit) },
      )
    ).statusText,
  ).toBe(`Permission check failed (/vms/${guest.id}, VM.GuestAgent.Unrestricted)`);
  await on.close();
});
