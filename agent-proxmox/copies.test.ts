import { afterEach, expect, test } from "vitest";
import { hostClock } from "../agent/runtime/clock.ts";
import { ProblemError } from "../schemas/problem.ts";
import { createPretendCluster } from "../examples/sandbox/cluster/pretend-cluster.ts";
import type { GuestRef } from "../schemas/verbs/proxmox/guest.ts";
import { backUpGuest } from "./actions/guest-backup.ts";
import { cloneGuest } from "./actions/guest-clone.ts";
import { createGuest } from "./actions/guest-create.ts";
import { deleteGuest } from "./actions/guest-delete.ts";
import { migrateGuest } from "./actions/guest-migrate.ts";
import { powerGuest } from "./actions/guest-power.ts";
import { restartGuest } from "./actions/guest-restart.ts";
import { restoreGuest } from "./actions/guest-restore.ts";
import { rollBackGuest } from "./actions/guest-rollback.ts";
import { setGuest } from "./actions/guest-set.ts";
import type { Around } from "./cluster/around.ts";
import { openJournal } from "./cluster/journal.ts";
import { readCluster } from "./cluster/read-cluster.ts";
import { readGuest } from "./cluster/read-guest.ts";
import { runningTasks } from "./cluster/running-tasks.ts";
import { pveClient } from "./pve/client.ts";
import type { Credentials } from "./pve/login.ts";
import { waitForTask } from "./pve/task.ts";
import { parseUpid } from "./pve/upid.ts";
import { proxmoxVerbs } from "./verbs-proxmox.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const template = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst";
const refOf = (name: string, id?: number): GuestRef => ({
  resource: `Container/${name}`,
  type: "container",
  name,
  ...(id === undefined ? {} : { id }),
});

/** A pretend cluster and what actions work with, without a controller. */
async function bare() {
  const cluster = await createPretendCluster({ speed: 200 });
  const client = pveClient({ endpoints: cluster.endpoints, credentials: cluster.credentials.full as Credentials, backOffMs: [20, 100] });
  const around: Around = {
    client,
    journal: await openJournal(undefined, () => Date.now()),
    known: { madeFor: (resource) => around.journal.madeFor(resource), markedFor: () => undefined },
    now: () => Date.now(),
    spoken: new Set(),
  };
  ends.push(
    () => cluster.close(),
    () => client.close(),
  );
  const context = (step: string, signal = new AbortController().signal) =>
    ({ step, signal, progress: () => undefined, resource: "Container/x", accepts: () => Promise.resolve(undefined) }) as never;
  const read = (ref: GuestRef) =>
    readGuest(
      ref,
      {
        client,
        known: around.known,
        tasks: runningTasks([]),
        now: Date.now,
        startedBefore: () => undefined,
        rolledBackAt: () => undefined,
        offline: () => false,
      },
      new AbortController().signal,
    );
  const create = (name: string, storage = "shared") =>
    createGuest(around)(
      {
        guest: refOf(name),
        node: "pve1",
        template,
        config: { hostname: name, memory: "128", rootfs: { volume: `${storage}:1` }, description: "made by hand\nwith care" },
      } as never,
      context(`create ${name}`),
    );
  const named = (name: string) => [...cluster.state.guests.values()].filter(({ config }) => config["hostname"] === name);
  const tasks = (type: string): number => [...cluster.state.tasks.all.keys()].filter((upid) => upid.includes(`:${type}:`)).length;
  return { cluster, client, around, context, read, create, named, tasks };
}
const problemOf = (failure: unknown): string => (failure instanceof ProblemError ? failure.problems[0]!.code : String(failure));

test("a copy that somebody made of our guest carries our marker and is not taken for ours", async () => {
  const { client, create, named, read, cluster } = await bare();
  await create("shop-1");
  const [made] = named("shop-1");
  expect((await read(refOf("shop-1"))).owner).toBe("Container/shop-1");
  await client.request("POST", `/nodes/pve1/lxc/${made!.id}/clone`, { newid: 777, full: true, hostname: "shop-2" });
  await expect.poll(() => cluster.state.guests.get(777)?.config["lock"] === undefined && cluster.state.guests.has(777)).toBe(true);
  expect(String(cluster.state.guests.get(777)!.config["description"])).toContain("Container/shop-1");
  const copy = await read(refOf("shop-1", 777));
  expect([copy.owner, copy.description]).toEqual([undefined, "made by hand\nwith care"]);
});

