import { beforeEach, describe, expect, test } from "vitest";
import type { AgentRecord, AgentRegistry, TokenRecord } from "./registry.ts";

const token: TokenRecord = {
  id: "0123456789ab",
  secretHash: "ab".repeat(32),
  createdAt: 1000,
  createdBy: "alice",
  expiresAt: 9000,
  maxUses: 2,
  uses: 0,
  preset: { host: undefined, tags: ["webserver"], labels: { team: "web" }, replace: false },
};

const agent = (id: string, fields: Partial<AgentRecord> = {}): AgentRecord => ({
  id,
  host: `host-${id}`,
  publicKey: `key-${id}`,
  machineId: `machine-${id}`,
  hardwareId: `hardware-${id}`,
  tags: ["webserver"],
  labels: { team: "web" },
  token: token.id,
  enrolledAt: 2000,
  clones: [],
  acked: 0,
  ...fields,
});

/** The tests that every agent registry passes. `make` gives an empty one. */
export function describeRegistry(name: string, make: () => Promise<AgentRegistry>): void {
  describe(`${name} as a registry of agents`, () => {
    let registry: AgentRegistry;
    beforeEach(async () => {
      registry = await make();
      await registry.addToken(token);
    });
    const only = async (id: string) => (await registry.agents()).find((one) => one.id === id);

    test("gives back an enrolled agent with every field, and counts the use of its token", async () => {
      expect(await registry.enrol(agent("a"), [])).toBe("enrolled");
      expect(await registry.agents()).toEqual([agent("a")]);
      expect(await registry.token(token.id)).toEqual({ ...token, uses: 1 });
    });

    test("refuses a use too many and changes nothing", async () => {
      await registry.enrol(agent("a"), []);
      await registry.enrol(agent("b"), []);
      expect(await registry.enrol(agent("c"), [])).toBe("used-up");
      expect((await registry.agents()).map((one) => one.id).sort()).toEqual(["a", "b"]);
    });

    test("counts exactly as many uses as there are when many come at once", async () => {
      const outcomes = await Promise.all(["a", "b", "c", "d", "e"].map((id) => registry.enrol(agent(id), [])));
      expect(outcomes.filter((outcome) => outcome === "enrolled")).toHaveLength(2);
      expect(outcomes.filter((outcome) => outcome === "used-up")).toHaveLength(3);
    });

    test("refuses with a revoked token", async () => {
      expect(await registry.revokeToken(token.id, 1500)).toBe(true);
      expect(await registry.revokeToken("ffffffffffff", 1500)).toBe(false);
      expect(await registry.enrol(agent("a"), [])).toBe("revoked");
      expect((await registry.token(token.id))?.revokedAt).toBe(1500);
    });

    test("keeps host names and keys unique among live agents, and leaves the token's count alone when it refuses", async () => {
      await registry.enrol(agent("a"), []);
      expect(await registry.enrol(agent("b", { host: "host-a" }), [])).toBe("name-taken");
      expect(await registry.enrol(agent("b", { publicKey: "key-a" }), [])).toBe("key-taken");
      expect((await registry.token(token.id))?.uses).toBe(1);
    });

    test("revokes what a new agent replaces, in the same breath", async () => {
      await registry.enrol(agent("a"), []);
      expect(await registry.enrol(agent("b", { host: "host-a", enrolledAt: 3000 }), ["a"])).toBe("enrolled");
      expect((await only("a"))?.revokedAt).toBe(3000);
      expect((await only("b"))?.revokedAt).toBeUndefined();
    });

    test("sets the fields that changed and leaves the others", async () => {
      await registry.enrol(agent("a"), []);
      const profile = {
        version: "1.0.0",
        platform: { os: "linux", arch: "x64", init: "systemd", libc: "glibc" },
        verbs: ["file"],
        bootId: "boot",
      };
      const clones = [{ machineId: "m2", hardwareId: "h2", seenAt: 2500 }];
      await registry.update([
        { id: "a", profile, lastSeen: 2400 },
        { id: "nobody", lastSeen: 1 },
      ]);
      await registry.update([{ id: "a", clones, clockOffset: -12.5 }]);
      expect(await only("a")).toEqual({ ...agent("a"), profile, lastSeen: 2400, clones, clockOffset: -12.5 });
    });

    test("never lowers the number of the last stored report", async () => {
      await registry.enrol(agent("a"), []);
      await registry.setAcked("a", 7);
      await registry.setAcked("a", 5);
      expect((await only("a"))?.acked).toBe(7);
    });

    test("lists its tokens", async () => {
      await registry.addToken({ ...token, id: "ba9876543210", preset: { host: "web-01", tags: [], labels: {}, replace: true } });
      expect((await registry.tokens()).map((one) => [one.id, one.preset.host]).sort()).toEqual([
        [token.id, undefined],
        ["ba9876543210", "web-01"],
      ]);
    });
  });
}
