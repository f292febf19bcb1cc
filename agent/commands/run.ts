import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { error, ProblemError } from "../../schemas/problem.ts";
import { runAgent } from "../runtime/agent.ts";
import { hostClock as clock } from "../runtime/clock.ts";
import { removeLeftovers } from "../runtime/durable.ts";
import { fileMemory } from "../runtime/file-memory.ts";
import { challengeSigner, loadIdentity } from "../runtime/identity.ts";
import { jsonLog, type Log, reasonOf } from "../runtime/log.ts";
import { readMachine } from "../runtime/machine.ts";
import { rotateOutput } from "../runtime/log-rotation.ts";
import type { Memory } from "../runtime/memory.ts";
import { onlyOne } from "../runtime/only-one.ts";
import { releaseText } from "../runtime/release-text.ts";
import { resolvePath } from "../runtime/resolve-path.ts";
import { fileSpool } from "../runtime/spool.ts";
import { statusFile } from "../runtime/status-file.ts";
import { fileWatchList } from "../runtime/watch-list.ts";
import { watchdog } from "../runtime/watchdog.ts";
import { controllerDial } from "../runtime/dial.ts";
import type { Verbs } from "../runtime/verbs.ts";
import { listeners } from "../update/listeners.ts";
import { type OwnAgent, ownAgent } from "../update/own-agent.ts";
import { reportIn } from "../update/report-in.ts";
import { linuxVerbs } from "../verbs-linux.ts";
import { type Options, settings } from "./settings.ts";

/** What an agent can do, with the init system of its host, and what lets go of its connections. */
export type RunVerbs = Verbs & { readonly init: string; readonly atOnce?: number; close(): Promise<void> };
/** Makes the verbs of an agent, whose state lies in a folder. */
export type MakeVerbs = (around: {
  readonly stateDir: string;
  readonly memory: Memory;
  readonly log: Log;
  readonly own: OwnAgent;
}) => Promise<RunVerbs>;

/** Runs the agent of this host, or another sort by its verbs, until it is told to stop. */
export async function run(options: Options, version: string, makeVerbs: MakeVerbs = linuxVerbs): Promise<void> {
  const config = await settings(options),
    { stateDir } = config;
  const stopRotation = rotateOutput();
  const log = jsonLog((line) => void process.stdout.write(line), config.logLevel, clock);
  process.on("uncaughtException", (failure) => {
    log("error", "the agent failed and is started anew", { reason: reasonOf(failure), stack: failure.stack?.slice(0, 2000) });
    process.exit(70);
  });
  process.on("unhandledRejection", (failure) =>
    log("error", "a failure that nobody handled", {
      reason: reasonOf(failure),
      stack: failure instanceof Error ? failure.stack?.slice(0, 2000) : undefined,
    }),
  );
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const identity = await loadIdentity(stateDir);
  if (identity === undefined)
    throw new ProblemError(
      error("agent/not-enrolled", "Unable to start: this agent is not enrolled", {
        hint: "`backend-ai enrol` on the controller prints the command to run here",
      }),
    );
  await onlyOne(stateDir);
  await removeLeftovers(stateDir);
  const memory = await fileMemory(join(stateDir, "memory.json"), clock, log);
  const machine = readMachine(),
    ended = Promise.withResolvers<string>(),
    moved = listeners();
  const own = ownAgent({
    identity,
    version,
    controllers: config.controllers,
    platform: machine.platform,
    clock,
    restart: () => ended.resolve("the agent ends, to be started anew as another version"),
    onChange: moved.listen,
  });
  const [spool, verbs] = await Promise.all([fileSpool(join(stateDir, "spool.jsonl"), log), makeVerbs({ stateDir, memory, log, own })]);
  log("info", "the agent starts", { version, agent: identity.agent, host: identity.host, pid: process.pid });
  const noteStatus = statusFile(stateDir, version, log),
    reportedIn = reportIn({ ...own, clock, log }, moved.tell);
  const agent = await runAgent({
    controllers: config.controllers,
    allowance: config.allowance,
    identity,
    sign: challengeSigner(identity),
    version,
    verbs,
    atOnce: verbs.atOnce,
    memory,
    spool,
    clock,
    log,
    machine: { ...machine, platform: { ...machine.platform, init: verbs.init } },
    dial: controllerDial({ identity, clock, log }),
    resolve: resolvePath,
    watchList: fileWatchList(join(stateDir, "watch.json"), log),
    changed(state) {
      noteStatus(state);
      reportedIn(state);
    },
  });
  const ends = [watchdog(process.env, clock), releaseText(clock), stopRotation];
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ended.resolve("the agent stops"));
  log("info", await ended.promise);
  await agent.stop(20_000);
  for (const end of ends) end();
  await verbs.close();
}