test("a restored guest is marked as ours from the first moment, and keeps what people wrote", async () => {
  const { around, context, create, named, read, cluster, client } = await bare();
  await create("shop-1");
  const [made] = named("shop-1");
  await backUpGuest(around)({ guest: refOf("shop-1"), storage: "backups" }, context("backup"));
  const found = (await client.request("GET", "/nodes/pve1/storage/backups/content", {})) as { volid: string; vmid: number }[];
  const { volid } = found.find(({ vmid }) => vmid === made!.id)!;
  const input = { guest: refOf("shop-2"), node: "pve1", backup: volid, storage: "shared" } as never;
  // The agent dies right after the task.
  cluster.faults.requests.make({ method: "PUT", path: /\/config$/ }, { refuse: Object.assign(new Error("gone"), { status: 500 }) });
  await restoreGuest(around)(input, context("restore")).catch(() => undefined);
  cluster.faults.requests.clear();
  expect(await read(refOf("shop-2"))).toMatchObject({
    name: "shop-2",
    owner: "Container/shop-2",
    description: "made by hand\nwith care",
  });
  await restoreGuest(around)(input, context("restore"));
  expect([named("shop-2").length, cluster.state.guests.has(made!.id)]).toEqual([1, true]);
});

test("a clone whose move was interrupted is moved by the same step, and made once; another step does not take it", async () => {
  const { around, context, create, named, cluster, tasks } = await bare();
  await create("origin");
  const [origin] = named("origin");
  const input = { guest: refOf("copy"), from: origin!.id, node: "pve2", full: true, storage: "local-lvm" } as never;
  cluster.faults.requests.make(
    { method: "POST", path: /\/migrate$/, times: 1 },
    { refuse: Object.assign(new Error("no"), { status: 500 }) },
  );
  expect(await cloneGuest(around)(input, context("one")).catch(problemOf)).toBe("pve/failed");
  expect(await cloneGuest(around)(input, context("two")).catch(problemOf)).toBe("guest/impossible");
  await cloneGuest(around)(input, context("one"));
  expect([named("copy").map(({ node }) => node), tasks("vzclone")]).toEqual([["pve2"], 1]);
});

test("a number that was remembered for a guest that could not be made is not kept: whoever takes it is not ours", async () => {
  const { around, create, cluster } = await bare();
  cluster.faults.requests.make(
    { method: "POST", path: /\/lxc$/, times: 1 },
    { refuse: Object.assign(new Error("Permission check failed (/vms, VM.Allocate)"), { status: 403 }) },
  );
  expect(await create("shop-1").catch(problemOf)).toBe("pve/right");
  expect(around.journal.madeFor("Container/shop-1")).toBeUndefined();
});

test("values that somebody else changed in the same moment are read again and set", async () => {
  const { around, context, create, named, cluster } = await bare();
  await create("shop-1");
  const [made] = named("shop-1");
  cluster.faults.requests.make(
    { method: "PUT", path: /\/config$/, times: 1 },
    { refuse: Object.assign(new Error("detected modified configuration - file changed by other user? Try again."), { status: 500 }) },
  );
  await setGuest(around)({ guest: refOf("shop-1"), set: { memory: "256" } }, context("set"));
  expect(made!.config["memory"]).toBe(256);
});

test("a removal whose end was not heard of is done where the guest is gone; a name is compared with the one of now", async () => {
  const { around, context, create, named, cluster } = await bare();
  await create("shop-1");
  const [made] = named("shop-1"),
    input = { guest: refOf("shop-1"), id: made!.id, name: "shop-1" };
  cluster.faults.changeBy(made!.id, { hostname: "renamed" });
  expect(await deleteGuest(around)(input, context("early")).catch(problemOf)).toBe("guest/impossible");
  cluster.faults.changeBy(made!.id, { hostname: "shop-1" });

  await around.journal.note({ step: "late", part: "remove", node: "pve1", types: ["vzdestroy"], guest: made!.id, at: Date.now() });
  cluster.state.guests.delete(made!.id);
  expect(await deleteGuest(around)(input, context("late"))).toBeUndefined();
  expect(around.journal.madeFor("Container/shop-1")).toBeUndefined();
  expect(await deleteGuest(around)(input, context("other")).catch(problemOf)).toBe("guest/missing");
});

