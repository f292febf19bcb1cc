import { afterEach, describe, expect, test } from "vitest";
import { type ClientOptions, pveClient, type PveClient } from "./client.ts";
import { type Answer, type Arrived, node } from "./node.fixture.ts";
import { PveError } from "./pve-error.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const token = { token: "agent@pve!one", secret: "00000000-0000-4000-8000-000000000000" };

/** A node of the test and a client of it. */
async function stand(answer: (arrived: Arrived, count: number) => Answer, more: Partial<ClientOptions> = {}) {
  const one = await node(answer),
    client = pveClient({ endpoints: [one.endpoint], credentials: token, backOffMs: [1, 1], ...more });
  ends.push(() => client.close(), one.close);
  return { ...one, client };
}

const failure = (client: PveClient, ...request: Parameters<PveClient["request"]>): Promise<PveError> =>
  client.request(...request).then(
    () => Promise.reject(new Error("it was answered")),
    (thrown: unknown) => thrown as PveError,
  );

const ok = (data: unknown): Answer => ({ body: { data } });
const refusal = (status: number, reason: string, errors?: Record<string, string>): Answer => ({
  status,
  reason,
  body: { data: null, message: `${reason}\n`, ...(errors === undefined ? {} : { errors }) },
});

describe("requests", () => {
  test("carry the token, their values as a form, truth as 0 and 1, and + escaped", async () => {
    const { client, arrived } = await stand(() => ok("UPID"));
    await client.request("PUT", "/nodes/pve1/lxc/101/resize", { disk: "rootfs", size: "+1G", force: true, left: undefined });
    expect(arrived[0]).toMatchObject({
      method: "PUT",
      path: "/api2/json/nodes/pve1/lxc/101/resize",
      body: "disk=rootfs&size=%2B1G&force=1",
    });
    expect(arrived[0]!.headers.authorization).toBe(`PVEAPIToken=${token.token}=${token.secret}`);
  });

  test("by proxmox-api's paths are the same requests; values of GET and DELETE go into the address", async () => {
    const { client, arrived } = await stand(() => ok([]));
    await client.api.nodes.$("pve1").qemu.$get({ full: true });
    await client.request("DELETE", "/nodes/pve1/lxc/101", { purge: true });
    expect(arrived.map(({ method, path, body }) => [method, path, body])).toEqual([
      ["GET", "/api2/json/nodes/pve1/qemu?full=1", ""],
      ["DELETE", "/api2/json/nodes/pve1/lxc/101?purge=1", ""],
    ]);
  });

  test("larger than the API takes are refused before they are sent", async () => {
    const { client, arrived } = await stand(() => ok(null));
    expect(await failure(client, "PUT", "/nodes/pve1/qemu/1/config", { description: "x".repeat(600_000) })).toMatchObject({
      kind: "parameter",
    });
    expect(arrived).toEqual([]);
  });
});

describe("what went wrong is told apart", () => {
  test.each([
    [401, "No ticket", "login"],
    [403, "Permission check failed (/vms/9000, VM.Clone)", "right"],
    [400, "Parameter verification failed.", "parameter"],
    [500, "Configuration file 'nodes/pve1/lxc/777.conf' does not exist", "missing"],
    [500, "CT 160 already running", "state"],
    [500, "CT is locked (create)", "locked"],
    [500, "VM is locked (backup)", "locked"],
    [500, "can't lock file '/var/lock/qemu-server/lock-201.conf' - got timeout", "busy"],
    [500, "checksum mismatch (file change by other user?)", "changed"],
    [500, "CT 101 already exists on node 'pve2'", "exists"],
    [500, "cluster not ready - no quorum?", "quorum"],
    [501, "Method 'GET /nosuch' not implemented", "unsupported"],
    [595, "No route to host", "unreachable"],
  ])("%i %s", async (status, reason, kind) => {
    const { client } = await stand(() => refusal(status, reason));
    expect(await failure(client, "POST", "/nodes/pve1/x")).toMatchObject({ kind, status, message: reason });
  });

  test("wrong parameters by their names, the reason of a rejected login from the status line", async () => {
    const { client } = await stand(({ path }) =>
      path.includes("login")
        ? { status: 401, reason: "Permission denied - invalid csrf token" }
        : refusal(400, "Parameter verification failed.", { memory: "value must have a minimum value of 16\n" }),
    );
    expect((await failure(client, "PUT", "/nodes/pve1/lxc/1/config", { memory: 1 })).parameters).toEqual({
      memory: "value must have a minimum value of 16",
    });
    expect((await failure(client, "PUT", "/login")).message).toBe("Permission denied - invalid csrf token");
  });
});

describe("a certificate", () => {
  test("with another fingerprint is refused before anything is said", async () => {
    const { endpoint, arrived } = await stand(() => ok(null));
    const client = pveClient({ endpoints: [{ ...endpoint, fingerprint: "00".repeat(32) }], credentials: token, backOffMs: [1] });
    ends.push(() => client.close());
    const refused = await failure(client, "GET", "/version");
    expect(refused).toMatchObject({ kind: "login", mayBeDone: false });
    expect(refused.message).toContain("is not the server that was pinned: its certificate has the fingerprint");
    expect(arrived).toEqual([]);
  });

  test("that no authority vouches for is refused where none is pinned", async () => {
    const { endpoint, arrived } = await stand(() => ok(null));
    const client = pveClient({ endpoints: [{ host: endpoint.host, port: endpoint.port }], credentials: token, backOffMs: [1] });
    ends.push(() => client.close());
    expect(await failure(client, "GET", "/version")).toMatchObject({ kind: "unreachable" });
    expect(arrived).toEqual([]);
  });
});

