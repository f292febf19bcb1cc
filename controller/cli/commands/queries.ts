import { setTimeout as pause } from "node:timers/promises";
import pLimit from "p-limit";
import type { HostSummary } from "../../../schemas/api.ts";
import { error, type Problem, ProblemError } from "../../../schemas/problem.ts";
import type { Client } from "../client.ts";
import { type Cli, command, json } from "../command.ts";
import { exit } from "../exit.ts";
import { durationOf, numberOf, usage } from "../usage.ts";
import { topView } from "../views/hosts.ts";
import { type HostEntry, type Journal, logsView } from "../views/logs.ts";
import { problemsView } from "../views/problem.ts";
import { tableView } from "../views/table.ts";

const priorities = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
const timeoutMs = 30_000;

interface LogOptions {
  readonly unit?: string;
  readonly lines?: string;
  readonly since?: string;
  readonly match?: string;
  readonly priority?: string;
  readonly follow?: boolean;
  readonly json?: boolean;
}

/** Lines of hosts' logs. */
export const logs = command<LogOptions>({
  name: "logs",
  summary: "lines of the system log of hosts",
  arguments: [["<selector>", "a host, or a selector of several"]],
  options: [
    ["-u, --unit <UNIT>", "only of this unit"],
    ["-n, --lines <N>", "how many lines of each host (50)"],
    ["--since <DURATION>", "only of the last 5m, 2h …"],
    ["--match <TEXT>", "only lines that contain this text"],
    ["-p, --priority <NAME>", `this and graver: ${priorities.join(", ")}`],
    ["-f, --follow", "go on with new lines"],
    ["--json", "JSON; one line each with --follow"],
  ],
  example: "backend-ai logs tag=webserver --unit nginx.service --since 1h --priority err",
  async run(cli, [selector = ""], options) {
    const client = await cli.client(),
      hosts = await hostsOf(client, selector),
      view = logsView(hosts.length > 1),
      sinceMs = options.since === undefined ? undefined : durationOf(options.since, "--since");
    const fixed = {
      ...(options.unit === undefined ? {} : { unit: unitOf(options.unit) }),
      ...(options.match === undefined ? {} : { match: options.match }),
      ...(options.priority === undefined ? {} : { priority: priorityOf(options.priority) }),
    };
    const ask = (lines: number, since: (host: HostSummary) => number | undefined): Promise<Asked> =>
      askAll(client, hosts, "journal", (host) => ({ ...fixed, lines, ...(since(host) === undefined ? {} : { since: since(host) }) }));
    const hostTime = (host: HostSummary): number => cli.now() - (host.clockOffsetMs ?? 0);
    const first = await ask(numberOf(options.lines ?? "50", "--lines", 1, 1000), (host) =>
        sinceMs === undefined ? undefined : hostTime(host) - sinceMs,
      ),
      entries = entriesOf(first);
    const show = (some: readonly HostEntry[]): void => {
      if (options.json === true) for (const one of some) cli.terminal.data(JSON.stringify({ host: one.host, ...one.entry }));
      else if (some.length > 0) cli.terminal.show(view, some);
    };
    if (options.json === true && options.follow !== true) cli.terminal.json(entries.map(({ host, entry }) => ({ host, ...entry })));
    else show(entries);
    const code = sayProblems(cli, first);
    if (options.follow !== true) return entries.length === 0 && code === exit.good ? (cli.terminal.say("No lines."), code) : code;
    const seen = new Map(
      hosts.map((host) => [
        host.name,
        Math.max(hostTime(host), ...entries.filter((one) => one.host === host.name).map((one) => one.entry.at)),
      ]),
    );
    for (;;) {
      await pause(1000);
      const fresh = entriesOf(await ask(1000, (host) => seen.get(host.name))).filter(({ host, entry }) => entry.at > (seen.get(host) ?? 0));
      for (const { host, entry } of fresh) seen.set(host, Math.max(seen.get(host) ?? 0, entry.at));
      show(fresh);
    }
  },
});

