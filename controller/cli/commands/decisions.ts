import { carryOut } from "../carry-out.ts";
import type { Client } from "../client.ts";
import { command, json } from "../command.ts";
import { error, ProblemError } from "../../../schemas/problem.ts";
import { exit } from "../exit.ts";
import { usage } from "../usage.ts";
import { plansView } from "../views/listings.ts";
import { planView, shortId } from "../views/plan.ts";

interface Options {
  readonly reason?: string;
  readonly json?: boolean;
  readonly follow?: boolean;
}

const reason = ["--reason <TEXT>", "why, for the audit trail"] as const;

/** Yes to a plan. */
export const approve = command<Options>({
  name: "approve",
  summary: "say yes to a plan and follow its run; without a digest, list the plans that wait",
  arguments: [["[digest]", "the plan's digest, or its beginning"]],
  options: [reason, ["--no-follow", "do not wait for the run"], json],
  example: "backend-ai approve 3f9c2a1b3f9c --reason 'maintenance tonight'",
  async run(cli, [given], options) {
    const client = await cli.client();
    if (given === undefined) {
      const waiting = (await client.plans(1000)).filter((plan) => plan.state === "pending");
      if (options.json === true) cli.terminal.json(waiting);
      else cli.terminal.show(plansView, waiting);
      return exit.good;
    }
    const digest = await wholeDigest(client, given);
    if (options.follow === false) {
      const decision = await client.approve(digest, options.reason === undefined ? {} : { reason: options.reason });
      if (options.json === true) cli.terminal.json(decision);
      else
        cli.terminal.say(
          `Plan ${shortId(digest)} is ${decision.decision}${decision.run === undefined ? `, and does not run yet: ${decision.waiting ?? ""}` : `: run ${decision.run}`}.`,
        );
      return decision.run === undefined ? exit.waits : exit.good;
    }
    if (options.json !== true) cli.terminal.tell(planView, (await client.planOf(digest)).plan);
    const { code, decision, run } = await carryOut(cli, client, digest, { reason: options.reason });
    if (options.json === true) cli.terminal.json({ decision, run });
    return code;
  },
});

/** No to a plan. */
export const reject = command<Options>({
  name: "reject",
  summary: "say no to a plan: it is not offered again until something changes",
  arguments: [["<digest>", "the plan's digest, or its beginning"]],
  options: [reason, json],
  example: "backend-ai reject 3f9c2a1b3f9c --reason 'not before Monday'",
  async run(cli, [given = ""], options) {
    const client = await cli.client(),
      digest = await wholeDigest(client, given),
      decision = await client.reject(digest, options.reason);
    if (options.json === true) cli.terminal.json(decision);
    else cli.terminal.say(`Plan ${shortId(digest)} is rejected.`);
    return exit.good;
  },
});

/** The digest that a beginning of it means; a usage problem where it means none, or several. */
export async function wholeDigest(client: Client, given: string): Promise<string> {
  if (/^[0-9a-f]{64}$/.test(given)) return given;
  if (!/^[0-9a-f]{6,63}$/.test(given))
    throw usage(
      `${JSON.stringify(given)} is not a plan's digest`,
      "It is 64 hexadecimal digits, or at least the first 6 of them: `backend-ai approve` lists the plans that wait.",
    );
  const found = (await client.plans(1000)).filter((plan) => plan.digest.startsWith(given));
  if (found.length === 1 && found[0] !== undefined) return found[0].digest;
  const summary = found.length === 0 ? `There is no plan ${given}` : `${given} is the beginning of ${found.length} plans`;
  throw new ProblemError(error("not-found/plan", summary, { hint: "`backend-ai approve` lists the plans that wait." }));
}
