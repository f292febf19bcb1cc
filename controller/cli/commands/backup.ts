import { resolve } from "node:path";
import { command, json } from "../command.ts";
import { exit } from "../exit.ts";

/** A backup of a controller that runs on this machine. */
export const backup = command<{ readonly json?: boolean }>({
  name: "backup",
  summary: "write database and keys of the running controller into a new folder on its machine",
  arguments: [["<dir>", "the folder; it must not exist"]],
  options: [json],
  example: "backend-ai controller backup /backup/backend-ai-2026-11-20",
  async run(cli, [dir = ""], options) {
    const made = await (await cli.client()).backUp(resolve(cli.cwd, dir));
    if (options.json === true) cli.terminal.json(made);
    else
      cli.terminal.say(
        `The backup is in ${made.folder}, with the keys to all hosts: encrypt it. Of the workspace it names the commit ${made.workspace.commit ?? "(none)"} of ${made.workspace.branch}: back up the repository too.`,
      );
    return exit.good;
  },
});
