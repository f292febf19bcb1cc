import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Rig, rig } from "./rig.fixture.ts";
import { manualTime } from "./time.ts";

let on: Rig;
beforeEach(async () => {
  on = await rig({ pace: { lockWait: 2000, offline: 2000, quorumWait: 500, forget: 100_000 } });
});
afterEach(() => on.close());

const running = (kind: "lxc" | "qemu"): { path: string; id: number; node: string } => {
  const guest = [...on.cluster.state.guests.values()].find(
    (one) => one.kind === kind && one.running && one.config["tags"] !== "database;production",
  )!;
  return { path: `/nodes/${guest.node}/${kind}/${guest.id}`, id: guest.id, node: guest.node };
};
describe("connections", () => {
  test("one that is cut before the work leaves everything as it was; one that is cut after it does not", async () => {
    const { path, id } = running("lxc");
    on.cluster.faults.requests.make({ method: "PUT", times: 1 }, { cut: "before" });
    await expect(on.ask("PUT", `${path}/config`, { memory: 333 })).rejects.toThrow(/socket hang up|ECONNRESET|disconnected/);
    expect(on.cluster.state.guests.get(id)!.config["memory"]).not.toBe(333);
    on.cluster.faults.requests.make({ method: "PUT", times: 1 }, { cut: "after" });
    await expect(on.ask("PUT", `${path}/config`, { memory: 333 })).rejects.toThrow(/socket hang up|ECONNRESET|disconnected/);
    expect(on.cluster.state.guests.get(id)!.config["memory"]).toBe(333);
  });

  test("the proxy's own answers come as often as asked for", async () => {
    on.cluster.faults.requests.make({ path: /^\/nodes$/, times: 2 }, { status: { code: 596, text: "Broken pipe" } });
    const replies = [await on.ask("GET", "/nodes"), await on.ask("GET", "/nodes"), await on.ask("GET", "/nodes")];
    expect(replies.map(({ status, text }) => [status, text === ""])).toEqual([
      [596, true],
      [596, true],
      [200, false],
    ]);
  });

  test("no worker can be started, and nothing has begun", async () => {
    const { path } = running("lxc");
    on.cluster.faults.noWorkers(1);
    expect(await on.ask("POST", `${path}/status/stop`)).toMatchObject({
      status: 500,
      statusText: "got no worker upid - start worker failed",
    });
    expect(on.cluster.state.tasks.running()).toEqual([]);
    expect((await on.ask("POST", `${path}/status/stop`)).status).toBe(200);
  });

  test("while all workers of a node are busy its requests wait, and others' do not", async () => {
    const free = on.cluster.faults.busyWorkers("pve1");
    let answered = false;
    const waiting = on.ask("GET", "/nodes/pve1/status").then(() => (answered = true));
    expect((await on.ask("GET", "/nodes/pve2/status")).status).toBe(200);
    expect(answered).toBe(false);
    free();
    expect(await waiting).toBe(true);
  });
});

