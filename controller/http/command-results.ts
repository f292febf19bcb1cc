import type { CommandResults, CommandView } from "../../schemas/api.ts";
import { splitInstance } from "../../schemas/ids.ts";
import { printProblem } from "../../schemas/problem.ts";
import type { RunView } from "../../schemas/run.ts";

/** A command with the state that its run has by now. */
export function withRun(view: CommandView, run: RunView): CommandView {
  if (view.status === "cancelled" || view.status === "refused") return view;
  const status =
    run.state === "running" ? "running" : run.state === "succeeded" ? "done" : run.state === "cancelled" ? "cancelled" : "failed";
  return { ...view, status };
}

/** A command's run host by host, with what went wrong. */
export function resultsOf(view: CommandView, run: RunView | undefined): CommandResults {
  const results = (run?.changes ?? []).map((change) => {
    const problem = change.steps.find((step) => step.problem !== undefined)?.problem;
    const wrong = problem === undefined ? (change.state === "done" ? undefined : change.health) : printProblem(problem);
    return {
      agent: splitInstance(change.id).host,
      state: change.state,
      summary: change.summary,
      ...(wrong === undefined ? {} : { error: wrong }),
    };
  });
  return { id: view.id, status: view.status, text: view.text, results };
}
