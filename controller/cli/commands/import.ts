import { command } from "../command.ts";
import { consent } from "../carry-out.ts";
import { fileChanges } from "../edits.ts";
import { exit } from "../exit.ts";
import { usage } from "../usage.ts";
import { fileChangesView } from "../views/diff.ts";
import { count } from "../views/hosts-text.ts";
import { problemsView } from "../views/problem.ts";

interface Options {
  readonly service?: string[];
  readonly file?: string[];
  readonly package?: string[];
  readonly guest?: string[];
  readonly print?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Manifests for what already is. */
export const importResources = command<Options>({
  name: "import",
  summary: "manifests for what hosts already have, such that nothing has to be changed",
  arguments: [["<selector>", "the hosts"]],
  options: [
    ["--service <UNIT>", "a unit, or a glob such as 'php*'; may be repeated", "many"],
    ["--file <PATH>", "a file of the hosts; may be repeated", "many"],
    ["--package <NAME>", "a package, or a glob; may be repeated", "many"],
    ["--guest <NAME>", "a guest of the clusters by name, glob or number; may be repeated", "many"],
    ["--print", "the manifests on standard output; nothing is committed"],
    ["--yes", "commit without asking"],
    ["--json", "edits and problems as JSON; nothing is committed"],
  ],
  example: "backend-ai import tag=webserver --service nginx --package nginx --file /etc/nginx/nginx.conf",
  async run(cli, [selector = ""], options) {
    const wanted = {
      services: options.service ?? [],
      files: options.file ?? [],
      packages: options.package ?? [],
      guests: options.guest ?? [],
    };
    if (Object.values(wanted).every((one) => one.length === 0))
      throw usage("Name what to import: --service UNIT, --file PATH, --package NAME or --guest NAME");
    for (const path of wanted.files) if (!path.startsWith("/")) throw usage(`--file takes a path from /, not ${JSON.stringify(path)}`);
    const client = await cli.client(),
      view = await client.importFrom({ on: selector, ...wanted }),
      faulty = view.problems.some((one) => one.severity === "error");
    if (options.json === true) return (cli.terminal.json(view), faulty ? exit.error : exit.good);
    cli.terminal.tell(problemsView, view.problems);
    if (view.edits.length === 0) return (cli.terminal.say("There is nothing to import."), faulty ? exit.error : exit.good);
    if (options.print === true) {
      // The text as it is: it is meant for a file.
      for (const { path, text } of view.edits) cli.terminal.data(`# ${path}\n${text ?? ""}`);
      return faulty ? exit.error : exit.good;
    }
    cli.terminal.show(fileChangesView, await fileChanges(client, view.edits));
    const yes = await consent(cli, `Commit ${count(view.resources.length, "resource")}?`, options.yes);
    if (yes === undefined) return (cli.terminal.say("Nothing was committed: there is no terminal to ask on, and no --yes."), exit.waits);
    if (!yes) return (cli.terminal.say("Nothing was committed."), exit.error);
    const { commit } = await client.commit(view.edits, `Import ${view.resources.join(", ").slice(0, 200)} from ${selector.slice(0, 200)}`);
    cli.terminal.say(
      `Committed ${commit.slice(0, 12)}: ${view.resources.join(", ")}. \`backend-ai reconcile --dry-run\` should find nothing to do.`,
    );
    return faulty ? exit.error : exit.good;
  },
});
