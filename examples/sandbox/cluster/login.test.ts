import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pveClient } from "../../../agent-proxmox/pve/client.ts";
import { manualTime, settled } from "./time.ts";
import { bearing, type Rig, rig } from "./rig.fixture.ts";

let on: Rig;
beforeAll(async () => {
  on = await rig({ pace: { refusal: 100 } });
});
afterAll(() => on.close());

const full = () => bearing(on.cluster.credentials.full);

test("each node has a certificate of its own, and says the same", async () => {
  const replies = await Promise.all([0, 1, 2].map((via) => on.ask("GET", "/version", {}, { via })));
  expect(replies.map(({ fingerprint }) => fingerprint)).toEqual(on.cluster.endpoints.map(({ fingerprint }) => fingerprint));
  expect(new Set(replies.map(({ fingerprint }) => fingerprint)).size).toBe(3);
  expect(replies.map(({ data }) => data)).toEqual(replies.map(() => ({ version: "8.4.21", release: "8.4", repoid: "2606ac85" })));
});

describe("who may come in", () => {
  test("a login that is refused is 401 with an empty body; the status line has the reason", async () => {
    const { full: token } = on.cluster.credentials;
    for (const [headers, reason] of [
      [{}, "No ticket"],
      [bearing({ ...token, secret: "wrong" }), "Authentication failed!"],
      [bearing({ token: "root@pam!absent", secret: token.secret }), "Authentication failed!"],
      [{ Cookie: "PVEAuthCookie=garbage" }, "Authentication failed!"],
    ] as const) {
      const { status, statusText, text } = await on.ask("GET", "/version", {}, { headers });
      expect({ status, statusText, text }).toEqual({ status: 401, statusText: reason, text: "" });
    }
  });

  test("a ticket reads; it writes only with the CSRF value", async () => {
    const { user, password } = on.cluster.credentials.root;
    const { data } = await on.ask("POST", "/access/ticket", { username: user, password }, { headers: {} });
    const { ticket, CSRFPreventionToken } = data as { ticket: string; CSRFPreventionToken: string };
    const cookie = { Cookie: `PVEAuthCookie=${encodeURIComponent(ticket)}` };
    expect((await on.ask("GET", "/nodes", {}, { headers: cookie })).status).toBe(200);
    expect(await on.ask("POST", "/pools", { poolid: "csrf" }, { headers: cookie })).toMatchObject({
      status: 401,
      statusText: "Permission denied - invalid csrf token",
    });
    expect((await on.ask("POST", "/pools", { poolid: "csrf" }, { headers: { ...cookie, CSRFPreventionToken } })).status).toBe(200);
    expect(on.cluster.state.pools.has("csrf")).toBe(true);
  });

  test("a ticket ends after two hours, and an older one is as good as a password until then", async () => {
    const time = manualTime(Date.UTC(2026, 10, 20)),
      slow = await rig({ time, pace: { refusal: 0 } });
    const { user, password } = slow.cluster.credentials.root;
    const ticketOf = async (secret: string) =>
      ((await slow.ask("POST", "/access/ticket", { username: user, password: secret }, { headers: {} })).data as { ticket: string }).ticket;
    const read = async (ticket: string): Promise<number> => {
      const waiting = slow.ask("GET", "/version", {}, { headers: { Cookie: `PVEAuthCookie=${encodeURIComponent(ticket)}` } });
      let status: number | undefined;
      void waiting.then((reply) => (status = reply.status));
      while (status === undefined) {
        await time.advance(1);
        await settled();
      }
      return status;
    };
    const first = await ticketOf(password);
    await time.advance(100 * 60_000);
    const second = await ticketOf(first);
    expect(await read(first)).toBe(200);
    await time.advance(21 * 60_000);
    expect([await read(first), await read(second)]).toEqual([401, 200]);
    await slow.close();
  });

  test("a wrong password is 401 with a message", async () => {
    const { status, text } = await on.ask("POST", "/access/ticket", { username: "root@pam", password: "wrong" }, { headers: {} });
    expect({ status, text: JSON.parse(text) as unknown }).toEqual({
      status: 401,
      text: { data: null, message: "authentication failure\n" },
    });
  });

  test("the project's own client logs in by password and by token", async () => {
    const { root, full: token } = on.cluster.credentials;
    for (const credentials of [root, token]) {
      const client = pveClient({ endpoints: on.cluster.endpoints, credentials });
      expect(await client.request("GET", "/cluster/nextid")).toBe("100");
      expect(await client.request("POST", "/pools", { poolid: `by-${"token" in credentials ? "token" : "password"}` })).toBe(null);
      client.close();
    }
    expect([...on.cluster.state.pools.keys()]).toEqual(expect.arrayContaining(["by-token", "by-password"]));
  });
});

