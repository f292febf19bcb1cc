import { command, json } from "../command.ts";
import { exit } from "../exit.ts";
import { numberOf } from "../usage.ts";
import { auditView, verdictView } from "../views/listings.ts";

interface Options {
  readonly json?: boolean;
  readonly last?: string;
}

const verify = command<Options>({
  name: "verify",
  summary: "check the whole chain: finds a changed or missing entry",
  options: [json],
  example: "backend-ai audit verify",
  async run(cli, _args, options) {
    const verdict = await (await cli.client()).verifyAudit();
    if (options.json === true) cli.terminal.json(verdict);
    else cli.terminal.show(verdictView, verdict);
    return verdict.ok ? exit.good : exit.error;
  },
});

/** Who asked, decided and did what. */
export const audit = command<Options>({
  name: "audit",
  summary: "who asked, decided and did what",
  options: [["-n, --last <N>", "how many entries (50)"], json],
  example: "backend-ai audit --last 100",
  children: [verify],
  async run(cli, _args, options) {
    const entries = await (await cli.client()).audit(numberOf(options.last ?? "50", "--last", 1, 1_000_000));
    if (options.json === true) cli.terminal.json(entries);
    else cli.terminal.show(auditView, entries);
    return exit.good;
  },
});
