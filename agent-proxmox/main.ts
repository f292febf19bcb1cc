import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { enrol } from "../agent/commands/enrol.ts";
import { type MakeVerbs, run } from "../agent/commands/run.ts";
import { readOptions } from "../agent/commands/settings.ts";
import { status } from "../agent/commands/status.ts";
import { hostClock as clock } from "../agent/runtime/clock.ts";
import { error, printProblem, ProblemError } from "../schemas/problem.ts";
import { openJournal } from "./cluster/journal.ts";
import { type ProxmoxConfig, proxmoxFile, readProxmoxConfig } from "./config.ts";
import manifest from "./package.json" with { type: "json" };
import { pveClient } from "./pve/client.ts";
import { proxmoxVerbs } from "./verbs-proxmox.ts";

const help = `ai-agent-proxmox ${manifest.version}: speaks for a Proxmox VE cluster to a Backend AI controller

  run        connect to the controller and do what it orders
  enrol      make this cluster known to a controller; the join token is read from standard input
  status     who this agent is and whether it is connected (exit 0: connected, 3: not)
  version

  --config FILE   settings, /etc/ai-agent/agent.env where not given; the cluster's are in ${proxmoxFile} or PROXMOX_ENV
  --ca FILE       authority of the controller's certificate (enrol)
`;

/** Reads proxmox.env with the environment over it; throws every problem at once. */
async function cluster(): Promise<ProxmoxConfig> {
  const file = process.env["PROXMOX_ENV"] ?? proxmoxFile;
  const text = await readFile(file, "utf8").catch((failure: NodeJS.ErrnoException) => {
    if (failure.code === "ENOENT") return "";
    throw new ProblemError(error("agent/config", `Unable to read ${file}: ${failure.message}`), { cause: failure });
  });
  const config = readProxmoxConfig({ ...parseEnv(text), ...process.env }, file);
  if ("endpoints" in config) return config;
  throw new ProblemError(config);
}

const verbs: MakeVerbs = async ({ stateDir, log }) => {
  const { endpoints, credentials, name } = await cluster();
  const client = pveClient({ endpoints, credentials }),
    journal = await openJournal(join(stateDir, "cluster.json"), () => clock.now());
  const made = proxmoxVerbs({ client, journal, clock, log, name });
  return {
    ...made,
    init: "other",
    atOnce: 16,
    async close() {
      await made.close();
      client.close();
    },
  };
};

/** Runs a sub-command; answers the exit status. */
async function main([command = "help", ...args]: readonly string[]): Promise<number> {
  const options = readOptions(command === "help" || command === "--help" ? [] : args);
  const tell = (text: string, code = 0): number => (process.stdout.write(text), code);
  if (command === "run") return (await run(options, manifest.version, verbs), 0);
  if (command === "enrol") return tell(await enrol(options, manifest.version));
  if (command === "status") {
    const { text, code } = await status(options);
    return tell(text, code);
  }
  if (command === "version" || command === "--version") return tell(`${manifest.version}\n`);
  if (command === "help" || command === "--help") return tell(help);
  process.stderr.write(help);
  return 64;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (failure: unknown) => {
    if (!(failure instanceof ProblemError)) throw failure;
    process.stderr.write(`${failure.problems.map(printProblem).join("\n")}\n`, () =>
      process.exit(failure.problems[0]?.code === "agent/config" ? 78 : 1),
    );
  },
);
