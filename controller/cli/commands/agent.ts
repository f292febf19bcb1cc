import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Agent, fetch } from "undici";
import { error, ProblemError } from "../../../schemas/problem.ts";
import { command, json } from "../command.ts";
import { exit } from "../exit.ts";
import { usage } from "../usage.ts";
import { hostView } from "../views/hosts.ts";

const agentMain = fileURLToPath(new URL("../../../agent/main.ts", import.meta.url));
const config = ["--config <FILE>", "its settings (/etc/ai-agent/agent.env)"] as const;

interface Options {
  readonly config?: string;
  readonly json?: boolean;
  readonly url?: string;
  readonly ca?: string;
  readonly enrolAgain?: boolean;
  readonly yes?: boolean;
}

const run = command<Options>({
  name: "run",
  summary: "the agent itself, in the foreground",
  options: [config],
  example: "backend-ai agent run --config ./agent.env",
  run: (cli, _args, options) => runProgram(process.execPath, [agentMain, "run", ...configArgs(cli.cwd, options)]),
});

const status = command<Options>({
  name: "status",
  summary: "the agent of this machine, or of a host as the controller knows it",
  arguments: [["[host]", "a host; this machine without it"]],
  options: [config, json],
  example: "backend-ai agent status web-01",
  async run(cli, [host], options) {
    if (host === undefined)
      return runProgram(process.execPath, [
        agentMain,
        "status",
        ...configArgs(cli.cwd, options),
        ...(options.json === true ? ["--json"] : []),
      ]);
    const view = await (await cli.client()).host(host);
    if (options.json === true) cli.terminal.json(view);
    else cli.terminal.show(hostView(cli.now()), view);
    return view.online ? exit.good : exit.error;
  },
});

const install = command<Options>({
  name: "install",
  summary: "install or upgrade the agent of this machine, as root; the join token is read from standard input",
  options: [
    ["--url <URL>", "the controller's address for agents"],
    ["--ca <FILE>", "its CA certificate (PEM): nothing else is trusted"],
    ["--enrol-again", "forget who this agent is, and use the join token"],
  ],
  example: "sudo backend-ai agent install --url https://controller.example:3001 --ca ca.pem < join-token",
  async run(cli, _args, { url, ca, enrolAgain }) {
    if (url === undefined || ca === undefined)
      throw usage("agent install needs --url and --ca", "`backend-ai enrol` on the controller prints a command that has them.");
    if (!url.startsWith("https://")) throw usage("--url has to be an https address");
    const folder = await mkdtemp(join(tmpdir(), "backend-ai-")),
      script = join(folder, "install-agent.sh"),
      caFile = resolve(cli.cwd, ca);
    try {
      await writeFile(script, await download(url, caFile), { mode: 0o600 });
      return await runProgram("sh", [script, "--url", url, "--ca", caFile, ...(enrolAgain === true ? ["--enrol-again"] : [])]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

const revoke = command<Options>({
  name: "revoke",
  summary: "revoke the agent of a host at once: it is let in no more",
  arguments: [["<host>", "the host"]],
  options: [["--yes", "without asking"]],
  example: "backend-ai agent revoke web-03",
  async run(cli, [host = ""], options) {
    const client = await cli.client();
    // A name that nobody has is told before anybody is asked, with the nearest one.
    if (!(await client.hosts()).some((one) => one.agent === host)) await client.host(host);
    const yes =
      options.yes === true ||
      (cli.terminal.interactive && (await cli.terminal.confirm(`Revoke the agent of ${host}? It has to be enrolled anew to come back.`)));
    if (!yes)
      return (
        cli.terminal.say(
          cli.terminal.interactive ? "Nothing was changed." : "Nothing was changed: there is no terminal to ask on, and no --yes.",
        ),
        cli.terminal.interactive ? exit.error : exit.waits
      );
    await client.revokeAgent(host);
    cli.terminal.say(`The agent of ${host} is revoked.`);
    return exit.good;
  },
});

/** The agent: run, install, look at, revoke. */
export const agent = command({
  name: "agent",
  summary: "the agent of a host",
  example: "backend-ai agent status web-01",
  children: [run, install, status, revoke],
});

const configArgs = (cwd: string, options: Options): string[] =>
  options.config === undefined ? [] : ["--config", resolve(cwd, options.config)];

async function download(url: string, caFile: string): Promise<string> {
  const ca = await readFile(caFile, "utf8").catch((cause: Error) => {
    throw new ProblemError(error("agent/ca", `Unable to read the CA ${caFile}: ${cause.message}`), { cause });
  });
  const dispatcher = new Agent({ connect: { ca, maxCachedSessions: 0 } });
  try {
    const answer = await fetch(new URL("/install-agent.sh", url), { dispatcher, redirect: "error" });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    return await answer.text();
  } catch (cause) {
    const { message, cause: inner } = cause as Error & { cause?: Error };
    throw new ProblemError(
      error("agent/download", `Unable to get the installer from ${url}: ${inner?.message ?? message}`, { retry: "later" }),
      { cause },
    );
  } finally {
    await dispatcher.destroy();
  }
}

/** Runs a program on this terminal; signals reach it, its exit status is ours. */
function runProgram(program: string, args: readonly string[]): Promise<number> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { stdio: "inherit" }),
      ignore = (): void => undefined,
      end = (): void => void child.kill("SIGTERM");
    process.on("SIGINT", ignore).on("SIGTERM", end);
    child.once("error", (cause) => fail(new ProblemError(error("agent/start", `Unable to start ${program}: ${cause.message}`), { cause })));
    child.once("exit", (code, signal) => {
      process.off("SIGINT", ignore).off("SIGTERM", end);
      done(code ?? (signal === "SIGINT" ? exit.interrupted : exit.error));
    });
  });
}