/** How busy hosts are. */
export const top = command<{ readonly json?: boolean; readonly watch?: boolean }>({
  name: "top",
  summary: "how busy hosts are, the busiest first",
  arguments: [["[selector]", "only these hosts"]],
  options: [["-w, --watch", "again every 2 s"], json],
  example: "backend-ai top tag=database",
  async run(cli, [selector], options) {
    const client = await cli.client();
    for (;;) {
      const hosts = await hostsOf(client, selector ?? "*");
      if (options.json === true) cli.terminal.json(hosts.map(({ name, state, metrics }) => ({ name, state, metrics })));
      else cli.terminal.show(topView, hosts);
      if (options.watch !== true) return exit.good;
      await pause(2000);
      cli.terminal.data("");
    }
  },
});

/** Whether agents answer, and how fast. */
export const ping = command<{ readonly json?: boolean }>({
  name: "ping",
  summary: "whether agents answer, and how fast",
  arguments: [["[selector]", "only these hosts"]],
  options: [json],
  example: "backend-ai ping name=web-*",
  async run(cli, [selector], options) {
    const client = await cli.client(),
      asked = await askAll(client, await hostsOf(client, selector ?? "*"), "host", () => ({}));
    const answers = asked.map(({ host, ms, problem }) => ({
      host,
      ok: problem === undefined,
      ms: Math.round(ms),
      ...(problem === undefined ? {} : { problem: problem.summary }),
    }));
    if (options.json === true) cli.terminal.json(answers);
    else
      cli.terminal.show(
        (all: typeof answers, paint) =>
          tableView(
            ["HOST", "ANSWERS", "MS", "WHY NOT"],
            all.map((one) => [
              one.host,
              one.ok ? paint("good", "yes") : paint("bad", "no"),
              one.ok ? String(one.ms) : "",
              one.problem ?? "",
            ]),
            paint,
            "No hosts.",
          ),
        answers,
      );
    return answers.every((one) => one.ok) ? exit.good : exit.error;
  },
});

/** A selector that picks no host. */
const nobody = (selector: string): ProblemError =>
  new ProblemError(error("not-found/host", `No host is picked by ${selector}`, { hint: "`backend-ai agents` lists them." }));

type Asked = readonly { readonly host: string; readonly value?: unknown; readonly problem?: Problem | undefined; readonly ms: number }[];

/** Hosts by their name or a selector; a usage problem where there is none. */
async function hostsOf(client: Client, selector: string): Promise<HostSummary[]> {
  const isName = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(selector);
  const hosts = isName ? [await client.host(selector)] : await client.hosts(selector);
  if (hosts.length > 0 || selector === "*") return hosts;
  throw nobody(selector);
}

async function askAll(client: Client, hosts: readonly HostSummary[], probe: string, input: (host: HostSummary) => unknown): Promise<Asked> {
  const limit = pLimit(16);
  return Promise.all(
    hosts.map((host) =>
      limit(async () => {
        const began = performance.now(),
          { value, problem } = await client.query(host.name, probe, input(host), timeoutMs);
        return { host: host.name, value, problem, ms: performance.now() - began };
      }),
    ),
  );
}

const entriesOf = (asked: Asked): HostEntry[] =>
  asked
    .flatMap(({ host, value }) => ((value as Journal | undefined)?.entries ?? []).map((entry) => ({ host, entry })))
    .sort((a, b) => a.entry.at - b.entry.at);

function sayProblems(cli: Cli, asked: Asked): number {
  const failed = asked.filter((one) => one.problem !== undefined);
  for (const { problem } of failed) if (problem !== undefined) cli.terminal.tell(problemsView, [problem]);
  return failed.length === 0 ? exit.good : exit.error;
}

/** A unit as systemctl takes it: a service where no type is said. */
function unitOf(text: string): string {
  if (!/^[\w@.\\:-]+$/.test(text)) throw usage(`--unit takes a unit such as nginx.service, not ${JSON.stringify(text)}`);
  return /\.(service|socket|timer|mount|path|target)$/.test(text) ? text : `${text}.service`;
}

function priorityOf(text: string): number {
  const index = /^[0-7]$/.test(text) ? Number(text) : priorities.indexOf(text);
  if (index >= 0) return index;
  throw usage(`--priority takes ${priorities.join(", ")} or a number from 0 to 7, not ${JSON.stringify(text)}`);
}
