import { resolve } from "node:path";
import { nearest } from "../../../schemas/selector/nearest.ts";
import { command, json } from "../command.ts";
import { type Context, changeContexts, readContexts, useContext } from "../contexts.ts";
import { exit } from "../exit.ts";
import { serverUrl } from "../target.ts";
import { usage } from "../usage.ts";
import { tableView } from "../views/table.ts";

interface Options {
  readonly server?: string;
  readonly tokenFile?: string;
  readonly ca?: string;
}

const add = command<Options>({
  name: "add",
  summary: "remember a controller and use it; --server says its address",
  arguments: [["<name>", "what to call it"]],
  options: [
    ["--token-file <FILE>", "a file with the API token"],
    ["--ca <FILE>", "the CA of its certificate (PEM); nothing else is trusted"],
  ],
  example: "backend-ai context add prod --server https://controller.example:3000 --token-file ~/.prod-token",
  async run(cli, [name = ""], options) {
    if (cli.target.server === undefined) throw usage("context add needs --server URL");
    const file = (path: string | undefined): string | undefined => (path === undefined ? undefined : resolve(cli.cwd, path)),
      tokenFile = file(options.tokenFile),
      caFile = file(options.ca);
    await useContext(cli.env, name, {
      server: serverUrl(cli.target.server).href,
      ...(tokenFile === undefined ? {} : { tokenFile }),
      ...(caFile === undefined ? {} : { caFile }),
    });
    cli.terminal.say(`Commands use ${name} (${cli.target.server}) from now on.`);
    return exit.good;
  },
});

const use = command({
  name: "use",
  summary: "use another controller from now on",
  arguments: [["<name>", "as `backend-ai context` lists it"]],
  example: "backend-ai context use prod",
  async run(cli, [name = ""]) {
    await changeContexts(cli.env, (all) => ({ ...all, current: (known(all.contexts, name), name) }));
    cli.terminal.say(`Commands use ${name} from now on.`);
    return exit.good;
  },
});

const remove = command({
  name: "remove",
  summary: "forget a controller; its token file stays",
  arguments: [["<name>", "as `backend-ai context` lists it"]],
  example: "backend-ai context remove sandbox",
  async run(cli, [name = ""]) {
    await changeContexts(cli.env, ({ contexts, current }) => {
      known(contexts, name);
      const rest = Object.fromEntries(Object.entries(contexts).filter(([one]) => one !== name));
      return { version: 1, contexts: rest, ...(current === undefined || current === name ? {} : { current }) };
    });
    cli.terminal.say(`${name} is forgotten.`);
    return exit.good;
  },
});

/** Controllers that this user knows. */
export const context = command<{ readonly json?: boolean }>({
  name: "context",
  summary: "the controllers that you know, and which one commands use",
  options: [json],
  example: "backend-ai context",
  children: [add, use, remove],
  async run(cli, _args, options) {
    const { contexts, current } = await readContexts(cli.env),
      all = Object.entries(contexts).map(([name, one]) => ({ name, current: name === current, ...one }));
    if (options.json === true) cli.terminal.json(all);
    else
      cli.terminal.show(
        (rows: typeof all, paint) =>
          tableView(
            ["", "NAME", "SERVER", "TOKEN FILE"],
            rows.map((one) => [one.current ? paint("good", "*") : "", one.name, one.server, one.tokenFile ?? ""]),
            paint,
            "No contexts. `backend-ai init` and `backend-ai controller` make one.",
          ),
        all,
      );
    return exit.good;
  },
});

function known(contexts: Readonly<Record<string, Context>>, name: string): void {
  if (name in contexts) return;
  const meant = nearest(name, Object.keys(contexts));
  throw usage(`There is no context ${name}`, meant === undefined ? "`backend-ai context` lists them." : `Did you mean ${meant}?`);
}
