import { readFileSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CommanderError } from "commander";
import { ProblemError } from "../../schemas/problem.ts";
import { clean, cleanText } from "./clean.ts";
import { type Client, createClient } from "./client.ts";
import type { Cli, Target } from "./command.ts";
import { exit } from "./exit.ts";
import { createHttp } from "./http.ts";
import { paintFor } from "./paint.ts";
import { commandPath, createProgram, isPrinted, usageProblem } from "./program.ts";
import { table } from "./table.ts";
import { findEndpoint } from "./target.ts";
import { processTerminal } from "./terminal.ts";
import { problemsView } from "./views/problem.ts";

/** Runs one command line in this process; answers the exit status. */
async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const version = ownVersion(),
    terminal = processTerminal(env),
    clients: Client[] = [];
  let code: number = exit.good;
  const enter = (target: Target): Cli => ({
    env,
    cwd: process.cwd(),
    terminal,
    target,
    now: Date.now,
    version,
    async client() {
      if (clients[0] !== undefined) return clients[0];
      const endpoint = await findEndpoint(target, env);
      if (endpoint.warnings.length > 0) terminal.tell(problemsView, endpoint.warnings);
      return (clients[0] = createClient(createHttp(endpoint, version)));
    },
  });
  const program = createProgram(table, {
    version,
    enter,
    done: (status) => (code = status),
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (cause) {
    if (isPrinted(cause)) return exit.good;
    return tell(
      cause instanceof CommanderError && cause.code !== "commander.help" ? usageProblem(cause, commandPath(program, args)) : cause,
      env,
    );
  } finally {
    for (const client of clients) await client.close();
  }
}

/** Says what went wrong, without a stack, and answers the exit status for it. */
function tell(cause: unknown, env: NodeJS.ProcessEnv): number {
  const paint = paintFor(process.stderr, env);
  if (cause instanceof ProblemError) {
    process.stderr.write(`${problemsView(clean(cause.problems), paint)}\n`);
    return cause.problems[0]?.code === "usage" ? exit.usage : exit.error;
  }
  // Commander wrote its help there already: no command was given.
  if (cause instanceof CommanderError) return exit.usage;
  process.stderr.write(`${paint("bad", "error:")} Unable to go on: ${cleanText(cause instanceof Error ? cause.message : String(cause))}\n`);
  if (env["BACKEND_AI_DEBUG"] !== undefined && cause instanceof Error) process.stderr.write(`${cause.stack ?? ""}\n`);
  return exit.error;
}

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };
  return version;
}

/** Runs the command line of this process, and sets its exit status. */
export async function start(): Promise<void> {
  process.exitCode = await main(process.argv.slice(2), process.env);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await start();
