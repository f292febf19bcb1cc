import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { readConfig } from "../../controller/config.ts";
import { type Running, startController } from "../../controller/main.ts";
import { runFleet } from "./agents.ts";
import { type PretendFleet, pretendFleet } from "./fleet.ts";
import { makeWorkspace } from "./workspace.ts";

export interface StandOptions {
  /** A folder that exists; `workspace` and `data` are made in it. */
  readonly folder: string;
  readonly hosts: number;
  readonly seed: number;
  /** 0, where not given: any free port. */
  readonly port?: number | undefined;
  readonly agentsPort?: number | undefined;
  /** What the controller reads as its environment. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Milliseconds between looks at the figures of a host. */
  readonly metricsEveryMs?: number | undefined;
}

/** A whole controller with a fleet of pretend hosts, in this process. */
export interface Stand {
  readonly running: Running;
  readonly fleet: PretendFleet;
  readonly workspace: string;
  stop(): Promise<void>;
}

/** Starts a controller in the sandbox's workspace, and the agents of a fleet that are connected within the process. */
export async function startStand(options: StandOptions): Promise<Stand> {
  const workspace = join(options.folder, "workspace"),
    dataDir = join(options.folder, "data");
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await makeWorkspace(workspace);
  const ports = { port: options.port ?? 0, agentsPort: options.agentsPort ?? 0, host: "127.0.0.1", agentsHost: "127.0.0.1" };
  const running = await startController(await readConfig({ LOG_LEVEL: "error", ...options.env }, { workspace, dataDir, ...ports }));
  const { hosts, seed, metricsEveryMs } = options,
    fleet = pretendFleet({ hosts, seed, metricsEveryMs });
  const agents = await runFleet(fleet.hosts, running.hub).catch(async (cause: unknown) => {
    await running.stop();
    throw cause;
  });
  return {
    running,
    fleet,
    workspace,
    async stop() {
      await agents.stop();
      await running.stop();
    },
  };
}
