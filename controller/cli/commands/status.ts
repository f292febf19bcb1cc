import { command, json, on } from "../command.ts";
import { exit } from "../exit.ts";
import { agentsView } from "../views/hosts.ts";
import { driftView } from "../views/resources.ts";
import { statusView } from "../views/status.ts";

interface Options {
  readonly json?: boolean;
  readonly on?: string;
  readonly all?: boolean;
}

/** How everything stands. */
export const status = command<Options>({
  name: "status",
  summary: "how everything stands",
  options: [json],
  example: "backend-ai status",
  async run(cli, _args, options) {
    const view = await (await cli.client()).status();
    if (options.json === true) cli.terminal.json(view);
    else cli.terminal.show(statusView, view);
    return exit.good;
  },
});

/** Hosts with their agents. */
export const agents = command<Options>({
  name: "agents",
  aliases: ["hosts"],
  summary: "hosts with their agents",
  options: [on, json],
  example: "backend-ai agents --on 'os=debian & mem>80'",
  async run(cli, _args, options) {
    const hosts = await (await cli.client()).hosts(options.on);
    if (options.json === true) cli.terminal.json(hosts);
    else if (hosts.length === 0 && options.on !== undefined) cli.terminal.data(`No host is picked by ${options.on}.`);
    else cli.terminal.show(agentsView(cli.now()), hosts);
    return exit.good;
  },
});

/** What changed with no change of the manifests. */
export const drift = command<Options>({
  name: "drift",
  summary: "what changed on hosts with no change of the manifests, and who did it",
  options: [["--all", "closed alerts too"], json],
  example: "backend-ai drift",
  async run(cli, _args, options) {
    const alerts = await (await cli.client()).drift(options.all !== true, 1000);
    if (options.json === true) cli.terminal.json(alerts);
    else cli.terminal.show(driftView(cli.now()), alerts);
    return exit.good;
  },
});
