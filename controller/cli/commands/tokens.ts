import { type Role, roles } from "../../../schemas/api.ts";
import { nearest } from "../../../schemas/selector/nearest.ts";
import { command, json } from "../command.ts";
import { exit } from "../exit.ts";
import { durationOf, usage } from "../usage.ts";
import { tokensView } from "../views/listings.ts";

interface Options {
  readonly role?: string;
  readonly expires?: string;
  readonly json?: boolean;
}

const create = command<Options>({
  name: "create",
  summary: "a new API token; its secret is printed this once",
  arguments: [["<name>", "who or what it is for"]],
  options: [
    ["--role <ROLE>", `${roles.join(", ")} (viewer)`],
    ["--expires <DURATION>", "such as 90d; it does not expire without this"],
    json,
  ],
  example: "backend-ai token create ci --role operator --expires 90d",
  async run(cli, [name = ""], options) {
    const expires = options.expires === undefined ? undefined : durationOf(options.expires, "--expires");
    const token = await (await cli.client()).createToken(name, roleOf(options.role ?? "viewer"), expires);
    if (options.json === true) cli.terminal.json(token);
    else {
      cli.terminal.say(`Token ${token.id} for ${name}. This is its secret; it is not shown again:`);
      cli.terminal.data(token.secret);
    }
    return exit.good;
  },
});

const list = command<Options>({
  name: "list",
  summary: "API tokens, without their secrets",
  options: [json],
  example: "backend-ai token list",
  async run(cli, _args, options) {
    const all = await (await cli.client()).tokens();
    if (options.json === true) cli.terminal.json(all);
    else cli.terminal.show(tokensView, all);
    return exit.good;
  },
});

const revoke = command({
  name: "revoke",
  summary: "end an API token at once",
  arguments: [["<id>", "as `token list` shows it"]],
  example: "backend-ai token revoke 0f3a9b2c1d4e5f60",
  async run(cli, [id = ""]) {
    await (await cli.client()).revokeToken(id);
    cli.terminal.say(`Token ${id} is revoked.`);
    return exit.good;
  },
});

/** Tokens of the API. */
export const token = command({
  name: "token",
  summary: "tokens that let people and programs in",
  example: "backend-ai token create ci --role operator",
  children: [create, list, revoke],
});

function roleOf(text: string): Role {
  const role = roles.find((one) => one === text);
  if (role !== undefined) return role;
  const meant = nearest(text, roles);
  throw usage(`There is no role ${text}`, meant === undefined ? `Roles are: ${roles.join(", ")}.` : `Did you mean ${meant}?`);
}
