import { command } from "../command.ts";
import { exit } from "../exit.ts";
import { numberOf } from "../usage.ts";
import { eventsView, eventView } from "../views/listings.ts";

interface Options {
  readonly json?: boolean;
  readonly follow?: boolean;
  readonly last?: string;
}

/** What happened, and happens. */
export const events = command<Options>({
  name: "events",
  summary: "what happened; with --follow, what happens",
  options: [
    ["-f, --follow", "go on with what happens from now on"],
    ["-n, --last <N>", "how many of the newest (20)"],
    ["--json", "JSON; one event a line with --follow"],
  ],
  example: "backend-ai events --follow",
  async run(cli, _args, options) {
    const client = await cli.client(),
      { events: newest, last } = await client.latestEvents(numberOf(options.last ?? "20", "--last", 1, 1000));
    if (options.follow !== true) {
      if (options.json === true) cli.terminal.json(newest);
      else cli.terminal.show(eventsView, newest);
      return exit.good;
    }
    const show =
      options.json === true
        ? (event: (typeof newest)[number]) => cli.terminal.data(JSON.stringify(event))
        : (event: (typeof newest)[number]) => cli.terminal.show(eventView, event);
    // Before the first line, so that whoever has seen one can leave; a second Ctrl-C changes nothing any more.
    const leaving = new AbortController(),
      leave = (): void => leaving.abort();
    process.on("SIGINT", leave);
    newest.forEach(show);
    for await (const event of client.followEvents(last, leaving.signal)) show(event);
    return exit.good;
  },
});
