import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { changeContexts, type Context, readContexts, useContext } from "../../controller/cli/contexts.ts";
import type { Running } from "../../controller/main.ts";
import { error, ProblemError } from "../../schemas/problem.ts";
import { firstRun } from "./first-run.ts";
import { serveControls } from "./controls.ts";
import { startStand } from "./stand.ts";
import { guide, tour } from "./tour.ts";

/** How a sandbox is wanted; everything may be left out. */
export interface SandboxOptions {
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly hosts?: number | undefined;
  readonly seed?: number | undefined;
  /** A new or empty folder to use and to leave behind; without it a temporary one that goes with the sandbox. */
  readonly keep?: string | undefined;
  /** 0: any free ports; otherwise the usual ones where they are free. */
  readonly port?: number | undefined;
  /** Takes what is said on the way, in whole lines. */
  readonly say?: ((text: string) => void) | undefined;
}

export interface Sandbox {
  readonly apiUrl: string;
  /** Where the fleet is broken: `POST /sandbox/break`. */
  readonly controlsUrl: string;
  readonly workspace: string;
  readonly tokenFile: string;
  readonly running: Running;
  /** Ends everything and removes the folder, unless it was to be kept. */
  stop(): Promise<void>;
}

/** The context of the command line that leads to the sandbox. */
const contextName = "sandbox";

/** Starts a controller with a fleet of pretend hosts in a throw-away workspace, brings the fleet to what its manifests say, and prints a tour. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { env = process.env, say = (text) => void process.stdout.write(text) } = options,
    begun = performance.now();
  const folder = options.keep === undefined ? await mkdtemp(join(tmpdir(), "backend-ai-sandbox-")) : resolve(options.keep);
  const ends: (() => Promise<unknown>)[] = [];
  if (options.keep === undefined) ends.push(() => rm(folder, { recursive: true, force: true }));
  const stop = async (): Promise<void> => {
    for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end();
  };
  try {
    await mkdir(folder, { recursive: true });
    const { running, fleet, workspace, ...stand } = await startStand({
      folder,
      hosts: options.hosts ?? 40,
      seed: options.seed ?? 7,
      port: await freePort(options.port ?? 3000),
      agentsPort: await freePort(options.port ?? 3001),
      // Of the environment only what the sandbox is about: it must not serve or take in anything of a real controller's.
      env: { ANTHROPIC_API_KEY: env["ANTHROPIC_API_KEY"], LOG_LEVEL: env["LOG_LEVEL"] ?? "error" },
    });
    ends.push(() => stand.stop());
    const controls = await serveControls(fleet, await freePort(options.port ?? 3002));
    ends.push(() => controls.close());
    const { apiUrl, tokenFile } = running;
    ends.push(await announce(env, { server: apiUrl, tokenFile, controls: controls.url }));
    say(`A controller and ${fleet.hosts.length} pretend hosts run. Bringing the hosts to what the manifests say …\n`);
    await firstRun(running.controller);
    const { current } = await readContexts(env);
    const place = {
      workspace,
      controls: controls.url,
      server: apiUrl,
      tokenFile,
      context: current === contextName ? undefined : contextName,
    };
    say(guide(tour(place), place, (performance.now() - begun) / 1000));
    return { apiUrl, controlsUrl: controls.url, workspace, tokenFile, running, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

/** Lets the command line find the sandbox by itself where it knows no other controller; resolves to what takes that back. */
async function announce(env: NodeJS.ProcessEnv, context: Context): Promise<() => Promise<void>> {
  const { server } = context,
    { current } = await readContexts(env);
  if (current === undefined || current === contextName) await useContext(env, contextName, context);
  else await changeContexts(env, (all) => ({ ...all, contexts: { ...all.contexts, [contextName]: context } }));
  return () =>
    changeContexts(env, ({ version, current: now, contexts: { [contextName]: mine, ...others } }) =>
      // Another sandbox may have taken the name meanwhile.
      mine !== undefined && mine.server !== server
        ? { version, ...(now === undefined ? {} : { current: now }), contexts: { ...others, [contextName]: mine } }
        : { version, ...(now === undefined || now === contextName ? {} : { current: now }), contexts: others },
    );
}

/** The port where nobody has it, else 0: any. */
const freePort = (port: number): Promise<number> =>
  new Promise((done) => {
    const server = createServer();
    server.once("error", () => done(0));
    server.listen(port, "127.0.0.1", () => server.close(() => done(port)));
  });

/** Starts a sandbox by the arguments of a command line and keeps it until the process is told to end. */
export async function main(args: readonly string[]): Promise<void> {
  const sandbox = await startSandbox(readArgs(args));
  await new Promise<void>((end) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => end());
  });
  await sandbox.stop();
}

function readArgs(args: readonly string[]): SandboxOptions {
  const { values } = parseArgs({
    args: [...args],
    options: { keep: { type: "string" }, hosts: { type: "string" }, seed: { type: "string" }, port: { type: "string" } },
    strict: true,
  });
  const number = (name: "hosts" | "seed" | "port"): number | undefined => {
    const text = values[name];
    if (text === undefined || /^\d{1,6}$/.test(text)) return text === undefined ? undefined : Number(text);
    throw new ProblemError(error("sandbox/usage", `Unable to use --${name} ${text}: it is no number`));
  };
  return { keep: values.keep, hosts: number("hosts"), seed: number("seed"), port: number("port") };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
