import { request } from "undici";
import { error, type Problem, ProblemError } from "../../../schemas/problem.ts";
import { type Cli, command, json } from "../command.ts";
import { readContexts } from "../contexts.ts";
import { exit } from "../exit.ts";
import type { Paint } from "../paint.ts";
import { tableView } from "../views/table.ts";

interface Options {
  readonly who?: string;
  readonly json?: boolean;
}

interface Answer {
  readonly did?: string;
  readonly faults?: readonly { readonly usage: string; readonly does: string }[];
  readonly problem?: Partial<Problem> & { readonly summary: string };
}

/** Breaks something on a pretend host, behind the controller's back. */
export const breakHost = command<Options>({
  name: "break",
  summary: "break something on a pretend host, behind the controller's back",
  arguments: [
    ["<host>", "the pretend host"],
    ["<fault...>", "as `sandbox faults` lists them"],
  ],
  options: [["--who <NAME>", "the person who does it (alice)"], json],
  example: 'backend-ai sandbox break web-01 "stop nginx"',
  async run(cli, [host = "", ...words], options) {
    const answer = await askControls(cli, "POST", "/sandbox/break", {
      host,
      what: words.join(" "),
      ...(options.who === undefined ? {} : { who: options.who }),
    });
    if (options.json === true) cli.terminal.json(answer);
    else cli.terminal.show(({ did = "" }: Answer) => did, answer);
    return exit.good;
  },
});

/** What can be broken. */
export const faults = command<Options>({
  name: "faults",
  summary: "what can be broken on pretend hosts",
  options: [json],
  example: "backend-ai sandbox faults",
  async run(cli, _args, options) {
    const { faults: all = [] } = await askControls(cli, "GET", "/sandbox/faults");
    if (options.json === true) cli.terminal.json(all);
    else
      cli.terminal.show(
        (rows: typeof all, paint: Paint) =>
          tableView(
            ["FAULT", "DOES"],
            rows.map((one) => [one.usage, one.does]),
            paint,
            "None.",
          ),
        all,
      );
    return exit.good;
  },
});

const usual = "http://127.0.0.1:3002";

/** Asks the controls of the sandbox: where its context says, or at its usual port. */
async function askControls(cli: Cli, method: "GET" | "POST", path: string, body?: object): Promise<Answer> {
  const { contexts } = await readContexts(cli.env),
    url = contexts["sandbox"]?.controls ?? usual;
  const sent = body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  let answer: Answer;
  try {
    answer = (await (await request(new URL(path, url), { method, ...sent })).body.json()) as Answer;
  } catch (cause) {
    throw new ProblemError(
      error("sandbox/none", `Unable to reach a sandbox at ${url}`, { hint: "Start one with `backend-ai sandbox`.", retry: "later" }),
      { cause },
    );
  }
  if (answer.problem === undefined) return answer;
  const { code = "sandbox/problem", summary, hint } = answer.problem;
  throw new ProblemError(error(code, summary, hint === undefined ? {} : { hint }));
}
