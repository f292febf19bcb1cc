import { follow } from "../carry-out.ts";
import { command, json } from "../command.ts";
import { exit } from "../exit.ts";
import { numberOf, usage } from "../usage.ts";
import { wholeRun } from "../whole-run.ts";
import { runSummary, runsView, runView } from "../views/run.ts";

interface Options {
  readonly json?: boolean;
  readonly follow?: boolean;
  readonly cancel?: boolean;
  readonly last: string;
}

/** Executions of plans. */
export const runs = command<Options>({
  name: "runs",
  summary: "runs, or one of them step by step",
  arguments: [["[id]", "a run, or the beginning of its id; the last one is called `last`"]],
  options: [
    ["--follow", "stay until the run is over"],
    ["--cancel", "let steps under way end and start no more"],
    ["-n, --last <N>", "how many runs (20)"],
    json,
  ],
  example: "backend-ai runs last --follow",
  async run(cli, [given], options) {
    const client = await cli.client();
    if (given === undefined) {
      if (options.follow === true || options.cancel === true) throw usage("--follow and --cancel need the id of a run, or `last`");
      const all = await client.runs(numberOf(options.last ?? "20", "--last", 1, 100_000));
      if (options.json === true) cli.terminal.json(all);
      else cli.terminal.show(runsView, all);
      return exit.good;
    }
    const id = await wholeRun(client, given);
    if (id === undefined) throw usage("There are no runs yet");
    if (options.cancel === true) {
      const run = await client.cancelRun(id);
      if (options.json === true) cli.terminal.json(run);
      else cli.terminal.tell(runSummary, run);
      return exit.good;
    }
    if (options.follow === true && options.json !== true) return (await follow(cli, client, id)).code;
    const run = options.follow === true ? (await follow(cli, client, id)).run : await client.run(id);
    if (options.json === true) cli.terminal.json(run);
    else if (run !== undefined) cli.terminal.show(runView, run);
    return exit.good;
  },
});
