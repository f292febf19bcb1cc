import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type Cli, command } from "../command.ts";
import { changeContexts, readContexts, useContext } from "../contexts.ts";
import { exit } from "../exit.ts";
import { numberOf } from "../usage.ts";

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

/** Everything to try out, with pretend hosts. */
export const sandbox = command({
  name: "sandbox",
  summary: "a controller with pretend hosts in a throw-away workspace, to try everything out",
  example: "backend-ai sandbox",
  async run(cli) {
    const before = (await readContexts(cli.env)).current,
      { startSandbox } = await loadSandbox();
    const running = await startSandbox({ env: cli.env, say: cli.terminal.say });
    await useContext(cli.env, "sandbox", { server: running.apiUrl, tokenFile: running.tokenFile });
    try {
      await stopped();
    } finally {
      await leaveSandbox(cli, before);
      await running.stop();
    }
    return exit.good;
  },
});

/** What `examples/sandbox/main.ts` offers: it prints its own tour by `say`. */
interface Sandbox {
  startSandbox(options: {
    readonly env: NodeJS.ProcessEnv;
    readonly say: (text: string) => void;
  }): Promise<{ readonly apiUrl: string; readonly tokenFile: string; stop(): Promise<void> }>;
}

async function loadSandbox(): Promise<Sandbox> {
  const place = new URL("../../../examples/sandbox/main.ts", import.meta.url).href;
  return (await import(place)) as Sandbox;
}

const leaveSandbox = (cli: Cli, before: string | undefined): Promise<void> =>
  changeContexts(cli.env, ({ contexts: { sandbox: _, ...contexts }, current }) => {
    const next = current !== "sandbox" ? current : before !== undefined && before in contexts ? before : undefined;
    return { version: 1, contexts, ...(next === undefined ? {} : { current: next }) };
  });

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
