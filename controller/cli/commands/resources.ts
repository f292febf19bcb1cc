import { nearest } from "../../../schemas/selector/nearest.ts";
import type { Client } from "../client.ts";
import { command, json } from "../command.ts";
import { exit } from "../exit.ts";
import { usage } from "../usage.ts";
import { hostView } from "../views/hosts.ts";
import { instanceView, resourcesView, resourceView } from "../views/resources.ts";

interface Options {
  readonly json?: boolean;
}

/** Resources of a kind. */
export const get = command<Options>({
  name: "get",
  summary: "resources of a kind, or one of them",
  arguments: [["[kind]", "KIND or KIND/NAME; all kinds without it"]],
  options: [json],
  example: "backend-ai get service\n  backend-ai get Service/nginx --json",
  async run(cli, [given], options) {
    const client = await cli.client(),
      { kind, name } = await kindIn(client, given);
    const found = name === undefined ? await client.resources(kind) : [await client.resource(`${kind}/${name}`)];
    if (options.json === true) cli.terminal.json(name === undefined ? found : found[0]);
    else cli.terminal.show(resourcesView, found);
    return exit.good;
  },
});

/** Everything that is known of one thing. */
export const describe = command<Options>({
  name: "describe",
  summary: "everything that is known of a resource, a resource on one host, or a host",
  arguments: [["<id>", "Kind/name, Kind/name@host or the name of a host"]],
  options: [json],
  example: "backend-ai describe Service/nginx@web-01",
  async run(cli, [given = ""], options) {
    const client = await cli.client();
    if (!given.includes("/")) {
      const host = await client.host(given);
      if (options.json === true) cli.terminal.json(host);
      else cli.terminal.show(hostView(cli.now()), host);
      return exit.good;
    }
    const { kind, name } = await kindIn(client, given),
      id = `${kind}/${name}`;
    if (given.includes("@")) {
      const instance = await client.instance(id);
      if (options.json === true) cli.terminal.json(instance);
      else cli.terminal.show(instanceView(cli.now()), instance);
    } else {
      const resource = await client.resource(id);
      if (options.json === true) cli.terminal.json(resource);
      else cli.terminal.show(resourceView(cli.now()), resource);
    }
    return exit.good;
  },
});

/** The kind that somebody means: in any case, as a plural, of those that the workspace uses or the product knows. */
async function kindIn(
  client: Client,
  given: string | undefined,
): Promise<{ readonly kind: string | undefined; readonly name: string | undefined }> {
  if (given === undefined) return { kind: undefined, name: undefined };
  const slash = given.indexOf("/"),
    word = slash < 0 ? given : given.slice(0, slash),
    name = slash < 0 ? undefined : given.slice(slash + 1);
  const known = [...new Set(["File", "Host", "Package", "Policy", "Service", ...(await client.resources()).map((one) => one.kind)])],
    low = word.toLowerCase();
  const kind = known.find((one) => [one.toLowerCase(), `${one.toLowerCase()}s`, `${one.toLowerCase().replace(/y$/, "ie")}s`].includes(low));
  if (kind !== undefined) return { kind, name };
  const meant = nearest(
    low,
    known.map((one) => one.toLowerCase()),
  );
  throw usage(
    `There is no kind ${word}`,
    meant === undefined ? `Kinds are: ${known.sort().join(", ")}.` : `Did you mean ${known.find((one) => one.toLowerCase() === meant)}?`,
  );
}
