import type { Plan } from "../../../schemas/plan.ts";
import { carryOut, type CarriedOut, consent, sayWaits } from "../carry-out.ts";
import type { Client } from "../client.ts";
import { type Cli, command } from "../command.ts";
import { fileChanges } from "../edits.ts";
import { exit } from "../exit.ts";
import { fileChangesView } from "../views/diff.ts";
import { planView } from "../views/plan.ts";
import { problemsView } from "../views/problem.ts";

interface Options {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Brings back what was before a run, by a commit of manifests. */
export const undo = command<Options>({
  name: "undo",
  summary: "bring back what was before a run (the last one), by a commit that can be undone too",
  arguments: [["[run]", "the run, as `backend-ai runs` shows it"]],
  options: [
    ["--dry-run", "only show what it would do"],
    ["--yes", "commit and approve without asking"],
    ["--json", "edits and plan (with --dry-run), or commit, decision and run, as JSON"],
  ],
  example: "backend-ai undo --dry-run",
  async run(cli, [run], options) {
    const client = await cli.client(),
      view = await client.undo(run);
    if (options.json !== true) {
      if (view.edits.length > 0) cli.terminal.show(fileChangesView, await fileChanges(client, view.edits));
      if (view.plan !== null) cli.terminal.show((plan: Plan, paint) => `\n${planView(plan, paint)}`, view.plan);
      for (const left of view.left) cli.terminal.say(`Cannot be undone: ${left}`);
      cli.terminal.tell(problemsView, view.problems);
    } else if (options.dryRun === true) cli.terminal.json(view);
    if (view.problems.some((one) => one.severity === "error")) return exit.error;
    if (view.edits.length === 0) return (cli.terminal.say("There is nothing to undo."), view.left.length > 0 ? exit.error : exit.good);
    if (options.dryRun === true) return exit.good;
    const yes = await consent(cli, "Commit this, and carry it out?", options.yes);
    if (yes === undefined) return (cli.terminal.say("Nothing was changed: there is no terminal to ask on, and no --yes."), exit.waits);
    if (!yes) return (cli.terminal.say("Nothing was changed."), exit.error);
    const { commit } = await client.commit(view.edits, `Undo ${run ?? "the last run"}`);
    cli.terminal.say(`Committed ${commit.slice(0, 12)}.`);
    const outcome = view.plan === null ? { code: exit.good } : await runShown(cli, client, view.plan);
    if (options.json === true)
      cli.terminal.json({
        commit,
        decision: "decision" in outcome ? outcome.decision : undefined,
        run: "run" in outcome ? outcome.run : undefined,
      });
    return outcome.code;
  },
});

/** Carries out what was shown: after the commit the same plan has the same digest, or is under way by itself; another one waits to be looked at. */
async function runShown(cli: Cli, client: Client, shown: Plan): Promise<CarriedOut> {
  if (shown.changes.length === 0) return { code: exit.good };
  const ids = shown.changes.map((change) => change.id),
    plan = await client.plan({ ids });
  if (plan.digest === shown.digest || plan.changes.length === 0) return carryOut(cli, client, shown.digest);
  cli.terminal.tell(planView, plan);
  return { code: sayWaits(cli, plan.digest, "it is not the plan that was shown before the commit") };
}
