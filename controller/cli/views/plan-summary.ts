import type { ChangeAct, Plan } from "../../../schemas/plan.ts";
import { count } from "./hosts-text.ts";

const always: readonly (readonly [ChangeAct, string])[] = [
  ["create", "create"],
  ["update", "update"],
  ["delete", "remove"],
];
const sometimes: readonly ChangeAct[] = ["start", "stop", "restart", "reload", "upgrade"];

/** The last line of a plan: `Plan: 2 to create, 1 to update, 0 to remove on 3 hosts; risk medium (restart); needs approval.` */
export function planSummary({ changes, later, unknown, blocked, risk, approval, inSync }: Plan): string {
  const rest = [
    counted(later.length, "follows later", "follow later"),
    counted(unknown.length, "unknown"),
    counted(blocked.length, "blocked"),
  ].filter((part) => part !== "");
  if (changes.length === 0) return `Plan: nothing to do; ${[`${inSync} in sync`, ...rest].join(", ")}.`;
  const acts = (act: ChangeAct): number => changes.filter((change) => change.act === act).length;
  const parts = [
    ...always.map(([act, word]) => `${acts(act)} to ${word}`),
    ...sometimes.filter((act) => acts(act) > 0).map((act) => `${acts(act)} to ${act}`),
  ];
  const hosts = new Set(changes.map((change) => change.host)).size;
  const reasons = [...new Set(changes.filter((change) => change.risk === risk).flatMap((change) => change.reasons))].slice(0, 3);
  const why = reasons.length === 0 ? "" : ` (${reasons.join(", ")})`;
  const aside = rest.length === 0 ? "" : `; ${rest.join(", ")}`;
  return `Plan: ${parts.join(", ")} on ${count(hosts, "host")}; risk ${risk ?? "none"}${why}${aside}; ${approvalText(approval)}.`;
}

const counted = (n: number, one: string, many = one): string => (n === 0 ? "" : `${n} ${n === 1 ? one : many}`);

function approvalText({ needed, by, notRequester }: Plan["approval"]): string {
  if (!needed) return "needs no approval";
  return `needs approval${by === undefined ? "" : ` by ${by}`}${notRequester === true ? `${by === undefined ? " by somebody else than who asked" : ", and not by who asked"}` : ""}`;
}