describe("tasks", () => {
  test("one that is killed leaves its lock behind, and its end is not known", async () => {
    const { path, node, id } = running("lxc");
    const upid = String((await on.ask("POST", `/nodes/${node}/vzdump`, { vmid: id, storage: "backups", bwlimit: 10 })).data);
    await expect.poll(async () => (await on.config(path))["lock"]).toBe("backup");
    on.cluster.faults.killTask(upid);
    expect(await on.get(`/nodes/${node}/tasks/${encodeURIComponent(upid)}/status`)).toMatchObject({
      status: "stopped",
      exitstatus: "unexpected status",
    });
    expect((await on.ask("PUT", `${path}/config`, { cores: 1 })).statusText).toBe("CT is locked (backup)");
    on.cluster.faults.unlockGuest(id);
    expect((await on.ask("PUT", `${path}/config`, { cores: 1 })).status).toBe(200);
  });

  test("one that is stopped cleans up", async () => {
    const { path, node, id } = running("lxc");
    const upid = String((await on.ask("POST", `/nodes/${node}/vzdump`, { vmid: id, storage: "backups", bwlimit: 10 })).data);
    await expect.poll(async () => (await on.config(path))["lock"]).toBe("backup");
    await on.ask("DELETE", `/nodes/${node}/tasks/${encodeURIComponent(upid)}`);
    await on.cluster.state.tasks.all.get(upid)!.ended;
    expect(on.cluster.state.tasks.all.get(upid)!.exitstatus).toBe("job errors");
    expect((await on.config(path))["lock"]).toBeUndefined();
  });

  test("a file lock that a stuck process holds is waited for, and given up", async () => {
    const { path, id } = running("qemu");
    const free = on.cluster.faults.holdFileLock(id);
    expect((await on.ask("PUT", `${path}/config`, { description: "x" })).statusText).toBe(
      `can't lock file '/var/lock/qemu-server/lock-${id}.conf' - got timeout`,
    );
    free();
    expect((await on.ask("PUT", `${path}/config`, { description: "x" })).status).toBe(200);
  });

  test("another user's stop shows as that user's task", async () => {
    const { path, id, node } = running("lxc");
    await on.cluster.state.tasks.all.get(on.cluster.faults.stopBy(id, "anna@pve"))!.ended;
    const [line] = (await on.get(`/nodes/${node}/tasks?vmid=${id}`)) as { user: string; type: string; status: string }[];
    expect(line).toMatchObject({ user: "anna@pve", type: "vzstop", status: "OK" });
    expect(await on.get(`${path}/status/current`)).toMatchObject({ status: "stopped" });
  });
});

test("a storage that runs full in the middle of a clone fails it, and nothing is left of it", async () => {
  const empty = on.cluster.faults.fillStorage("local-lvm", 100 * 1024 ** 2, "pve1");
  const end = await on.run("POST", "/nodes/pve1/qemu/9000/clone", { newid: 600, full: 1, storage: "local-lvm" });
  expect(end).toMatch(/^clone failed: copy failed: .* No space left on device$/);
  expect(on.cluster.state.guests.has(600)).toBe(false);
  expect([...on.cluster.state.volumes.values()].some(({ vmid }) => vmid === 600)).toBe(false);
  empty();
  expect(await on.run("POST", "/nodes/pve1/qemu/9000/clone", { newid: 600, full: 1, storage: "local-lvm" })).toBe("OK");
});

test("lists lag behind, the guest's own status does not", async () => {
  const time = manualTime(Date.UTC(2026, 10, 20)),
    still = await rig({ time });
  const guest = [...still.cluster.state.guests.values()].find(({ running }) => running)!,
    path = `/nodes/${guest.node}/${guest.kind}/${guest.id}`;
  const listed = async (): Promise<string> =>
    ((await still.get("/cluster/resources?type=vm")) as { vmid: number; status: string }[]).find(({ vmid }) => vmid === guest.id)!.status;
  still.cluster.faults.powerOff(guest.id);
  await time.advance(9_000);
  expect(await still.get(`${path}/status/current`)).toMatchObject({ status: "stopped" });
  expect(await listed()).toBe("running");
  await time.advance(1_000);
  expect(await listed()).toBe("stopped");
  await still.close();
});

