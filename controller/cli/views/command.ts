import type { CommandView } from "../../../schemas/api.ts";
import type { Paint } from "../paint.ts";
import { diffView } from "./diff.ts";
import { planView } from "./plan.ts";
import { problemsView } from "./problem.ts";

/** What a sentence came to: the answer, or what would be changed in the manifests and on the hosts. */
export function commandView(view: CommandView, paint: Paint): string {
  const parts = [
    view.text,
    (view.choices ?? []).map((choice) => `  - ${choice}`).join("\n"),
    view.diff === undefined ? "" : diffView(view.diff, paint).join("\n"),
    view.plan === undefined || view.plan === null ? "" : planView(view.plan, paint),
    problemsView(
      view.problems.filter((one) => one.summary !== view.text),
      paint,
    ),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}