test("a restart that an earlier life of the agent sent is not waited for forever", async () => {
  const { around, context, create, named, client, tasks } = await bare();
  await create("shop-1");
  const [made] = named("shop-1");
  await client.request("POST", `/nodes/pve1/lxc/${made!.id}/status/start`);
  await expect.poll(() => made!.running).toBe(true);
  made!.startedAt = Date.now() - 60_000;
  const at = Date.now(),
    upid = String(await client.request("POST", `/nodes/pve1/lxc/${made!.id}/status/reboot`, { timeout: 30 }));
  await expect.poll(() => made!.running && made!.startedAt >= at).toBe(true);
  made!.startedAt = Date.now() - 20_000;
  await around.journal.note({ step: "again", part: "restart", node: "pve1", types: ["vzreboot"], guest: made!.id, at, upid });
  await restartGuest(around)({ guest: refOf("shop-1") }, context("again", AbortSignal.timeout(4000)));
  expect(tasks("vzreboot")).toBe(1);
}, 10_000);

test("a guest that our token may not see any more is unknown, never missing", async () => {
  const { create, read, cluster, named } = await bare();
  await create("shop-1");
  const [made] = named("shop-1");
  const hidden = await bareAs(cluster, made!.id);
  expect(await hidden().catch(problemOf)).toBe("guest/hidden");
  expect((await read(refOf("nobody"))).exists).toBe(false);
});

test("a backup that was begun before its guest moved is found on the node where it was begun, and made once", async () => {
  const { around, context, create, named, tasks, client } = await bare();
  await create("shop-1");
  const [made] = named("shop-1"),
    at = Date.now();
  const upid = await client.request("POST", "/nodes/pve1/vzdump", { vmid: made!.id, storage: "backups", mode: "snapshot" });
  await waitForTask(client, parseUpid(upid)!, { pollMs: [20, 20] });
  await around.journal.note({ step: "backup", part: "backup", node: "pve1", types: ["vzdump"], guest: made!.id, at });
  await client.request("POST", `/nodes/pve1/lxc/${made!.id}/migrate`, { target: "pve2" });
  await expect.poll(() => made!.node).toBe("pve2");
  await backUpGuest(around)({ guest: refOf("shop-1"), storage: "backups" }, context("backup"));
  expect(tasks("vzdump")).toBe(1);
});

test("a guest that HA starts on another node is followed there", async () => {
  const { around, context, create, named, cluster, client } = await bare();
  await create("shop-1");
  const [made] = named("shop-1");
  await client.request("POST", "/cluster/ha/resources", { sid: `ct:${made!.id}`, state: "stopped" });
  cluster.state.ha.resources.get(`ct:${made!.id}`)!.busy = true;
  const going = powerGuest(around)({ guest: refOf("shop-1"), to: "running" }, context("power", AbortSignal.timeout(4000)));
  await expect.poll(() => cluster.state.ha.resources.get(`ct:${made!.id}`)!.config["state"]).toBe("started");
  made!.node = "pve2";
  cluster.state.changed(made!);
  cluster.state.ha.resources.get(`ct:${made!.id}`)!.busy = false;
  await going;
  expect([made!.running, made!.node]).toEqual([true, "pve2"]);
}, 10_000);

test("a move that HA took and forgot, because it was busy with the guest, is asked for again", async () => {
  const { around, context, create, named, cluster, client } = await bare();
  await create("shop-1");
  const [made] = named("shop-1");
  await client.request("POST", "/cluster/ha/resources", { sid: `ct:${made!.id}`, state: "started" });
  const held = cluster.state.ha.resources.get(`ct:${made!.id}`)!;
  await expect.poll(() => made!.running && !held.busy && held.state === "started").toBe(true);
  Object.assign(held, { busy: true, state: "migrate" });
  // Asked, and looked for afterwards: HA has answered by then.
  const meet = cluster.faults.requests.meet.bind(cluster.faults.requests);
  let posted = false;
  const asked = new Promise<void>((resolve) =>
    Object.assign(cluster.faults.requests, {
      meet: (request: Parameters<typeof meet>[0]) => {
        if (posted && request.path.startsWith("/cluster/resources")) resolve();
        posted ||= request.path.endsWith("/migrate");
        return meet(request);
      },
    }),
  );
  const going = migrateGuest(around)({ guest: refOf("shop-1"), node: "pve2" }, context("move", AbortSignal.timeout(12_000)));
  await asked;
  Object.assign(held, { busy: false, state: "started" });
  await going;
  expect(made!.node).toBe("pve2");
}, 20_000);

