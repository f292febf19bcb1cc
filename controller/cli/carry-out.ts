import type { DecisionView } from "../../schemas/api.ts";
import type { Plan } from "../../schemas/plan.ts";
import { ProblemError } from "../../schemas/problem.ts";
import type { RunView } from "../../schemas/run.ts";
import { cleanText } from "./clean.ts";
import type { Client } from "./client.ts";
import type { Cli } from "./command.ts";
import { exit } from "./exit.ts";
import { followRun } from "./follow-run.ts";
import { shortId } from "./views/plan.ts";
import { failures, runSummary } from "./views/run.ts";

/** What became of a plan: a status to exit with, and what `--json` tells. */
export interface CarriedOut {
  readonly code: number;
  readonly decision?: DecisionView;
  readonly run?: RunView;
}

/** Whether somebody said yes: `--yes`, or a person who was asked. undefined: nobody can be asked. */
export async function consent(cli: Cli, question: string, yes: boolean | undefined): Promise<boolean | undefined> {
  if (yes === true) return true;
  return cli.terminal.interactive ? cli.terminal.confirm(question) : undefined;
}

/** Says that a plan waits, and how to approve it. */
export function sayWaits(cli: Cli, digest: string, why: string): number {
  cli.terminal.say(`Plan ${digest} waits for approval: ${cleanText(why)}.\nTo approve it: backend-ai approve ${shortId(digest)}`);
  return exit.waits;
}

/** Approves a plan as this caller and follows its run to the end. Where the caller may not, it goes on waiting. */
export async function carryOut(
  cli: Cli,
  client: Client,
  digest: string,
  options: { readonly reason?: string | undefined; readonly saved?: Plan | undefined } = {},
): Promise<CarriedOut> {
  const { reason, saved } = options;
  let decision: DecisionView;
  try {
    decision = await client.approve(digest, {
      ...(reason === undefined ? {} : { reason }),
      ...(saved === undefined ? {} : { plan: saved }),
    });
  } catch (cause) {
    const problem = cause instanceof ProblemError ? cause.problems[0] : undefined;
    if (problem?.code.startsWith("forbidden/") === true) return { code: sayWaits(cli, digest, problem.summary) };
    const run =
      problem?.code.startsWith("conflict/") === true
        ? (await client.runs(20)).find((one) => one.digest === digest && one.endedAt === undefined)
        : undefined;
    if (run === undefined) throw cause;
    // Somebody, or a policy, was faster: it is the same digest, so the same plan.
    decision = { digest, decision: "approved", run: run.id };
  }
  if (decision.run !== undefined) return { decision, ...(await follow(cli, client, decision.run)) };
  cli.terminal.say(
    `Plan ${shortId(digest)} is ${decision.decision}, and does not run yet: ${cleanText(decision.waiting ?? "no reason was given")}.`,
  );
  return { decision, code: exit.waits };
}

/** Follows a run, says how it ended, and turns that into an exit status. */
export async function follow(cli: Cli, client: Client, id: string): Promise<CarriedOut> {
  const run = await followRun(cli, client, id);
  if (run === undefined) return { code: exit.interrupted };
  cli.terminal.tell((view: RunView, paint) => [...failures(view, paint), runSummary(view, paint)].join("\n"), run);
  return { run, code: run.state === "succeeded" ? exit.good : run.state === "running" ? exit.interrupted : exit.partly };
}
