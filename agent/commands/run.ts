import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { error, ProblemError } from "../../schemas/problem.ts";
import { runAgent } from "../runtime/agent.ts";
import { hostClock as clock } from "../runtime/clock.ts";
import { removeLeftovers } from "../runtime/durable.ts";
import { fileMemory } from "../runtime/file-memory.ts";
import { challengeSigner, loadIdentity } from "../runtime/identity.ts";
import { jsonLog, reasonOf } from "../runtime/log.ts";
import { readMachine } from "../runtime/machine.ts";
import { onlyOne } from "../runtime/only-one.ts";
import { releaseText } from "../runtime/release-text.ts";
import { resolvePath } from "../runtime/resolve-path.ts";
import { fileSpool } from "../runtime/spool.ts";
import { statusFile } from "../runtime/status-file.ts";
import { fileWatchList } from "../runtime/watch-list.ts";
import { watchdog } from "../runtime/watchdog.ts";
import { wsDial } from "../runtime/ws-dial.ts";
import { linuxVerbs } from "../verbs-linux.ts";
import { type Options, settings } from "./settings.ts";

/** Runs the agent of this host until it is told to stop. */
export async function run(options: Options, version: string): Promise<void> {
  const config = await settings(options),
    { stateDir } = config;
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
  const [spool, verbs] = await Promise.all([fileSpool(join(stateDir, "spool.jsonl"), log), linuxVerbs({ stateDir, memory })]);
  const machine = readMachine();
  log("info", "the agent starts", { version, agent: identity.agent, host: identity.host, pid: process.pid });
  const agent = await runAgent({
    controllers: config.controllers,
    allowance: config.allowance,
    identity,
    sign: challengeSigner(identity),
    version,
    verbs,
    memory,
    spool,
    clock,
    log,
    machine: { ...machine, platform: { ...machine.platform, init: verbs.init } },
    dial: wsDial({ identity, clock }),
    resolve: resolvePath,
    watchList: fileWatchList(join(stateDir, "watch.json"), log),
    changed: statusFile(stateDir, version, log),
  });
  const ends = [watchdog(process.env, clock), releaseText(clock)];
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  log("info", "the agent stops");
  await agent.stop(20_000);
  for (const end of ends) end();
  await verbs.close();
}
