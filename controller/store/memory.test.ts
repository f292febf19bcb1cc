import { expect, test } from "vitest";
import { describeRegistry } from "../hub/registry.contract.ts";
import { openStore } from "./open.ts";
import { temporaryStore } from "./testing.ts";
import { mintToken, tokenOf } from "./token-secret.ts";

describeRegistry("the store", async () => openStore(":memory:").agents);

const hour = 3_600_000;

test("remembers the good commit, synced and held instances, and the corrections of the last hour", async () => {
  const { desired } = await temporaryStore();
  expect(await desired.goodCommit("main")).toBeUndefined();
  await desired.setGoodCommit({ branch: "main", commit: "a", at: 1 });
  await desired.setGoodCommit({ branch: "main", commit: "b", at: 2 });
  expect(await desired.goodCommit("main")).toEqual({ branch: "main", commit: "b", at: 2 });

  await desired.setSynced([
    { instance: "Service/a@h", digest: "1", at: 1 },
    { instance: "Service/b@h", digest: "2", at: 1 },
  ]);
  await desired.hold({ instance: "Service/a@h", digest: "1", at: 3, reason: "health failed" });
  await desired.noteCorrection("Service/a@h", hour);
  await desired.noteCorrection("Service/a@h", 2 * hour);
  expect(await desired.corrections(0)).toEqual(new Map([["Service/a@h", [2 * hour]]]));
  expect(await desired.held()).toEqual([{ instance: "Service/a@h", digest: "1", at: 3, reason: "health failed" }]);
  await desired.forget(["Service/a@h"]);
  expect([await desired.synced(), await desired.held(), await desired.corrections(0)]).toEqual([
    [{ instance: "Service/b@h", digest: "2", at: 1 }],
    [],
    new Map(),
  ]);
});

test("has one open alert for an instance, brought up to date and closed", async () => {
  const { alerts } = await temporaryStore();
  const drift = {
    instance: "File/a@h",
    since: 10,
    differences: [{ path: "mode", want: "0644", have: "0600" }],
    by: { who: "bob", how: "sudo" },
    mode: "alert",
  } as const;
  expect(await alerts.open(drift)).toMatchObject({ isNew: true, alert: { since: 10 } });
  const again = await alerts.open({ ...drift, since: 20, by: undefined, mode: "correct", differences: [] });
  expect(again).toMatchObject({ isNew: false, alert: { since: 10, by: { who: "bob" }, mode: "correct", differences: [] } });
  expect(await alerts.close("File/a@h", 30, true)).toMatchObject({ closedAt: 30, corrected: true });
  expect([await alerts.close("File/a@h", 40, false), await alerts.openAlerts()]).toEqual([undefined, []]);
  expect((await alerts.open(drift)).isNew).toBe(true);
  expect((await alerts.list({ instance: "File/a@h" })).items).toHaveLength(2);
});

test("keeps a bounded ring of events and says where some are gone", async () => {
  const { events } = await temporaryStore({ events: 150 });
  const seen: number[] = [];
  const stop = events.follow((some) => seen.push(...some.map((one) => one.n)));
  for (let i = 0; i < 3; i += 1) await events.append(Array.from({ length: 100 }, (_, k) => ({ at: i, type: "t", text: `${i * 100 + k}` })));
  stop();
  await events.append([{ at: 9, type: "t", text: "last", host: "h", data: { a: 1 } }]);
  expect(seen).toEqual(Array.from({ length: 300 }, (_, k) => k + 1));
  const piece = await events.after(10, 3);
  expect(piece).toEqual({ gap: true, last: 153, events: [151, 152, 153].map((n) => expect.objectContaining({ n })) });
  expect(await events.after(300)).toEqual({
    gap: false,
    last: 301,
    events: [expect.objectContaining({ n: 301, text: "last", data: { a: 1 } })],
  });
  expect(await events.after(301)).toEqual({ gap: false, last: 301, events: [] });
  expect(await events.after(9999)).toEqual({ gap: true, last: 301, events: [] });
  expect((await events.latest(2)).events.map((one) => one.n)).toEqual([300, 301]);
});

test("knows a token by its secret, until it is revoked or over", async () => {
  const { tokens } = await temporaryStore();
  const { secret, id, secretHash } = mintToken();
  await tokens.add({ id, secretHash, name: "ci", role: "operator", createdAt: 1, createdBy: "admin", expiresAt: 100 });
  expect(await tokenOf(tokens, secret, 99)).toMatchObject({ id, role: "operator" });
  expect(await tokenOf(tokens, secret, 100)).toBeUndefined();
  const { secret: other } = mintToken();
  expect(await tokenOf(tokens, `bai_${id}_${other.slice(-43)}`, 1)).toBeUndefined();
  expect(await tokenOf(tokens, other, 1)).toBeUndefined();
  expect([await tokens.revoke(id, 50), await tokens.revoke("no", 50), await tokenOf(tokens, secret, 51)]).toEqual([true, false, undefined]);
  expect(JSON.stringify(await tokens.list())).not.toContain(secret.slice(-43));
});

test("two tokens of one name are never valid at once", async () => {
  const { tokens } = await temporaryStore();
  const add = (name: string, createdAt: number, expiresAt?: number): Promise<boolean> => {
    const { id, secretHash } = mintToken();
    return tokens.add({ id, secretHash, name, role: "viewer", createdAt, createdBy: "admin", expiresAt });
  };
  expect([await add("ci", 1, 100), await add("CI", 99), await add("ci", 100), await add("ci", 101)]).toEqual([true, false, true, false]);
  await tokens.revoke((await tokens.list())[1]?.id ?? "", 102);
  expect([await add("ci", 103), (await tokens.list()).length]).toEqual([true, 3]);
});
