import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readConfig } from "../../controller/config.ts";
import { type Running, startController } from "../../controller/main.ts";
import type { BackupView } from "../../schemas/api.ts";
import { dialWithin, enrolHost, runHost } from "./agents.ts";
import { firstRun } from "./first-run.ts";
import { type PretendFleet, pretendFleet } from "./fleet.ts";
import { makeWorkspace } from "./workspace.ts";

const me = { name: "alice", role: "admin" } as const;
let folder: string, running: Running, fleet: PretendFleet;
const ends: (() => Promise<unknown>)[] = [];
const workspace = () => join(folder, "workspace"),
  dataDir = () => join(folder, "data");

async function start(): Promise<void> {
  const ports = { port: 0, agentsPort: 0, host: "127.0.0.1", agentsHost: "127.0.0.1" };
  running = await startController(await readConfig({ LOG_LEVEL: "silent" }, { workspace: workspace(), dataDir: dataDir(), ...ports }));
}
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "restore-"));
  await mkdir(dataDir(), { mode: 0o700 });
  await makeWorkspace(workspace());
  await start();
  fleet = pretendFleet({ hosts: 3, seed: 5, pace: 0, metricsEveryMs: 0 });
  for (const one of fleet.hosts) {
    const identity = await enrolHost(one, running.hub),
      dial = (to: string, signal: AbortSignal) => dialWithin(running.hub, identity.agent)(to, signal);
    const agent = await runHost(one, identity, dial, "https://sandbox");
    ends.push(() => agent.stop());
  }
  await firstRun(running.controller);
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await running.stop();
  await rm(folder, { recursive: true });
});

async function backUp(to: string): Promise<{ status: number; body: BackupView }> {
  const token = (await readFile(running.tokenFile, "utf8")).trim();
  const answer = await fetch(`${running.apiUrl}/api/v1/backups`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ folder: to }),
  });
  return { status: answer.status, body: (await answer.json()) as BackupView };
}
/** Commits the restart of all web servers, and waits until it is done. */
async function restartAll(): Promise<void> {
  const path = "manifests/web.yaml",
    text = readFileSync(join(workspace(), path), "utf8").replace(
      /  state: running\n(  restartedAt: .*\n)?/,
      `  state: running\n  restartedAt: ${new Date().toISOString()}\n`,
    );
  await running.controller.commit([{ path, text }], { message: "restart", source: "cli" }, me);
  await firstRun(running.controller);
}
const starts = (): (number | undefined)[] => fleet.hosts.map(({ host }) => host.units.get("nginx.service")?.starts);
const files = (): string[] => fleet.hosts.flatMap(({ host }) => [...host.files.keys()]).sort();

test("a backup is made while the controller works; put back, it repeats no step and deletes nothing", async () => {
  const to = join(folder, "backup"),
    made = await backUp(to);
  expect([made.status, made.body.workspace]).toEqual([
    201,
    { folder: workspace(), branch: "main", commit: running.controller.status().commit },
  ]);
  expect((await stat(to)).mode & 0o777).toBe(0o700);
  const names = (await readdir(to, { recursive: true })).sort();
  expect(names).toEqual(
    expect.arrayContaining([
      "age.key",
      "backup.json",
      "controller.audit-head.json",
      "controller.db",
      "keys/ca.key.pem",
      "keys/signing.key.pem",
    ]),
  );
  expect(names.filter((name) => /admin|tmp|partial|-wal/.test(name))).toEqual([]);
  for (const name of names.filter((one) => one !== "keys")) expect((await stat(join(to, name))).mode & 0o777, name).toBe(0o600);
  await symlink(workspace(), join(folder, "link"));
  for (const wrong of [to, join(workspace(), "here"), join(folder, "link/here"), "here"])
    expect((await backUp(wrong)).body).toMatchObject({ status: 400, problems: [{ code: "invalid/backup" }] });

  // What the backup does not know of.
  await restartAll();
  const after = { starts: starts(), files: files() },
    { secret } = await running.controller.createApiToken("late", "viewer", undefined, me);
  expect(after.starts.every((count) => (count ?? 0) > 0)).toBe(true);

  await running.stop();
  await rename(dataDir(), join(folder, "later"));
  await cp(to, dataDir(), { recursive: true });
  await start();
  await firstRun(running.controller);
  const status = running.controller.status();
  expect([status.instances.differs, status.instances.unknown, status.hosts.online, status.commit === status.head]).toEqual([0, 0, 3, true]);
  expect({ starts: starts(), files: files() }).toEqual(after);
  expect(await running.controller.verifyAudit()).toMatchObject({ ok: true });
  expect(await running.controller.callerOf(secret)).toBeUndefined();
  // It is a whole controller: it goes on from here.
  await restartAll();
  expect(starts()).toEqual(after.starts.map((count) => (count ?? 0) + 1));
}, 60_000);
