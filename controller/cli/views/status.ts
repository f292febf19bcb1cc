import type { StatusView } from "../../../schemas/api.ts";
import type { Paint } from "../paint.ts";
import { count } from "./hosts-text.ts";
import { shortId } from "./plan.ts";
import { problemsView } from "./problem.ts";
import { pairsView } from "./table.ts";

/** How everything stands, in a dozen lines. */
export function statusView(status: StatusView, paint: Paint): string {
  const { instances, hosts, problems } = status;
  const parts = [
    `${instances.inSync} in sync`,
    ...(["differs", "drifted", "blocked", "unknown"] as const)
      .filter((state) => instances[state] > 0)
      .map((state) => paint("change", `${instances[state]} ${state === "differs" ? "differ" : state}`)),
  ];
  const pairs = pairsView(
    [
      ["Controller", `${status.controller}, version ${status.version}`],
      ["Workspace", `${status.workspace}, branch ${status.branch}`],
      ["In force", status.commit === "" ? paint("change", "no commit yet") : `commit ${shortId(status.commit)}`],
      [
        "Head",
        status.head === status.commit
          ? undefined
          : paint(
              "bad",
              `commit ${shortId(status.head)} is not in force: ${count(problems.filter((one) => one.severity === "error").length, "problem")}`,
            ),
      ],
      ["Uncommitted", status.uncommitted === undefined ? undefined : paint("change", uncommittedText(status.uncommitted))],
      ["Hosts", hosts.online === hosts.all ? `${hosts.all} online` : `${hosts.online} of ${hosts.all} online`],
      ["Resources", `on hosts: ${parts.join(", ")}`],
      ["Drift", status.drift === 0 ? "none" : paint("bad", `${count(status.drift, "alert")} open: backend-ai drift`)],
      [
        "Plan",
        status.pendingPlan === null
          ? undefined
          : paint("change", `${shortId(status.pendingPlan)} waits for approval: backend-ai approve ${shortId(status.pendingPlan)}`),
      ],
      ["Waiting", status.waiting],
      ["Running", status.running.length === 0 ? undefined : status.running.join(", ")],
    ],
    paint,
  );
  return [pairs, problemsView(problems, paint)].filter((part) => part !== "").join("\n\n");
}

/** `2 files are not committed and not in force: manifests/a.yaml, manifests/b.yaml`. */
export function uncommittedText({ count: all, files }: NonNullable<StatusView["uncommitted"]>): string {
  const named = files.slice(0, 5),
    more = all > named.length ? ` and ${all - named.length} more` : "";
  return `${count(all, "file")} ${all === 1 ? "is" : "are"} not committed and not in force: ${named.join(", ")}${more}`;
}