describe("what is lost", () => {
  test("a read is asked again, also of another node", async () => {
    const first = await stand((_, count) => (count < 3 ? { cut: true } : ok("late")));
    expect(await first.client.request("GET", "/version")).toBe("late");
    const dead = await node(() => ok(null)),
      second = await stand(() => ok("second"));
    await dead.close();
    const both = pveClient({ endpoints: [dead.endpoint, second.endpoint], credentials: token, backOffMs: [1, 1] });
    ends.push(() => both.close());
    expect(await both.request("GET", "/version")).toBe("second");
  });

  test("a write whose answer is lost is never sent again, and told as perhaps done", async () => {
    const { client, arrived } = await stand(() => ({ cut: true }));
    expect(await failure(client, "POST", "/nodes/pve1/lxc", { vmid: 101 })).toMatchObject({ kind: "unreachable", mayBeDone: true });
    expect(arrived.length).toBe(1);
  });

  test.each([595, 596, 599])("a write that a proxy answered with %i may be done, and is not sent again", async (status) => {
    const { client, arrived } = await stand(() => refusal(status, "Broken pipe"));
    expect(await failure(client, "POST", "/nodes/pve2/lxc")).toMatchObject({ kind: "unreachable", mayBeDone: true });
    expect(arrived.length).toBe(1);
  });

  test("a write that reached nobody is sent to another node", async () => {
    const dead = await node(() => ok(null)),
      second = await stand(() => ok("UPID"));
    await dead.close();
    const both = pveClient({ endpoints: [dead.endpoint, second.endpoint], credentials: token, backOffMs: [1, 1] });
    ends.push(() => both.close());
    expect(await both.request("POST", "/nodes/pve1/lxc", { vmid: 101 })).toBe("UPID");
    expect(second.arrived.length).toBe(1);
  });
});

describe("tickets", () => {
  const login = { user: "root@pam", password: "geheim" };
  const tickets = ({ path, headers }: Arrived, count: number): Answer => {
    if (path === "/api2/json/access/ticket") return ok({ ticket: `PVE:root@pam:${count}`, CSRFPreventionToken: `csrf-${count}` });
    return headers.cookie === undefined ? { status: 401, reason: "No ticket" } : ok(headers.cookie);
  };

  test("are got once, carry the CSRF token on writes alone, and are renewed by the ticket before they end", async () => {
    let now = 1_000_000;
    const { client, arrived } = await stand(tickets, { credentials: login, now: () => now });
    await Promise.all([client.request("GET", "/version"), client.request("GET", "/version")]);
    await client.request("PUT", "/x");
    now += 3_700_000;
    await client.request("GET", "/version");
    const logins = arrived.filter(({ path }) => path.endsWith("/ticket"));
    expect(logins.map(({ body }) => new URLSearchParams(body).get("password"))).toEqual(["geheim", "PVE:root@pam:1"]);
    expect(arrived.filter(({ headers }) => headers.csrfpreventiontoken !== undefined).map(({ method }) => method)).toEqual(["PUT"]);
  });

  test("that the server forgot are got anew, once", async () => {
    let forgotten = true;
    const { client, arrived } = await stand(
      (one, count) => {
        if (one.path.endsWith("/version") && forgotten)
          return ((forgotten = false), { status: 401, reason: "permission denied - invalid PVE ticket" });
        return tickets(one, count);
      },
      { credentials: login },
    );
    await client.request("GET", "/version");
    expect(arrived.map(({ path }) => path.split("/").at(-1))).toEqual(["ticket", "version", "ticket", "version"]);
  });

  test("a wrong password is told, and not tried over and over", async () => {
    const { client, arrived } = await stand(() => ({ status: 401, reason: "authentication failure" }), { credentials: login });
    expect(await failure(client, "GET", "/version")).toMatchObject({ kind: "login", message: "authentication failure" });
    expect(arrived.length).toBe(1);
  });
});

test("a node that struggles is asked less at once, and more again when it answers well", async () => {
  let busy = true,
    open = 0,
    most = 0;
  const one = await node(async () => {
    most = Math.max(most, (open += 1));
    await new Promise((done) => setImmediate(done));
    open -= 1;
    return busy ? refusal(500, "got no worker upid - start worker failed, got timeout") : ok(null);
  });
  const client = pveClient({ endpoints: [one.endpoint], credentials: token, backOffMs: [1] });
  ends.push(() => client.close(), one.close);
  await Promise.allSettled(Array.from({ length: 12 }, () => client.request("POST", "/nodes/pve1/lxc")));
  expect(most).toBeLessThanOrEqual(3);
  [busy, most] = [false, 0];
  await Promise.all(Array.from({ length: 40 }, () => client.request("GET", "/nodes/pve1/lxc")));
  expect(most).toBeGreaterThan(1);
});