describe("nodes", () => {
  test("one that is down breaks its own connections; others say 595 for it, and its guests are unknown after a while", async () => {
    on.cluster.faults.nodeDown("pve2");
    await expect(on.ask("GET", "/version", {}, { via: 1 })).rejects.toThrow(/socket hang up|ECONNRESET|disconnected/);
    const reply = await on.ask("GET", "/nodes/pve2/status");
    expect({ status: reply.status, text: reply.text }).toEqual({ status: 595, text: "" });
    const lines = (await on.get("/cluster/resources")) as { type: string; node?: string; status?: string }[];
    expect(lines.find(({ type, node }) => type === "node" && node === "pve2")).toMatchObject({ status: "offline" });
    const states = async (): Promise<Set<unknown>> => {
      const guests = (await on.get("/cluster/resources?type=vm")) as { node: string; status: string }[];
      return new Set(guests.filter(({ node }) => node === "pve2").map(({ status }) => status));
    };
    expect(await states()).toContain("running");
    await expect.poll(states, { timeout: 5000 }).toEqual(new Set(["unknown"]));
    on.cluster.faults.nodeUp("pve2");
    expect((await on.ask("GET", "/version", {}, { via: 1 })).status).toBe(200);
  });

  test("one that is told to reboot goes and comes back, and its guests with it", async () => {
    const guest = [...on.cluster.state.guests.values()].find(
        ({ node, running, config }) => node === "pve3" && running && config["onboot"] === 1,
      )!,
      before = guest.startedAt;
    await on.ask("POST", "/nodes/pve3/status", { command: "reboot" });
    await expect.poll(() => on.cluster.state.nodes.get("pve3")!.online).toBe(false);
    await expect.poll(() => on.cluster.state.nodes.get("pve3")!.online, { timeout: 5000 }).toBe(true);
    expect(guest.running && guest.startedAt > before).toBe(true);
  });

  test("two of three down is no quorum: reading works, changing does not, stopping does", async () => {
    const { path } = running("lxc");
    for (const name of [...on.cluster.state.nodes.keys()].filter((name) => !path.includes(name))) on.cluster.faults.nodeDown(name);
    const via = on.cluster.endpoints.findIndex(({ node }) => path.includes(node));
    const ask = (method: string, below: string, params?: Record<string, string>) => on.ask(method, path + below, params, { via });
    expect((await ask("GET", "/config")).status).toBe(200);
    expect(await ask("PUT", "/config", { description: "x" })).toMatchObject({ status: 500, statusText: "cluster not ready - no quorum?" });
    expect((await ask("POST", "/status/stop")).status).toBe(200);
  });

  test("HA takes over the guests of a node that stays away", async () => {
    const sid = [...on.cluster.state.ha.resources.values()].find(({ id }) => on.cluster.state.guests.get(id)!.running)!,
      guest = on.cluster.state.guests.get(sid.id)!,
      was = guest.node;
    on.cluster.faults.nodeDown(was);
    await expect
      .poll(() => guest.node !== was && guest.running && on.cluster.state.nodes.get(guest.node)!.online, { timeout: 8000 })
      .toBe(true);
    const via = on.cluster.endpoints.findIndex(({ node }) => node === guest.node);
    expect((await on.ask("GET", `/nodes/${guest.node}/qemu/${guest.id}/status/current`, {}, { via })).data).toMatchObject({
      ha: { managed: 1 },
    });
  });
});

test("HA answers at once and acts later", async () => {
  const resource = [...on.cluster.state.ha.resources.values()][0]!,
    guest = on.cluster.state.guests.get(resource.id)!;
  const path = `/nodes/${guest.node}/qemu/${guest.id}`;
  const upid = String((await on.ask("POST", `${path}/status/stop`)).data);
  expect(upid).toContain(":hastop:");
  await on.cluster.state.tasks.all.get(upid)!.ended;
  expect(guest.running).toBe(true);
  await expect.poll(() => guest.running, { timeout: 5000 }).toBe(false);
  expect(await on.get(`/cluster/ha/resources/${resource.sid}`)).toMatchObject({ state: "stopped" });
});

test("a silent guest agent is waited for and refused", async () => {
  const { path, id } = running("qemu");
  on.cluster.faults.agentOff(id);
  expect((await on.ask("POST", `${path}/agent/ping`)).statusText).toBe("QEMU guest agent is not running");
  on.cluster.faults.agentOn(id);
  expect((await on.ask("POST", `${path}/agent/ping`)).status).toBe(200);
});

test("a system that does not react is stopped only by force", async () => {
  const { path, id } = running("lxc");
  on.cluster.faults.deaf(id);
  expect(await on.run("POST", `${path}/status/shutdown`, { timeout: 3 })).toContain("failed: exit code 1");
  expect(on.cluster.state.guests.get(id)!.running).toBe(true);
  expect(await on.run("POST", `${path}/status/shutdown`, { timeout: 3, forceStop: 1 })).toBe("OK");
  expect(on.cluster.state.guests.get(id)!.running).toBe(false);
});
