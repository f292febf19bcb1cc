import { afterEach, expect, test } from "vitest";
import { until } from "../controller/loop/testing.ts";
import { clusterName, stand } from "./bench/stand.ts";

type Stand = Awaited<ReturnType<typeof stand>>;
let standing: Stand | undefined;
afterEach(async () => {
  await standing?.close();
  standing = undefined;
});

const manifest = (kind: string, name: string, spec: object): string =>
  JSON.stringify({ apiVersion: "backend-ai/v1", kind, metadata: { name }, spec: { cluster: clusterName, ...spec } });
const actions = (plan: Awaited<ReturnType<Stand["plan"]>>): string[] =>
  plan.changes.flatMap(({ steps }) => steps.map(({ action }) => action));
const named = ({ cluster }: Stand, name: string) =>
  [...cluster.state.guests.values()].find((guest) => (guest.config["hostname"] ?? guest.config["name"]) === name)!;

test("a part that is null goes, the others stay, and a running container's volume is moved while it is stopped", async () => {
  const one = (standing = await stand());
  const shop = (vlan: number | null, storage: string): object => ({
    source: { template: "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst" },
    power: "running",
    rootDisk: { storage, size: "4GiB" },
    networks: { net0: { bridge: "vmbr0", ip: "dhcp", vlan } },
  });
  await one.commit({ "manifests/shop.yaml": manifest("Container", "shop-9", shop(7, "local-lvm")) });
  await one.converge();
  const made = named(one, "shop-9"),
    before = String(made.config["net0"]);
  expect(before).toMatch(/name=eth0.*tag=7/);

  await one.commit({ "manifests/shop.yaml": manifest("Container", "shop-9", shop(null, "shared")) });
  const plan = await one.plan();
  expect([actions(plan), plan.changes[0]?.consequence]).toEqual([["guest.power", "guest.set", "guest.move-disk", "guest.power"], "reboot"]);
  await one.converge();
  const parts = (text: string): string[] => text.split(",").sort();
  expect(parts(String(made.config["net0"]))).toEqual(parts(before).filter((part) => part !== "tag=7"));
  expect([String(made.config["rootfs"]), made.running !== undefined]).toEqual([expect.stringMatching(/^shared:/), true]);
}, 60_000);

test("a clone is planned from what its origin brings: nothing that it has already, and no smaller disk", async () => {
  const one = (standing = await stand());
  const vm = (size: string): string =>
    manifest("VirtualMachine", "app-9", {
      source: { clone: 9000 },
      memory: "3GiB",
      networks: { net0: { bridge: "vmbr0", model: "virtio" } },
      disks: { scsi0: { size } },
    });
  await one.commit({ "manifests/app.yaml": vm("1GiB") });
  expect((await one.plan()).blocked[0]?.reason).toMatch(/^disks.scsi0: a disk cannot shrink from/);
  await one.commit({ "manifests/app.yaml": vm("12GiB") });
  const plan = await one.plan();
  expect(actions(plan)).toEqual(["guest.clone", "guest.set", "guest.resize"]);
  expect(Object.keys((plan.changes[0]!.steps[1]!.input as { set: object; merge?: object }).set)).toEqual(["memory"]);
  await one.converge();
  expect(String(named(one, "app-9").config["scsi0"])).toContain("size=12G");
  await one.commit({ "manifests/app.yaml": manifest("VirtualMachine", "app-8", { source: { clone: 8999 } }) });
  expect((await one.plan()).blocked.map(({ reason }) => reason)).toContain("guest 8999, which is to be cloned, does not exist");
}, 60_000);

test("a VM that somebody paused goes on where its manifest says that it runs", async () => {
  const one = (standing = await stand());
  const spec = { node: "pve1", memory: "512MiB", disks: { scsi0: { storage: "local-lvm", size: "1GiB" } }, power: "running" };
  await one.commit({ "manifests/app.yaml": manifest("VirtualMachine", "app-7", spec) });
  await one.converge();
  const made = named(one, "app-7");
  made.paused = true;
  one.cluster.state.changed(made);
  await until(async () => (await one.plan()).changes.length > 0);
  expect(actions(await one.plan())).toEqual(["guest.power"]);
  await one.converge();
  expect(made.paused).toBe(false);
}, 60_000);