describe("what a token may do", () => {
  test("one that may only look sees everything and changes nothing", async () => {
    const headers = bearing(on.cluster.credentials.audit);
    expect(((await on.ask("GET", "/cluster/resources", { type: "vm" }, { headers })).data as unknown[]).length).toBe(40);
    expect(await on.ask("POST", "/nodes/pve1/lxc/101/status/stop", {}, { headers })).toMatchObject({
      status: 403,
      statusText: "Permission check failed (/vms/101, VM.PowerMgmt)",
    });
    expect((await on.ask("POST", "/nodes/pve1/lxc", { vmid: 700, ostemplate: "local:vztmpl/x" }, { headers })).statusText).toBe(
      "Permission check failed",
    );
  });

  test("one with rights on a pool sees its guests alone; others are 403, there or not", async () => {
    const headers = bearing(on.cluster.credentials.limited);
    const guests = (await on.ask("GET", "/cluster/resources", { type: "vm" }, { headers })).data as { pool: string }[];
    expect(guests.length).toBeGreaterThan(5);
    expect(new Set(guests.map(({ pool }) => pool))).toEqual(new Set(["dev"]));
    for (const id of [101, 777])
      expect((await on.ask("GET", `/nodes/pve1/qemu/${id}/status/current`, {}, { headers })).statusText).toBe(
        `Permission check failed (/vms/${id}, VM.Audit)`,
      );
  });

  test("even root's token may not do what root alone may", async () => {
    const guest = [...on.cluster.state.guests.values()].find(({ kind, config }) => kind === "lxc" && config["template"] !== 1)!,
      vm = [...on.cluster.state.guests.values()].find(({ kind, config }) => kind === "qemu" && config["template"] !== 1)!;
    expect(await on.ask("PUT", `/nodes/${guest.node}/lxc/${guest.id}/config`, { features: "nesting=1,keyctl=1" })).toMatchObject({
      status: 403,
      statusText: "Permission check failed (changing feature flags (except nesting) is only allowed for root@pam)",
    });
    expect(await on.ask("PUT", `/nodes/${vm.node}/qemu/${vm.id}/config`, { arch: "aarch64" })).toMatchObject({
      status: 500,
      statusText: "only root can set 'arch' config",
    });
  });
});

describe("what is sent", () => {
  test("several wrong parameters are told at once, with 400", async () => {
    const guest = [...on.cluster.state.guests.values()].find(({ kind }) => kind === "lxc")!;
    const { status, errors } = await on.ask("PUT", `/nodes/${guest.node}/lxc/${guest.id}/config`, {
      memory: "much",
      nosuch: 1,
      onboot: "true",
    });
    expect({ status, errors }).toEqual({
      status: 400,
      errors: {
        memory: "type check ('integer') failed - got 'much'",
        nosuch: "property is not defined in schema and the schema does not allow additional properties",
        onboot: "type check ('boolean') failed - got 'true'",
      },
    });
  });

  test("true is a truth in JSON alone; broken JSON, other types, and too much are refused as text", async () => {
    const guest = [...on.cluster.state.guests.values()].find(({ kind, config }) => kind === "lxc" && config["template"] !== 1)!,
      path = `/nodes/${guest.node}/lxc/${guest.id}/config`,
      json = "application/json";
    expect((await on.ask("PUT", path, {}, { headers: full(), body: '{"onboot":true}', type: json })).status).toBe(200);
    expect((await on.ask("PUT", path, {}, { headers: full(), body: '{"onboot":', type: json })).status).toBe(500);
    expect((await on.ask("PUT", path, {}, { headers: full(), body: "onboot=1", type: "text/plain" })).status).toBe(506);
    expect(await on.ask("PUT", path, {}, { headers: full(), body: `description=${"d".repeat(530_000)}` })).toMatchObject({
      status: 501,
      statusText: "for data too large",
    });
  });

  test("unknown paths and methods are 501, unknown nodes and guests 500", async () => {
    expect(await on.ask("GET", "/nosuch")).toMatchObject({ status: 501, statusText: "Method 'GET /nosuch' not implemented" });
    expect((await on.ask("PATCH", "/version")).statusText).toBe("method 'PATCH' not available");
    expect((await on.ask("GET", "/nodes/nosuch/status")).statusText).toContain("hostname lookup 'nosuch' failed");
    expect((await on.ask("GET", "/nodes/pve1/lxc/777/config")).statusText).toBe(
      "Configuration file 'nodes/pve1/lxc/777.conf' does not exist",
    );
  });
});
