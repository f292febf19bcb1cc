import { readFile, writeFile } from "node:fs/promises";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { Plan } from "../../../schemas/plan.ts";
import { error, ProblemError } from "../../../schemas/problem.ts";
import { carryOut, consent, sayWaits } from "../carry-out.ts";
import type { Client } from "../client.ts";
import { type Cli, command, on } from "../command.ts";
import { exit } from "../exit.ts";
import { usage } from "../usage.ts";
import { uncommittedText } from "../views/status.ts";
import { planView, shortId } from "../views/plan.ts";
import { problemsView } from "../views/problem.ts";

interface Options {
  readonly dryRun?: boolean;
  readonly out?: string;
  readonly plan?: string;
  readonly on?: string;
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly detailedExitcode?: boolean;
  readonly reason?: string;
}

/** Plan, look, approve, run, and look again. */
export const reconcile = command<Options>({
  name: "reconcile",
  aliases: ["apply"],
  summary: "plan what differs, ask, and carry it out",
  options: [
    ["--dry-run", "only the plan; nothing is asked or run"],
    ["--out <FILE>", "keep the plan in a file, for --plan; nothing is run"],
    ["--plan <FILE>", "carry out a plan that was kept; steps whose basis has moved refuse by themselves"],
    on,
    ["--yes", "approve without asking"],
    ["--reason <TEXT>", "why it is approved, for the audit trail"],
    ["--json", "the plan (with --dry-run), or plan, decision and run, as JSON"],
    ["--detailed-exitcode", "0 in sync, 2 changes, 1 error"],
  ],
  example: "backend-ai reconcile --on tag=webserver --dry-run",
  async run(cli, _args, options) {
    if (options.plan !== undefined && (options.on !== undefined || options.out !== undefined))
      throw usage("--plan carries out a plan as it is: it goes with neither --on nor --out");
    const saved = options.plan === undefined ? undefined : await readPlan(options.plan);
    const client = await cli.client(),
      plan = saved ?? (await client.plan(options.on === undefined ? {} : { on: options.on }));
    const lookOnly = options.dryRun === true || options.out !== undefined;
    if (options.out !== undefined) await keepPlan(options.out, plan);
    if (saved === undefined) await sayStale(cli, client);
    if (options.json !== true) cli.terminal.show(planView, plan);
    else if (lookOnly) cli.terminal.json(plan);
    if (options.out !== undefined) cli.terminal.say(`Kept in ${options.out}. To carry it out: backend-ai reconcile --plan ${options.out}`);
    const changes = options.detailedExitcode === true ? exit.changes : exit.good;
    if (lookOnly) return plan.problems.some((one) => one.severity === "error") ? exit.error : plan.changes.length > 0 ? changes : exit.good;
    const outcome = await decide(cli, plan, saved, options);
    if (options.json === true) cli.terminal.json({ plan, decision: outcome.decision, run: outcome.run });
    return outcome.code === exit.good && plan.changes.length > 0 ? changes : outcome.code;
  },
});

/** What was edited but is not committed, or was committed with problems, is not in force: the plan would look as if it were complete. */
async function sayStale({ terminal }: Cli, client: Client): Promise<void> {
  const { commit, head, problems, uncommitted } = await client.status(),
    errors = problems.filter((one) => one.severity === "error");
  if (uncommitted !== undefined) terminal.tell((all: typeof uncommitted) => `${uncommittedText(all)}\n`, uncommitted);
  if (head === commit || errors.length === 0) return;
  terminal.tell(problemsView, errors);
  terminal.say(
    `Commit ${shortId(head)} is not in force because of this. The plan is of ${commit === "" ? "no commit" : `commit ${shortId(commit)}`}.\n`,
  );
}

async function decide(cli: Cli, plan: Plan, saved: Plan | undefined, options: Options): ReturnType<typeof carryOut> {
  if (plan.problems.some((one) => one.severity === "error")) return { code: exit.error };
  if (plan.changes.length === 0) return { code: exit.good };
  const yes = await consent(cli, `Carry out these ${plan.changes.length} changes?`, options.yes);
  if (yes === undefined) return { code: sayWaits(cli, plan.digest, "there is no terminal to ask on, and no --yes") };
  if (!yes)
    return (
      cli.terminal.say(`Nothing was changed. To come back to it: backend-ai approve ${plan.digest.slice(0, 12)}`), { code: exit.error }
    );
  return carryOut(cli, await cli.client(), plan.digest, { reason: options.reason, saved });
}

/** Keeps a plan for its owner alone: it tells much about the hosts. */
async function keepPlan(path: string, plan: Plan): Promise<void> {
  await writeFile(path, `${JSON.stringify(plan, undefined, 2)}\n`, { mode: 0o600 }).catch((cause: Error) => {
    throw new ProblemError(error("plan/unwritable", `Unable to write ${path}: ${cause.message}`), { cause });
  });
}

async function readPlan(path: string): Promise<Plan> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new ProblemError(
      error("plan/unreadable", `Unable to read the plan ${path}: ${cause.code === "ENOENT" ? "there is no such file" : cause.message}`),
      { cause },
    );
  });
  const ajv = new Ajv2020({ strict: false });
  formats.default(ajv);
  try {
    const plan: unknown = JSON.parse(text);
    if (ajv.validate<Plan>(Plan, plan)) return plan;
  } catch {
    // Said below.
  }
  throw new ProblemError(
    error("plan/unreadable", `Unable to read the plan ${path}: it does not hold a plan`, {
      hint: "`backend-ai reconcile --out FILE` makes one.",
    }),
  );
}
