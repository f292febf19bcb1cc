import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { command } from "../command.ts";
import { useContext } from "../contexts.ts";
import { exit } from "../exit.ts";
import { numberOf } from "../usage.ts";
import { backup } from "./backup.ts";
import { breakHost, faults } from "./sandbox-faults.ts";

interface Options {
  readonly port?: string;
  readonly wsPort?: string;
  readonly host?: string;
}

/** The controller itself, in the foreground. */
export const controller = command<Options>({
  name: "controller",
  aliases: ["up"],
  summary: "run the controller of a workspace, in the foreground",
  arguments: [["[dir]", "the workspace; the one around this folder without it"]],
  options: [
    ["--port <PORT>", "the API's port (PORT, 3000)"],
    ["--ws-port <PORT>", "the agents' port (WS_PORT, 3001)"],
    ["--host <ADDRESS>", "the API's address (HOST, 127.0.0.1)"],
  ],
  example: "backend-ai controller infra",
  children: [backup],
  async run(cli, [given], options) {
    const [{ readConfig }, { startController }] = await Promise.all([import("../../config.ts"), import("../../main.ts")]);
    const workspace = given === undefined ? workspaceAround(cli.cwd) : resolve(cli.cwd, given);
    const config = await readConfig(cli.env, {
      workspace,
      ...(options.port === undefined ? {} : { port: numberOf(options.port, "--port", 0, 65_535) }),
      ...(options.wsPort === undefined ? {} : { agentsPort: numberOf(options.wsPort, "--ws-port", 0, 65_535) }),
      ...(options.host === undefined ? {} : { host: options.host }),
    });
    const running = await startController(config);
    await useContext(cli.env, basename(workspace), { server: running.apiUrl, tokenFile: running.tokenFile });
    cli.terminal.say(
      `The controller of ${workspace} listens on ${running.apiUrl}; agents connect to port ${running.agentsPort}. Commands on this machine use it (context ${basename(workspace)}). Ctrl-C stops it.`,
    );
    await stopped();
    cli.terminal.say("Stopping …");
    await running.stop();
    return exit.good;
  },
});

interface SandboxOptions {
  readonly hosts?: string;
  readonly seed?: string;
  readonly keep?: string;
  readonly port?: string;
}

/** Everything to try out, with pretend hosts; it prints a tour, and its context goes with it. */
export const sandbox = command<SandboxOptions>({
  name: "sandbox",
  summary: "a controller with pretend hosts in a throw-away workspace, to try everything out",
  options: [
    ["--hosts <N>", "how many pretend hosts (40)"],
    ["--seed <N>", "another fleet for each number"],
    ["--keep <DIR>", "use this new or empty folder, and leave it behind"],
    ["--port <PORT>", "0: any free ports; otherwise the usual ones where they are free"],
  ],
  example: "backend-ai sandbox",
  children: [breakHost, faults],
  async run(cli, _args, options) {
    const { startSandbox } = (await import(new URL("../../../examples/sandbox/main.ts", import.meta.url).href)) as SandboxModule;
    const running = await startSandbox({
      env: cli.env,
      say: cli.terminal.say,
      ...(options.hosts === undefined ? {} : { hosts: numberOf(options.hosts, "--hosts", 1, 100_000) }),
      ...(options.seed === undefined ? {} : { seed: numberOf(options.seed, "--seed", 0, 1_000_000_000) }),
      ...(options.keep === undefined ? {} : { keep: resolve(cli.cwd, options.keep) }),
      ...(options.port === undefined ? {} : { port: numberOf(options.port, "--port", 0, 65_535) }),
    });
    await stopped();
    await running.stop();
    return exit.good;
  },
});

/** What is used of the sandbox; it is not imported by its type, since examples are no part of the controller. */
interface SandboxModule {
  startSandbox(options: {
    readonly env: NodeJS.ProcessEnv;
    readonly say: (text: string) => void;
    readonly hosts?: number;
    readonly seed?: number;
    readonly keep?: string;
    readonly port?: number;
  }): Promise<{ stop(): Promise<void> }>;
}

/** The workspace that a folder is in; the folder itself where it is in none. */
function workspaceAround(folder: string): string {
  for (let dir = folder; ; dir = dirname(dir)) {
    if (existsSync(join(dir, "backend-ai.yaml"))) return dir;
    if (dir === dirname(dir)) return folder;
  }
}

/** Resolves at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. */
const stopped = (): Promise<void> => {
  const { promise, resolve: done } = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => done());
  return promise;
};
