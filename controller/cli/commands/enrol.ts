import type { EnrolTokenView } from "../../../schemas/api.ts";
import { type Cli, command, json } from "../command.ts";
import { exit } from "../exit.ts";
import { durationOf, numberOf, usage } from "../usage.ts";

interface Options {
  readonly host?: string;
  readonly tag?: string[];
  readonly label?: string[];
  readonly uses?: string;
  readonly expires?: string;
  readonly replace?: boolean;
  readonly json?: boolean;
}

/** A join token, and the command that uses it. */
export const enrol = command<Options>({
  name: "enrol",
  summary: "a join token, as the command that installs an agent on a new host",
  options: [
    ["--host <NAME>", "the name that the host gets; its own without this"],
    ["--tag <TAG>", "a tag of the host; may be repeated", "many"],
    ["--label <KEY=VALUE>", "a label of the host; may be repeated", "many"],
    ["--uses <N>", "how many hosts may use it (1)"],
    ["--expires <DURATION>", "how long it is valid (1h)"],
    ["--replace", "the machine takes the place of one that has the name"],
    json,
  ],
  example: "backend-ai enrol --tag webserver --uses 3 --expires 30m",
  async run(cli, _args, options) {
    const uses = numberOf(options.uses ?? "1", "--uses", 1, 10_000);
    if (options.host !== undefined) checkName("--host", options.host, hostName, "lower case letters, digits and hyphens", "web-01");
    for (const tag of options.tag ?? [])
      checkName("--tag", tag, tagName, "lower case letters, digits, hyphens, dots and underscores", "webserver");
    if (options.host !== undefined && uses > 1) throw usage("--host names one machine: it does not go with --uses above 1");
    const token = await (await cli.client()).enrolToken({
      uses,
      expiresInMs: durationOf(options.expires ?? "1h", "--expires"),
      ...(options.host === undefined ? {} : { host: options.host }),
      ...(options.tag === undefined ? {} : { tags: options.tag }),
      ...(options.label === undefined ? {} : { labels: labelsOf(options.label) }),
      ...(options.replace === true ? { replace: true } : {}),
    });
    if (options.json === true) cli.terminal.json(token);
    else sayToken(cli, token, uses);
    return exit.good;
  },
});

function sayToken({ terminal }: Cli, token: EnrolTokenView, uses: number): void {
  terminal.say(
    `Paste this into a shell of the new host. It is valid until ${token.expiresAt}, for ${uses === 1 ? "one host" : `${uses} hosts`}, and is a secret until then.\nCA of ${token.url} (SHA-256): ${token.fingerprint}\n`,
  );
  terminal.data(token.command);
}

const hostName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
  tagName = /^[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?$/;

/** Hosts and tags are named as in manifests. */
function checkName(option: string, name: string, form: RegExp, words: string, example: string): void {
  if (form.test(name)) return;
  throw usage(`${option} takes a name of ${words}, such as ${example}, not ${JSON.stringify(name)}`);
}

function labelsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw usage(`--label takes KEY=VALUE, not ${JSON.stringify(pair)}`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
