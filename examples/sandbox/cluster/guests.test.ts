import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Rig, rig } from "./rig.fixture.ts";

let on: Rig;
beforeAll(async () => {
  on = await rig({ pace: { boot: 60_000 } });
});
afterAll(() => on.close());

const ct = (id: number, node = "pve1"): string => `/nodes/${node}/lxc/${id}`;
const vm = (id: number, node = "pve1"): string => `/nodes/${node}/qemu/${id}`;
const archive = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst";
const make = (id: number, more: Record<string, string | number> = {}): Promise<string> =>
  on.run("POST", "/nodes/pve1/lxc", { vmid: id, ostemplate: archive, rootfs: "local-lvm:4", hostname: `made-${id}`, ...more });

describe("a container", () => {
  test("is made as asked, with addresses, sizes, tags and defaults the way that Proxmox VE keeps them", async () => {
    const end = await make(500, {
      memory: 256,
      tags: "Web;prod,alpha",
      description: "first",
      net0: "name=eth0,bridge=vmbr0,ip=dhcp",
      unprivileged: 1,
    });
    expect(end).toBe("OK");
    expect(await on.config(ct(500))).toEqual({
      arch: "amd64",
      ostype: "debian",
      hostname: "made-500",
      memory: 256,
      swap: 512,
      unprivileged: 1,
      tags: "alpha;prod;web",
      description: "first\n",
      rootfs: "local-lvm:vm-500-disk-0,size=4G",
      net0: expect.stringMatching(/^name=eth0,bridge=vmbr0,hwaddr=BC:24:11(:[0-9A-F]{2}){3},ip=dhcp,type=veth$/) as string,
      digest: expect.stringMatching(/^[0-9a-f]{40}$/) as string,
    });
    expect([...on.cluster.state.volumes.values()].filter(({ vmid }) => vmid === 500).map(({ volid }) => volid)).toEqual([
      "local-lvm:vm-500-disk-0",
    ]);
  });

  test("that is made shows a lock and nothing else, and a start waits for it", async () => {
    const slow = await rig({ speed: 5 });
    const upid = String((await slow.ask("POST", "/nodes/pve1/lxc", { vmid: 501, ostemplate: archive, rootfs: "local-lvm:1" })).data);
    const half = await slow.config(ct(501));
    expect(half).toEqual({ lock: "create", digest: half["digest"] });
    expect(await slow.run("POST", `${ct(501)}/status/start`)).toBe("OK");
    expect(slow.cluster.state.tasks.all.get(upid)!.exitstatus).toBe("OK");
    expect(await slow.get(`${ct(501)}/status/current`)).toMatchObject({ status: "running", vmid: 501 });
    await slow.close();
  });

  test("that runs takes memory, cards and new mounts at once; other keys wait for its next start", async () => {
    await make(502, { features: "nesting=1", net0: "name=eth0,bridge=vmbr0", start: 1 });
    await expect.poll(() => on.cluster.state.guests.get(502)!.running).toBe(true);
    expect(
      (await on.ask("PUT", `${ct(502)}/config`, { memory: 700, mp0: "local-lvm:2,mp=/srv", features: "nesting=0", nameserver: "10.0.0.1" }))
        .status,
    ).toBe(200);
    expect(await on.get(`${ct(502)}/config?current=1`)).toMatchObject({
      memory: 700,
      features: "nesting=1",
      mp0: "local-lvm:vm-502-disk-1,mp=/srv,size=2G",
    });
    expect(await on.config(ct(502))).toMatchObject({ features: "nesting=0", nameserver: "10.0.0.1" });
    const pending = (await on.get(`${ct(502)}/pending`)) as { key: string; value?: unknown; pending?: unknown }[];
    expect(pending.filter((line) => line.pending !== undefined).sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual([
      { key: "features", value: "nesting=1", pending: "nesting=0" },
      { key: "nameserver", pending: "10.0.0.1" },
    ]);
    expect(await on.run("POST", `${ct(502)}/status/reboot`)).toBe("OK");
    expect(((await on.get(`${ct(502)}/pending`)) as { pending?: unknown }[]).some((line) => line.pending !== undefined)).toBe(false);
  });

  test("is not changed over somebody else's change, and refuses what contradicts itself", async () => {
    await make(503);
    const { digest } = (await on.config(ct(503))) as { digest: string };
    expect((await on.ask("PUT", `${ct(503)}/config`, { cores: 2, digest })).status).toBe(200);
    expect((await on.ask("PUT", `${ct(503)}/config`, { cores: 3, digest })).statusText).toContain("detected modified configuration");
    expect((await on.ask("PUT", `${ct(503)}/config`, { delete: "cores", cores: 3 })).errors).toHaveProperty("delete");
    expect((await on.config(ct(503)))["cores"]).toBe(2);
  });

  test("grows and never shrinks, and keeps a removed mount as an unused volume", async () => {
    await make(504, { mp0: "local-lvm:1,mp=/data" });
    expect(await on.run("PUT", `${ct(504)}/resize`, { disk: "rootfs", size: "+2G" })).toBe("OK");
    expect((await on.ask("PUT", `${ct(504)}/resize`, { disk: "rootfs", size: "1G" })).statusText).toBe("unable to shrink disk size");
    await on.ask("PUT", `${ct(504)}/config`, { delete: "mp0" });
    expect(await on.config(ct(504))).toMatchObject({ rootfs: "local-lvm:vm-504-disk-0,size=6G", unused0: "local-lvm:vm-504-disk-1" });
  });

  test("goes back to a snapshot, stopped", async () => {
    await make(505, { memory: 300, start: 1 });
    await expect.poll(() => on.cluster.state.guests.get(505)!.running).toBe(true);
    expect(await on.run("POST", `${ct(505)}/snapshot`, { snapname: "before" })).toBe("OK");
    expect(await on.run("POST", `${ct(505)}/snapshot`, { snapname: "before" })).toBe("snapshot name 'before' already used");
    await on.ask("PUT", `${ct(505)}/config`, { memory: 900 });
    expect(await on.run("POST", `${ct(505)}/snapshot/before/rollback`)).toBe("OK");
    expect(await on.config(ct(505))).toMatchObject({ memory: 300, parent: "before" });
    expect(on.cluster.state.guests.get(505)!.running).toBe(false);
  });

  test("moves with its disks, by a restart where it runs; the old node does not know it any more", async () => {
    await make(506, { start: 1 });
    await expect.poll(() => on.cluster.state.guests.get(506)!.running).toBe(true);
    expect((await on.ask("POST", `${ct(506)}/migrate`, { target: "pve2" })).statusText).toBe(
      "can't migrate running container without --online or --restart",
    );
    expect(await on.run("POST", `${ct(506)}/migrate`, { target: "pve2", restart: 1 })).toBe("OK");
    expect((await on.ask("GET", `${ct(506)}/status/current`)).status).toBe(500);
    expect(await on.get(`${ct(506, "pve2")}/status/current`)).toMatchObject({ status: "running" });
    expect([...on.cluster.state.volumes.values()].filter(({ vmid }) => vmid === 506).map(({ node }) => node)).toEqual(["pve2"]);
  });

  test("is destroyed only when it may be", async () => {
    await make(507, { protection: 1 });
    expect((await on.ask("DELETE", ct(507))).statusText).toBe("can't remove CT 507 - protection mode enabled");
    await on.ask("PUT", `${ct(507)}/config`, { protection: 0 });
    expect(await on.run("POST", `${ct(507)}/status/start`)).toBe("OK");
    expect((await on.ask("DELETE", ct(507))).statusText).toBe("unable to destroy CT 507 - container is running");
    expect(await on.run("DELETE", ct(507), { force: 1, purge: 1 })).toBe("OK");
    expect(on.cluster.state.guests.has(507)).toBe(false);
    expect([...on.cluster.state.volumes.values()].some(({ vmid }) => vmid === 507)).toBe(false);
  });
});

describe("a VM", () => {
  test("is cloned linked from a template by default, with a new address and identity", async () => {
    expect(await on.run("POST", `${vm(9000)}/clone`, { newid: 520, name: "linked" })).toBe("OK");
    const template = await on.config(vm(9000)),
      clone = await on.config(vm(520));
    expect(clone).toMatchObject({
      name: "linked",
      scsi0: "shared:9000/base-9000-disk-0.qcow2/520/vm-520-disk-0.qcow2,size=2G",
      memory: "2048",
    });
    expect(clone["template"]).toBeUndefined();
    for (const key of ["net0", "vmgenid", "smbios1"]) expect(clone[key]).not.toBe(template[key]);
    expect(await on.run("DELETE", vm(9000))).toMatch(/^base volume .* is still in use by linked cloned$/);
  });

  test("cloned onto a number that is taken is told so by the task alone", async () => {
    const reply = await on.ask("POST", `${vm(9000)}/clone`, { newid: 101 });
    expect(reply.status).toBe(200);
    const task = on.cluster.state.tasks.all.get(String(reply.data))!;
    await task.ended;
    expect(task.exitstatus).toContain("File exists");
  });

  test("keeps what it cannot take while it runs until it is started anew", async () => {
    await on.run("POST", `${vm(9000)}/clone`, { newid: 521, name: "pend" });
    await on.run("POST", `${vm(521)}/status/start`);
    expect(await on.run("POST", `${vm(521)}/config`, { memory: 4096, scsi1: "shared:1", name: "renamed" })).toBe("OK");
    expect(await on.get(`${vm(521)}/config?current=1`)).toMatchObject({
      memory: "2048",
      name: "renamed",
      scsi1: "shared:521/vm-521-disk-1.raw,size=1G",
    });
    expect(await on.config(vm(521))).toMatchObject({ memory: "4096" });
    expect(await on.run("POST", `${vm(521)}/status/stop`)).toBe("OK");
    expect(await on.get(`${vm(521)}/config?current=1`)).toMatchObject({ memory: "4096" });
  });

  test("moves live only with leave to take local disks along", async () => {
    await on.run("POST", `${vm(9000)}/clone`, { newid: 522, name: "local", full: 1, storage: "local-lvm" });
    await on.run("POST", `${vm(522)}/status/start`);
    expect((await on.ask("POST", `${vm(522)}/migrate`, { target: "pve3" })).status).toBe(500);
    expect(await on.run("POST", `${vm(522)}/migrate`, { target: "pve3", online: 1 })).toBe("migration aborted");
    expect(await on.run("POST", `${vm(522)}/migrate`, { target: "pve3", online: 1, "with-local-disks": 1 })).toBe("OK");
    expect(await on.get(`${vm(522, "pve3")}/status/current`)).toMatchObject({ status: "running", qmpstatus: "running" });
  });

  test("runs commands by its agent; the exit is told once", async () => {
    await on.run("POST", `${vm(9000)}/clone`, { newid: 523, name: "agent" });
    await on.run("POST", `${vm(523)}/status/start`);
    expect((await on.ask("POST", `${vm(523)}/agent/ping`)).statusText).toBe("QEMU guest agent is not running");
    await expect.poll(async () => (await on.ask("POST", `${vm(523)}/agent/ping`)).status, { timeout: 5000 }).toBe(200);
    const { pid } = (await on.ask("POST", `${vm(523)}/agent/exec`, {}, { body: "command=hostname&command=-f" })).data as { pid: number };
    const status = () => on.ask("GET", `${vm(523)}/agent/exec-status`, { pid });
    await expect.poll(async () => (await status()).data, { interval: 5 }).toMatchObject({ exited: 1, exitcode: 0, "out-data": "agent\n" });
    expect((await status()).statusText).toBe("Agent error: Invalid parameter 'pid'");
    await on.ask("POST", `${vm(523)}/agent/file-write`, { file: "/tmp/x", content: "hello ü" });
    expect(await on.get(`${vm(523)}/agent/file-read?file=/tmp/x`)).toEqual({ "bytes-read": 8, content: "hello ü" });
  });
});

describe("backups", () => {
  test("one is made, listed, protected, restored as a new guest, and pruned", async () => {
    await make(540, { tags: "keep" });
    const dump = (): Promise<string> =>
      on.run("POST", "/nodes/pve1/vzdump", { vmid: 540, storage: "backups", compress: "zstd", "notes-template": "{{guestname}}" });
    expect(await dump()).toBe("OK");
    const [first] = (await on.get("/nodes/pve1/storage/backups/content?content=backup&vmid=540")) as { volid: string; notes: string }[];
    expect(first).toMatchObject({ notes: "made-540", subtype: "lxc", format: "tar.zst" });
    const volume = `/nodes/pve1/storage/backups/content/${encodeURIComponent(first!.volid)}`;
    await on.ask("PUT", volume, { protected: 1 });
    expect(await on.run("DELETE", volume)).toMatch(/^cannot remove protected volume/);
    await on.ask("PUT", volume, { protected: 0 });
    expect(
      await on.run("POST", "/nodes/pve2/lxc", { vmid: 541, ostemplate: first!.volid, restore: 1, storage: "local-lvm", hostname: "again" }),
    ).toBe("OK");
    expect(await on.config(ct(541, "pve2"))).toMatchObject({ hostname: "again", tags: "keep", rootfs: "local-lvm:vm-541-disk-0,size=4G" });
    expect(await on.run("DELETE", "/nodes/pve1/storage/backups/prunebackups", { vmid: 540, "prune-backups": "keep-last=0" })).toBe("OK");
    expect(await on.get("/nodes/pve1/storage/backups/content?content=backup&vmid=540")).toEqual([]);
  });
});

describe("the network of a node", () => {
  test("a new bridge waits for the reload, and guests can use it then", async () => {
    await on.ask("POST", "/nodes/pve1/network", { iface: "vmbr9", type: "bridge", cidr: "10.9.0.1/24", autostart: 1 });
    expect(on.cluster.state.nodes.get("pve1")!.network.has("vmbr9")).toBe(false);
    expect(await on.get("/nodes/pve1/network/vmbr9")).toMatchObject({ address: "10.9.0.1", netmask: "24", method: "static" });
    expect(await on.run("PUT", "/nodes/pve1/network")).toBe("OK");
    await make(550, { net0: "name=eth0,bridge=vmbr9" });
    expect(await on.run("POST", `${ct(550)}/status/start`)).toBe("OK");
    await on.ask("DELETE", "/nodes/pve1/network/vmbr9");
    await on.run("PUT", "/nodes/pve1/network");
    await on.run("POST", `${ct(550)}/status/stop`);
    expect(await on.run("POST", `${ct(550)}/status/start`)).toBe("bridge 'vmbr9' does not exist");
  });
});

test("three questions for the next number at once get the same answer", async () => {
  const ids = await Promise.all([1, 2, 3].map(() => on.get("/cluster/nextid")));
  expect(new Set(ids).size).toBe(1);
});
