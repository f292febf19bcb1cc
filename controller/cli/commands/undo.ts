import { canonicalJson } from "../../../schemas/canonical.ts";
import type { UndoView } from "../../../schemas/api.ts";
import type { Change, Plan } from "../../../schemas/plan.ts";
import { type CarriedOut, carryOut, consent, sayWaits } from "../carry-out.ts";
import type { Client } from "../client.ts";
import { type Cli, command } from "../command.ts";
import { fileChanges } from "../edits.ts";
import { exit } from "../exit.ts";
import { usage } from "../usage.ts";
import { wholeRun } from "../whole-run.ts";
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
  arguments: [["[run]", "the run, or the beginning of its id"]],
  options: [
    ["--dry-run", "only show what it would do"],
    ["--yes", "commit and approve without asking, unless it reaches further than the run did"],
    ["--json", "edits and plan (with --dry-run), or commit, decision and run, as JSON"],
  ],
  example: "backend-ai undo --dry-run",
  async run(cli, [given], options) {
    const client = await cli.client(),
      id = await wholeRun(client, given ?? "last");
    if (id === undefined) throw usage("There are no runs yet: there is nothing to undo");
    const view = await client.undo(id),
      reach = reachOf(view.plan, new Set((await client.run(id)).changes.map((change) => change.id)));
    if (options.json !== true) await show(cli, client, view, reach);
    else if (options.dryRun === true) cli.terminal.json(view);
    if (view.problems.some((one) => one.severity === "error")) return exit.error;
    if (view.edits.length === 0) return (cli.terminal.say("There is nothing to undo."), view.left.length > 0 ? exit.error : exit.good);
    if (options.dryRun === true) return exit.good;
    // A manifest speaks for many hosts: taking back what one got may change all of them, and that is not what was asked for.
    const yes = await consent(cli, "Commit this, and carry it out?", options.yes === true && reach.further.length === 0);
    if (yes === undefined)
      return (
        cli.terminal.say(
          `Nothing was changed: ${options.yes === true ? "it reaches further than the run did" : "there is no --yes"}, and there is no terminal to ask on.`,
        ),
        exit.waits
      );
    if (!yes) return (cli.terminal.say("Nothing was changed."), exit.error);
    const { commit } = await client.commit(view.edits, `Undo ${id}`);
    cli.terminal.say(`Committed ${commit.slice(0, 12)}.`);
    const outcome = await runShown(cli, client, [...reach.own, ...reach.further]);
    if (options.json === true) cli.terminal.json({ commit, decision: outcome.decision, run: outcome.run });
    return outcome.code;
  },
});

/** The changes of a plan by what they have to do with the run: its own, others that the same edits bring, and drift that stands anyway. */
interface Reach {
  readonly own: readonly Change[];
  readonly further: readonly Change[];
  readonly aside: readonly Change[];
}

function reachOf(plan: Plan | null, touched: ReadonlySet<string>): Reach {
  const changes = plan?.changes ?? [],
    others = changes.filter((change) => !touched.has(change.id));
  return {
    own: changes.filter((change) => touched.has(change.id)),
    further: others.filter((change) => change.cause !== "drift"),
    aside: others.filter((change) => change.cause === "drift"),
  };
}

async function show(cli: Cli, client: Client, view: UndoView, { further, aside }: Reach): Promise<void> {
  if (view.edits.length > 0) cli.terminal.show(fileChangesView, await fileChanges(client, view.edits));
  if (view.plan !== null) cli.terminal.show((plan: Plan, paint) => `\n${planView(plan, paint)}`, view.plan);
  for (const left of view.left) cli.terminal.tell((text: string) => `Cannot be undone: ${text}`, left);
  if (further.length > 0)
    cli.terminal.tell(
      (all: readonly Change[]) => `Reaches further than the run did: ${all.map((change) => change.id).join(", ")}`,
      further,
    );
  if (aside.length > 0)
    cli.terminal.tell(
      (all: readonly Change[]) => `Left as it is, since it is no part of this: ${all.map((change) => change.id).join(", ")}`,
      aside,
    );
  if (view.problems.length > 0) cli.terminal.tell(problemsView, view.problems);
}

/** Carries out what was shown, and nothing else: a plan that holds more than that waits to be looked at. */
async function runShown(cli: Cli, client: Client, shown: readonly Change[]): Promise<CarriedOut> {
  if (shown.length === 0) return { code: exit.good };
  const plan = await client.plan({ ids: shown.map((change) => change.id) }),
    known = new Set(shown.map(essence));
  if (plan.changes.length === 0) return (cli.terminal.say("It is under way, or done already: backend-ai runs"), { code: exit.good });
  if (plan.changes.every((change) => known.has(essence(change)))) return carryOut(cli, client, plan.digest);
  cli.terminal.tell(planView, plan);
  return { code: sayWaits(cli, plan.digest, "it is not the plan that was shown before the commit") };
}

const essence = ({ id, act, differences, steps }: Change): string => canonicalJson({ id, act, differences, steps });
