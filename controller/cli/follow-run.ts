import { setTimeout as pause } from "node:timers/promises";
import { ProblemError } from "../../schemas/problem.ts";
import type { RunEvent, RunView } from "../../schemas/run.ts";
import type { Client } from "./client.ts";
import type { Cli } from "./command.ts";
import { liveProgress } from "./live-progress.ts";
import { clean } from "./clean.ts";
import { progressOf, stepNames } from "./views/progress.ts";
import { durationText } from "./views/time.ts";

/** Shows what becomes of a run, host by host. */
export interface Progress {
  event(event: RunEvent): void;
  end(): Promise<void>;
}

/** Hosts up to which each has a line of its own that is drawn over. */
const mostLive = 30;

/** Follows a run to its end on standard error: drawn live on a terminal, else a line for each result. Ctrl-C leaves it: the run goes on, and undefined is answered. */
export async function followRun(cli: Cli, client: Client, id: string): Promise<RunView | undefined> {
  const leaving = new AbortController(),
    leave = (): void => leaving.abort();
  process.once("SIGINT", leave);
  try {
    const run = await client.run(id),
      progress = progressFor(cli, run);
    for (let after = 0, ended = false; !ended && !leaving.signal.aborted; ) {
      const piece = await patiently(cli, () => client.runEvents(id, after, leaving.signal), leaving.signal);
      for (const event of piece.events) progress.event(clean(event));
      [after, ended] = [piece.next, piece.ended];
    }
    await progress.end();
    return await client.run(id);
  } catch (cause) {
    if (!leaving.signal.aborted) throw cause;
    cli.terminal.say(
      `\nThe run goes on without this terminal. To follow it: backend-ai runs ${id} --follow. To stop it: backend-ai runs ${id} --cancel`,
    );
    return undefined;
  } finally {
    process.off("SIGINT", leave);
  }
}

/** How long a controller may be away, such as for a restart: its runs go on when it is back. */
const patienceMs = 60_000;

async function patiently<T>(cli: Cli, ask: () => Promise<T>, leaving: AbortSignal): Promise<T> {
  for (let since: number | undefined; ; ) {
    try {
      return await ask();
    } catch (cause) {
      const away = cause instanceof ProblemError && cause.problems.every((one) => one.code.startsWith("client/") && one.retry === "later");
      if (!away || leaving.aborted || (since !== undefined && cli.now() - since > patienceMs)) throw cause;
      if (since === undefined) cli.terminal.say("The controller does not answer. The run goes on when it is back; waiting …");
      since ??= cli.now();
      await pause(1000, undefined, { signal: leaving });
    }
  }
}

function progressFor(cli: Cli, run: RunView): Progress {
  const hosts = new Set(run.changes.flatMap((change) => change.steps.map((step) => step.host)));
  return cli.terminal.live && hosts.size > 0 && hosts.size <= mostLive ? liveProgress(run, cli.terminal.paint) : plainProgress(cli, run);
}

function plainProgress({ terminal, now }: Cli, run: RunView): Progress {
  const names = stepNames(clean(run)),
    began = now(),
    all = names.size,
    finished = new Set<string>();
  return {
    event(event) {
      const progress = progressOf(event, names, terminal.paint);
      if (progress === undefined || !progress.over) return;
      if (event.type === "step-result") finished.add(event.step);
      terminal.say(`${durationText(now() - began).padStart(8)}  [${finished.size}/${all}]  ${progress.host}  ${progress.text}`);
    },
    end: async () => undefined,
  };
}
