import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock } from "../runtime/clock.ts";
import { silent } from "../runtime/log.ts";
import { type Installation, installationIn, type Trial } from "./installation.ts";
import { reportIn } from "./report-in.ts";

let folder: string, installation: Installation;
const trial: Trial = {
  dir: "0.2.0-cdcdcdcdcdcd",
  version: "0.2.0",
  sha256: "cd".repeat(32),
  step: "run/A/b@c#1",
  withinSeconds: 30,
  left: 2,
};
/** Time that the test lets pass. */
function handClock() {
  let now = 0,
    calls: { at: number; run: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    after(ms, run) {
      const call = { at: now + ms, run };
      calls.push(call);
      return () => void (calls = calls.filter((one) => one !== call));
    },
  };
  return {
    clock,
    pass(ms: number) {
      now += ms;
      const due = calls.filter(({ at }) => at <= now);
      calls = calls.filter(({ at }) => at > now);
      for (const { run } of due) run();
    },
  };
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "report-in-"));
  installation = installationIn(folder);
  for (const dir of ["0.0.9-eeeeeeeeeeee", "0.1.0-abababababab", trial.dir])
    await mkdir(join(folder, "versions", dir), { recursive: true });
  await installation.confirm({ ...trial, dir: "0.1.0-abababababab" });
  for (const dir of ["0.0.9-eeeeeeeeeeee", trial.dir]) await mkdir(join(folder, "versions", dir), { recursive: true });
  await installation.begin(trial);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("a version on trial becomes current when it stayed connected for five seconds, and others than it and the one before go", async () => {
  const { clock, pass } = handClock(),
    done = Promise.withResolvers<void>();
  const tell = reportIn({ installation, onTrial: trial.dir, clock, log: silent }, done.resolve);
  tell({ connected: true });
  pass(4999);
  tell({ connected: false });
  pass(10_000);
  tell({ connected: true });
  pass(4999);
  expect([await installation.current(), await installation.trial()]).toEqual(["0.1.0-abababababab", trial]);
  pass(1);
  await done.promise;
  expect([await installation.current(), await installation.previous(), await installation.trial()]).toEqual([
    trial.dir,
    "0.1.0-abababababab",
    undefined,
  ]);
  await installation.begin({ ...trial, dir: "0.0.9-eeeeeeeeeeee" });
  expect(await installation.trial()).toMatchObject({ dir: "0.0.9-eeeeeeeeeeee" });
});

test.each([undefined, "0.1.0-abababababab"])("one that is not on trial (%s) confirms nothing", async (onTrial) => {
  const { clock, pass } = handClock();
  reportIn({ installation, onTrial, clock, log: silent }, () => expect.unreachable())({ connected: true });
  pass(60_000);
  await new Promise(setImmediate);
  expect([await installation.current(), await installation.trial()]).toEqual(["0.1.0-abababababab", trial]);
});
