import { describe, expect, test } from "vitest";
import { fileLocks } from "./locks.ts";
import { checked, flag, integer, must, properties, text } from "./parameters.ts";
import { joinProperties, propertyFault, splitProperties } from "./property-strings.ts";
import { pruneMarks } from "./prune.ts";
import type { Volume } from "./state.ts";
import { tasks } from "./tasks.ts";
import { manualTime, settled } from "./time.ts";

describe("property strings", () => {
  test("come out in Proxmox VE's order: what needs no name, what is required, the rest by name", () => {
    const mount = splitProperties("lxc-mount", "size=1G,backup=1,mp=/srv,volume=btr:101/vm-101-disk-1.raw");
    expect(joinProperties("lxc-mount", mount)).toBe("btr:101/vm-101-disk-1.raw,mp=/srv,backup=1,size=1G");
    const card = splitProperties("vm-net", "virtio=BC:24:11:00:13:E6,firewall=0,bridge=vmbr0");
    expect(card).toEqual({ model: "virtio", macaddr: "BC:24:11:00:13:E6", firewall: "0", bridge: "vmbr0" });
    expect(joinProperties("vm-net", card)).toBe("virtio=BC:24:11:00:13:E6,bridge=vmbr0,firewall=0");
  });

  test("tell what is wrong with each of their parts", () => {
    expect(propertyFault("lxc-net", "net0", "bridge=vmbr0,nosuch=1,ip=10.0.0.300/24")).toBe(
      "invalid format - format error\nnet0.nosuch: property is not defined in schema and the schema does not allow additional properties\nnet0.ip: invalid format - value does not look like a valid ipv4 network configuration\n\nnet0.name: property is missing and it is not optional\n",
    );
    expect(propertyFault("lxc-net", "net0", "name=eth0,bridge=vmbr0,ip=dhcp")).toBeUndefined();
  });
});

test("parameters get their types, rows by number too; everything wrong is told at once", () => {
  const parameters = { vmid: must(integer({ minimum: 100 })), start: flag, "net[n]": properties("lxc-net"), note: text({ maxLength: 3 }) };
  expect(checked(parameters, { vmid: "101", start: "1", net12: "name=eth0" }, false)).toEqual({ vmid: 101, start: 1, net12: "name=eth0" });
  expect(() => checked(parameters, { start: "yes", note: "long", odd: 1 }, false)).toThrow(
    expect.objectContaining({
      status: 400,
      errors: {
        vmid: "property is missing and it is not optional",
        start: "type check ('boolean') failed - got 'yes'",
        note: "value may only be 3 characters long",
        odd: "property is not defined in schema and the schema does not allow additional properties",
      },
    }) as Error,
  );
});

test("a file lock goes to who waits longest, and who waited too long is told", async () => {
  const time = manualTime(0),
    locks = fileLocks(time),
    order: string[] = [];
  const free = locks.seize("/lock");
  const first = locks.hold("/lock", 5000, () => void order.push("first"));
  const late = locks.hold("/lock", 1000, () => void order.push("late")).catch((refusal: Error) => order.push(refusal.message));
  const second = locks.hold("/lock", 5000, () => void order.push("second"));
  await time.advance(2000);
  free();
  await Promise.all([first, late, second]);
  expect(order).toEqual(["can't lock file '/lock' - got timeout", "first", "second"]);
});

test("a killed worker lets its file locks go and does nothing more", async () => {
  const time = manualTime(0),
    locks = fileLocks(time),
    all = tasks(time, locks, 0);
  let went = false;
  const of = { node: "pve1", type: "vzstart", id: "101", user: "root@pam" };
  const upid = all.start(of, (worker) =>
    worker.lock("/lock", 1000, async () => {
      await worker.wait(1000);
      went = true;
    }),
  );
  await time.advance(500);
  all.all.get(upid)!.kill();
  await time.advance(5000);
  await settled();
  expect({ went, end: all.all.get(upid)!.exitstatus }).toEqual({ went: false, end: "unexpected status" });
  let had = false;
  await locks.hold("/lock", 10, () => void (had = true));
  expect(had).toBe(true);
});

test("pruning keeps the newest of each period, and what is protected", () => {
  const day = 86_400,
    made = (at: number, kept?: true): Volume => ({
      volid: `b:${at}`,
      storage: "b",
      node: undefined,
      content: "backup",
      format: "tar",
      size: 1,
      used: 1,
      ctime: at,
      protected: kept,
    });
  const base = Date.UTC(2026, 10, 2) / 1000;
  const volumes = [made(base), made(base + 3600), made(base + day), made(base + 2 * day), made(base - 40 * day, true)];
  const kept = (rule: string): string[] =>
    pruneMarks(volumes, rule)
      .filter(({ mark }) => mark === "keep")
      .map(({ volume }) => volume.volid);
  expect(kept("keep-last=1")).toEqual([`b:${base + 2 * day}`]);
  expect(kept("keep-daily=3")).toEqual([base + 2 * day, base + day, base + 3600].map((at) => `b:${at}`));
  expect(kept("keep-last=1,keep-daily=1")).toEqual([base + 2 * day, base + day].map((at) => `b:${at}`));
  expect(pruneMarks(volumes, "keep-last=1").filter(({ mark }) => mark === "protected")).toHaveLength(1);
});