test("HA settings that are refused say which right is missing, and are not asked for again", async () => {
  const { around, context, create, cluster } = await bare();
  await create("shop-1");
  cluster.faults.requests.make(
    { method: "POST", path: /ha\/resources$/, times: 1 },
    { refuse: Object.assign(new Error("Permission check failed (/, Sys.Console)"), { status: 403 }) },
  );
  const verbs = proxmoxVerbs({ client: around.client, journal: around.journal, clock: hostClock, log: () => undefined, name: "lab" });
  ends.push(() => verbs.close());
  const refused = await verbs.actions["guest.ha"]!({ guest: refOf("shop-1"), ha: { state: "started" } } as never, context("ha")).catch(
    (failure: unknown) => (failure instanceof ProblemError ? failure.problems[0] : failure),
  );
  expect(refused).toMatchObject({ code: "pve/right", retry: "never" });
});

test("a rollback whose end could not be written down is not done a second time", async () => {
  const { around, context, create, named, client, tasks } = await bare();
  await create("shop-1", "local-lvm");
  const [made] = named("shop-1");
  const upid = await client.request("POST", `/nodes/pve1/lxc/${made!.id}/snapshot`, { snapname: "before" });
  await waitForTask(client, parseUpid(upid)!, { pollMs: [20, 20] });
  const full = { ...around, journal: { ...around.journal, rolledBack: () => Promise.reject(new Error("no space left")) } };
  const input = { guest: refOf("shop-1"), name: "before" };
  await expect(rollBackGuest(full)(input, context("back"))).rejects.toThrow("no space left");
  await rollBackGuest(around)(input, context("back"));
  expect([tasks("vzrollback"), around.journal.rolledBackAt(made!.id) !== undefined]).toEqual([1, true]);
});

test("a rollback of a guest that is gone says nothing about the next one of its number", async () => {
  const { around } = await bare();
  await around.journal.rolledBack(120, 1000);
  await around.journal.unmade(120);
  expect(around.journal.rolledBackAt(120)).toBeUndefined();
});

test("a read that its asker gives up says nothing about the node", async () => {
  const { client, cluster } = await bare();
  cluster.faults.requests.make({ path: /^\/version/, times: 3 }, { delayMs: 60_000 });
  const vias: string[] = [];
  const meet = cluster.faults.requests.meet.bind(cluster.faults.requests);
  Object.assign(cluster.faults.requests, { meet: (asked: { via: string; path: string }) => (vias.push(asked.via), meet(asked as never)) });
  await expect(client.request("GET", "/version", {}, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ kind: "unreachable" });
  await client.request("GET", "/cluster/nextid");
  expect(new Set(vias).size).toBe(1);
});

test("rights and HA groups that cannot be read at the moment are unknown, not none; a node that hangs is told without its insides", async () => {
  const { client, cluster } = await bare();
  const lines = (await client.request("GET", "/cluster/resources")) as never;
  const look = () => readCluster(client, lines, "lab", new AbortController().signal);
  for (const path of [/^\/access\/permissions/, /^\/cluster\/ha\/groups/]) {
    cluster.faults.requests.make({ path }, { status: { code: 596, text: "Connection timed out" } });
    await expect(look()).rejects.toMatchObject({ kind: "unreachable" });
    cluster.faults.requests.clear();
  }
  cluster.faults.requests.make({ path: /^\/nodes\/pve2\// }, { status: { code: 596, text: "Connection timed out" } });
  const { nodes, rights } = await look();
  expect([nodes.map(({ bridges }) => bridges !== undefined)[1], Object.keys(rights).length > 0]).toEqual([false, true]);
});

/** Reads the guest with a token that has the right to see the cluster, and not the guest. */
async function bareAs(cluster: Awaited<ReturnType<typeof createPretendCluster>>, id: number) {
  const client = pveClient({ endpoints: cluster.endpoints, credentials: cluster.credentials.full as Credentials, backOffMs: [20] });
  ends.push(() => client.close());
  const blind = {
    ...client,
    request: async (...args: Parameters<typeof client.request>) => {
      const data = await client.request(...args);
      return args[1] === "/cluster/resources" ? (data as { vmid?: number }[]).filter(({ vmid }) => vmid !== id) : data;
    },
  };
  return () =>
    readGuest(
      refOf("shop-1"),
      {
        client: blind as never,
        known: { madeFor: () => id, markedFor: () => undefined },
        tasks: runningTasks([]),
        now: Date.now,
        startedBefore: () => undefined,
        rolledBackAt: () => undefined,
        offline: () => false,
      },
      new AbortController().signal,
    );
}
