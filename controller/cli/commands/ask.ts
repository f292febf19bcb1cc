import type { CommandView } from "../../../schemas/api.ts";
import { consent, follow, sayWaits } from "../carry-out.ts";
import { cleanText } from "../clean.ts";
import type { Client } from "../client.ts";
import { type Cli, command, json } from "../command.ts";
import { fileChanges } from "../edits.ts";
import { exit } from "../exit.ts";
import { usage } from "../usage.ts";
import { commandView } from "../views/command.ts";
import { patchOf } from "../views/diff.ts";

interface Options {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly offline?: boolean;
  readonly json?: boolean;
  readonly on?: string[];
}

/** A sentence, from its words to the hosts. */
export const ask = command<Options>({
  name: "ask",
  summary: "say what you want: shows the change of the manifests and the plan, asks, commits and runs",
  arguments: [["<sentence...>", "in your own words"]],
  options: [
    ["--dry-run", "only show what it would do"],
    ["--yes", "confirm without asking"],
    ["--offline", "without Claude, by the built-in grammar"],
    ["--on <HOST>", "nothing outside this host; may be repeated", "many"],
    json,
  ],
  example: 'backend-ai ask "restart nginx on all web servers"',
  async run(cli, words, options) {
    if (words.join("").trim() === "") throw usage("Nothing was asked", 'Say it in words: backend-ai ask "is nginx running on web-01?"');
    const client = await cli.client(),
      { view, code } = await converse(cli, client, words.join(" "), options);
    if (options.json === true) cli.terminal.json(view);
    return code;
  },
});

async function converse(
  cli: Cli,
  client: Client,
  sentence: string,
  options: Options,
): Promise<{ readonly view: CommandView; readonly code: number }> {
  const said = {
    ...(options.offline === true ? { offline: true } : {}),
    ...(options.dryRun === true ? { dryRun: true } : {}),
    ...(options.on === undefined ? {} : { targetAgents: options.on }),
  };
  let view = await client.ask({ command: sentence, requireConfirmation: true, ...said });
  for (;;) {
    if (options.json !== true) cli.terminal.show(commandView, await withDiff(client, view));
    if (view.status !== "clarify" || view.conversation === undefined || !cli.terminal.interactive) break;
    const answer = await cli.terminal.ask("Your answer");
    if (answer === undefined) return { view, code: exit.error };
    view = await client.ask({ command: answer, requireConfirmation: true, conversation: view.conversation, ...said });
  }
  if (view.status === "answered" || view.status === "preview" || view.status === "done") return { view, code: exit.good };
  if (view.status === "waiting-for-confirmation") return confirm(cli, client, view, options);
  if (view.status === "clarify" && options.json !== true)
    cli.terminal.say("It waits for an answer: there is no terminal to ask on. Say it again, more exactly.");
  if (view.status === "clarify") return { view, code: exit.waits };
  return carryOn(cli, client, view);
}

async function confirm(
  cli: Cli,
  client: Client,
  view: CommandView,
  options: Options,
): Promise<{ readonly view: CommandView; readonly code: number }> {
  const tainted = view.tainted === true;
  if (tainted && options.yes === true) cli.terminal.say("Logs or files of hosts were read before this: --yes does not hold for it.");
  const yes = await consent(cli, "Commit this, and carry it out?", tainted ? undefined : options.yes);
  if (yes === undefined) {
    cli.terminal.say(`It waits for confirmation: there is no terminal to ask on, and no --yes that holds. Plan: ${view.digest ?? "none"}`);
    return { view, code: exit.waits };
  }
  if (yes) return carryOn(cli, client, await client.confirm(view.id));
  cli.terminal.say("Nothing was changed.");
  return { view: await client.rejectCommand(view.id), code: exit.error };
}

async function carryOn(cli: Cli, client: Client, view: CommandView): Promise<{ readonly view: CommandView; readonly code: number }> {
  if (view.run !== undefined) return { view, code: (await follow(cli, client, view.run)).code };
  if (view.status === "waiting-for-approval")
    return { view, code: view.digest === undefined ? exit.waits : sayWaits(cli, view.digest, view.waiting ?? "it needs somebody's yes") };
  if (view.status === "running")
    return (cli.terminal.say(cleanText(view.waiting ?? "It is on its way: backend-ai status")), { view, code: exit.good });
  return { view, code: view.status === "done" ? exit.good : exit.error };
}

/** The edits as a diff, where the controller did not send one. */
async function withDiff(client: Client, view: CommandView): Promise<CommandView> {
  if (view.diff !== undefined || view.edits === undefined || view.edits.length === 0) return view;
  return { ...view, diff: (await fileChanges(client, view.edits)).map(patchOf).join("\n") };
}
