import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Installation, installationIn, type Trial } from "./installation.ts";

/** The start script that hosts have, with versions that are shell scripts: each notes its start in `log`. */
let folder: string, installation: Installation;
const sha256 = "ab".repeat(32);
const dirOf = (version: string): string => `${version}-abababababab`;

/** What an agent does once it has reported in (Installation.confirm), and then. */
const reportsIn = (version: string): string => `if [ -e "$lib/trial" ]; then
  ln -sfn "$(readlink "$lib/current")" "$lib/previous"; ln -sfn versions/${dirOf(version)} "$lib/current"; rm "$lib/trial"
fi`;

async function put(version: string, body: string): Promise<void> {
  await mkdir(join(folder, "versions", dirOf(version)), { recursive: true });
  const path = join(folder, "versions", dirOf(version), "ai-agent");
  await writeFile(path, `#!/bin/sh\nlib=${folder}\necho "${version} $* \${AI_AGENT_TRIAL:-}" >>"$lib/log"\n${body}\n`);
  await chmod(path, 0o755);
}
const trialOf = (version: string, more: Partial<Trial> = {}): Trial => ({
  dir: dirOf(version),
  version,
  sha256,
  step: "run-1/AgentPlacement/all@web-01#1",
  withinSeconds: 30,
  left: 3,
  ...more,
});
/** Starts it as a service would; answers how it ended. */
async function start(): Promise<number | null> {
  const [code] = (await once(spawn(join(folder, "start"), ["run"], { stdio: "ignore" }), "exit")) as [number | null];
  return code;
}
const log = async (): Promise<string[]> =>
  (await readFile(join(folder, "log"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => line.trim());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "versions-"));
  installation = installationIn(folder);
  await copyFile(resolve(import.meta.dirname, "../../controller/hub/agent-start.sh"), join(folder, "start"));
  await chmod(join(folder, "start"), 0o755);
  await put("0.1.0", "exit 7");
  await installation.confirm(trialOf("0.1.0"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("with nothing on trial the current version takes the place of the script", async () => {
  expect(await start()).toBe(7);
  expect(await log()).toEqual(["0.1.0 run"]);
});

test("a version on trial is started, reports in, and is current from then on", async () => {
  await put("0.2.0", `${reportsIn("0.2.0")}\nexit 9`);
  await installation.begin(trialOf("0.2.0"));
  expect(await start()).toBe(9);
  expect(await start()).toBe(9);
  expect(await log()).toEqual([`0.2.0 run ${dirOf("0.2.0")}`, "0.2.0 run"]);
  expect([await installation.current(), await installation.previous(), await installation.failed()]).toEqual([
    dirOf("0.2.0"),
    dirOf("0.1.0"),
    undefined,
  ]);
});

test("one that reported in and is followed by another one is not blamed for its end", async () => {
  const { dir, step } = trialOf("0.3.0");
  await put(
    "0.2.0",
    `[ -n "$AI_AGENT_TRIAL" ] || exit 5\n${reportsIn("0.2.0")}\necho "${dir} 30 1 0.3.0 ${sha256} ${step}" >"$lib/trial"\nexit 0`,
  );
  await put("0.3.0", "kill -KILL $$");
  await installation.begin(trialOf("0.2.0"));
  expect(await start()).toBe(5);
  expect([await installation.current(), await installation.previous()]).toEqual([dirOf("0.2.0"), dirOf("0.1.0")]);
  expect(await installation.failed()).toMatchObject({ version: "0.3.0", reason: "it ended with status 137 before it had reported in" });
});

test("one that ends is started three times, then the version before is back and says why", async () => {
  await put("0.2.0", "exit 78");
  await installation.begin(trialOf("0.2.0"));
  expect(await start()).toBe(7);
  expect(await log()).toEqual([...Array.from({ length: 3 }, () => `0.2.0 run ${dirOf("0.2.0")}`), "0.1.0 run"]);
  expect(await installation.trial()).toBeUndefined();
  expect(await installation.failed()).toMatchObject({
    version: "0.2.0",
    sha256,
    step: "run-1/AgentPlacement/all@web-01#1",
    reason: "it ended with status 78 before it had reported in",
  });
});

test("one that hangs and ignores signals is killed when its time is over", async () => {
  await put("0.2.0", "trap '' TERM INT; while :; do sleep 0.1; done");
  await installation.begin(trialOf("0.2.0", { withinSeconds: 1 }));
  expect(await start()).toBe(7);
  expect(await log()).toEqual([`0.2.0 run ${dirOf("0.2.0")}`, "0.1.0 run"]);
  expect(await installation.failed()).toMatchObject({ reason: "it did not report in to the controller within 1 s" });
});

test("one that cannot even be started, or is not there, gives way as well", async () => {
  await put("0.2.0", "");
  await writeFile(join(folder, "versions", dirOf("0.2.0"), "ai-agent"), "\u007fELF and nothing more");
  await installation.begin(trialOf("0.2.0"));
  expect(await start()).toBe(7);
  await rm(join(folder, "versions", dirOf("0.2.0")), { recursive: true });
  await installation.begin(trialOf("0.2.0"));
  expect(await start()).toBe(7);
  expect(await log()).toEqual(["0.1.0 run", "0.1.0 run"]);
});

test("what stops the service stops a version on trial, which is tried on at the next start", async () => {
  await put("0.2.0", `trap 'echo stopped >>"$lib/log"; exit 0' TERM; while :; do sleep 0.05; done`);
  await installation.begin(trialOf("0.2.0"));
  const child = spawn(join(folder, "start"), ["run"], { stdio: "ignore" });
  await expect.poll(() => log().catch(() => [])).toHaveLength(1);
  const over = once(child, "exit");
  child.kill("SIGTERM");
  expect((await over)[0]).toBe(0);
  expect(await log()).toEqual([`0.2.0 run ${dirOf("0.2.0")}`, "stopped"]);
  expect(await installation.trial()).toMatchObject({ version: "0.2.0", left: 2 });
});

test("what a killed script left running is ended before anything is started", async () => {
  await put("0.2.0", 'echo $$ >>"$lib/pids"; while :; do sleep 0.05; done');
  await installation.begin(trialOf("0.2.0", { left: 1 }));
  const child = spawn(join(folder, "start"), ["run"], { stdio: "ignore" });
  const pid = async (): Promise<number> => Number((await readFile(join(folder, "pids"), "utf8").catch(() => "0")).trim());
  await expect.poll(pid).not.toBe(0);
  await expect.poll(async () => (await readdir(folder)).includes("trial.pid")).toBe(true);
  child.kill("SIGKILL");
  await once(child, "exit");
  const left = await pid();
  expect(await start()).toBe(7);
  await expect.poll(() => isGone(left)).toBe(true);
});

/** Ended; what nobody collected has no command any more (proc(5)). */
const isGone = async (pid: number): Promise<boolean> => (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")) === "";

/** Every state that a power cut between two lines of an update can leave, and which version has to run after it. */
const cuts: readonly (readonly [string, () => Promise<void>, RegExp])[] = [
  ["while the release is fetched", () => put(".new-0.2.0", ""), /^0\.1\.0 run$/],
  ["when it lies beside the old one", () => put("0.2.0", "exit 9"), /^0\.1\.0 run$/],
  ["when the note of the trial is half written", () => writeFile(join(folder, "trial.7.0123456789ab.tmp"), "0.2.0-ab"), /^0\.1\.0 run$/],
  ["when the note of the trial is damaged", () => writeFile(join(folder, "trial"), "\0\0\0"), /^0\.1\.0 run$/],
  [
    "when the note of the trial is there",
    async () => {
      await put("0.2.0", `${reportsIn("0.2.0")}\nexit 9`);
      await installation.begin(trialOf("0.2.0"));
    },
    /^0\.2\.0 run /,
  ],
  [
    "when every start is used up",
    async () => {
      await put("0.2.0", "exit 9");
      await installation.begin(trialOf("0.2.0", { left: 0 }));
    },
    /^0\.1\.0 run$/,
  ],
  [
    "when the new one is current and the note is still there",
    async () => {
      await put("0.2.0", "exit 9");
      await installation.confirm(trialOf("0.2.0"));
      await installation.begin(trialOf("0.2.0", { left: 1 }));
    },
    /^0\.2\.0 run$/,
  ],
  [
    "when what failed is noted and the note of the trial is still there",
    async () => {
      await put("0.2.0", "exit 9");
      await installation.begin(trialOf("0.2.0", { left: 0 }));
      const line = await readFile(join(folder, "trial"), "utf8");
      await writeFile(join(folder, "failed"), `${line}1763632800 it ended\n`);
    },
    /^0\.1\.0 run$/,
  ],
];

test.each(cuts)("a power cut %s leaves an agent that runs", async (_, state, runs) => {
  await state();
  await start();
  expect((await log())[0]).toMatch(runs);
  expect(await installation.trial()).toBeUndefined();
});
