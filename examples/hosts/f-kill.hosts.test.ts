import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { everythingRuns, manifest, resource } from "./resources.ts";
import { measured, type Stage, startStage, until } from "./stage.ts";

let stage: Stage;
const units = ["counted-a", "counted-b", "counted-c"];
const starts = (unit: string): string => `/var/log/${unit}.starts`;
const unitFile = (unit: string): string =>
  `[Service]\nExecStartPre=/bin/sh -c 'echo $$INVOCATION_ID >>${starts(unit)}; sleep 0.1'\nExecStart=/bin/sleep infinity\nExecReload=/bin/sh -c 'sleep 0.2; echo reload >>/var/log/${unit}.reloads; sleep 0.2'\n[Install]\nWantedBy=multi-user.target\n`;

/** Restarts of three units, a file with its reload, and a chain between them. */
const desired = (round: number, restartedAt: string): string =>
  manifest(
    ...units.map((unit, index) =>
      resource("Service", unit, {
        on: "*",
        state: "running",
        restartedAt,
        ...(index === 0 ? {} : { needs: [`Service/${units[index - 1]}`] }),
      }),
    ),
    resource("Service", "reloaded", { on: "*", unit: "counted-d", state: "running" }),
    resource("File", "app", {
      on: "*",
      path: "/etc/counted.conf",
      content: `round = ${round}\n`,
      reloads: ["Service/reloaded"],
      needs: ["Service/counted-a"],
    }),
  );

const online = (count: number) =>
  until(`${count} hosts online`, async () => ((await stage.status()).hosts.online >= count ? true : undefined));
const lines = async (host: Stage["hosts"][number], file: string): Promise<string[]> =>
  (await host.exec("sh", "-c", `cat ${file} 2>/dev/null || :`)).stdout.split("\n").filter((line) => line !== "");

beforeAll(async () => {
  stage = await startStage({ hosts: 3 });
  for (const host of stage.hosts)
    for (const unit of [...units, "counted-d"])
      await host.exec("sh", "-c", `cat >/etc/systemd/system/${unit}.service && systemctl daemon-reload && systemctl start ${unit}`, {
        input: unitFile(unit),
      });
  await pause(1100);
  await stage.commit({ "manifests/policy.yaml": everythingRuns, "manifests/counted.yaml": desired(0, "2026-01-01T00:00:00Z") });
  await stage.untilInSync();
});
afterAll(() => stage?.close());

/** What every host must show after a number of rounds: each unit started once a round and once before, one reload a round, and the last round's file. */
async function expectOnce(rounds: number): Promise<void> {
  for (const host of stage.hosts) {
    for (const unit of units) {
      const seen = await lines(host, starts(unit));
      expect(seen, `${unit} on ${host.name}`).toHaveLength(rounds + 1);
      expect(new Set(seen).size).toBe(rounds + 1);
    }
    expect((await host.exec("cat", "/etc/counted.conf")).stdout).toBe(`round = ${rounds}\n`);
    // One for the file that was new, then one a round.
    expect(await lines(host, "/var/log/counted-d.reloads"), `reloads on ${host.name}`).toHaveLength(rounds + 1);
  }
}

const rounds = 10;

test("the controller is killed at 20 random moments of runs: each step is done exactly once, the runs end, the audit chain is whole", {
  timeout: 240_000,
}, async () => {
  const moments: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    // An agent that lost its controller again and again waits longer each time; so each round begins with fresh ones.
    await Promise.all(stage.hosts.map((host) => host.exec("systemctl", "restart", "ai-agent")));
    await online(stage.hosts.length);
    await stage.commit({ "manifests/counted.yaml": desired(round, new Date().toISOString()) });
    for (let kill = 0; kill < 2; kill++) {
      await online(1);
      const moment = Math.round(Math.random() * 800);
      moments.push(moment);
      await pause(moment);
      await stage.killController("SIGKILL");
      await stage.startController();
    }
    await stage.untilInSync();
  }
  measured("moments of the kills", moments);
  await expectOnce(rounds);
  const runs = await stage.runs();
  expect(runs.map(({ state }) => state)).toEqual(runs.map(() => "succeeded"));
  expect(await stage.api("GET", "/api/v1/audit/verify")).toMatchObject({ ok: true });
});

test("agents are killed at random moments of runs: each step, reloads too, is done exactly once, and the runs end", {
  timeout: 240_000,
}, async () => {
  const more = 8;
  for (let round = rounds + 1; round <= rounds + more; round++) {
    await pause(20);
    await stage.commit({ "manifests/counted.yaml": desired(round, new Date().toISOString()) });
    await Promise.all(
      stage.hosts.map(async (host) => {
        await pause(Math.random() * 1500);
        await host.exec("systemctl", "kill", "--signal=KILL", "ai-agent", { reject: false });
      }),
    );
    await stage.untilInSync();
  }
  await expectOnce(rounds + more);
  const runs = await stage.runs();
  expect(runs.map(({ state }) => state)).toEqual(runs.map(() => "succeeded"));
  for (const host of stage.hosts)
    expect((await host.exec("ai-agent", "status", "--json", { reject: false })).stdout).toContain('"connected":true');
});

test("both at once", async () => {
  const round = rounds + 9;
  await pause(20);
  await stage.commit({ "manifests/counted.yaml": desired(round, new Date().toISOString()) });
  await pause(Math.random() * 800);
  await Promise.all([
    stage.killController("SIGKILL"),
    ...stage.hosts.map((host) => host.exec("systemctl", "kill", "--signal=KILL", "ai-agent", { reject: false })),
  ]);
  await stage.startController();
  await stage.untilInSync();
  await until("an end", async () => ((await stage.status()).running.length === 0 ? true : undefined));
  await expectOnce(round);
  expect(await stage.api("GET", "/api/v1/audit/verify")).toMatchObject({ ok: true });
});
