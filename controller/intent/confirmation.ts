import type { Change, Plan, Risk } from "../../schemas/plan.ts";
import { graver } from "../../schemas/contract.ts";
import { higher } from "../core/risk.ts";
import type { Compiled } from "./compile.ts";
import { countOf, nameList } from "./questions/say.ts";

export interface ConfirmationInput {
  readonly sentence: string;
  /** What the request changes: its own part of the plan. */
  readonly changes: readonly Change[];
  readonly plan: Plan;
  readonly compiled: Compiled;
  readonly skipped: readonly { readonly host: string; readonly reason: string }[];
  readonly notes: readonly string[];
  readonly seen: readonly string[];
  /** Untrusted sources that were read before, and their last lines. */
  readonly taint: readonly string[];
  readonly lines: readonly string[];
  readonly others: number;
  readonly cost?: string | undefined;
}

/** What a person says yes to, written from the plan and never by a model: what changes from what to what, where, with which consequence, and how to take it back. */
export function confirmation(input: ConfirmationInput): string {
  const { changes, plan, compiled } = input,
    lines = [`Request: "${oneLine(input.sentence)}"`, ""];
  lines.push(
    ...(changes.length === 0
      ? ["Nothing has to be done on a host now; this is declared:"]
      : [`${countOf(changes.length, "change")} on ${countOf(new Set(changes.map(({ host }) => host)).size, "host")}:`]),
  );
  lines.push(...changes.slice(0, 100).flatMap(sayChange));
  if (changes.length > 100) lines.push(`  … and ${changes.length - 100} more`);
  if (compiled.touched.length > 0) lines.push(`  written into the manifests, and kept so from then on: ${compiled.touched.join(", ")}`);
  for (const id of compiled.unchanged) lines.push(`  ${id} says so already`);
  const ours = new Set(compiled.touched);
  const part = (title: string, texts: readonly string[]): void =>
    void (texts.length > 0 && lines.push("", title, ...texts.map((text) => `  ${text}`)));
  part("Not asked for, set as usual:", compiled.defaults);
  part("Condition, looked at again before it is done:", input.seen);
  part(
    "Left out:",
    input.skipped.slice(0, 50).map(({ host, reason }) => `${host}: ${reason}`),
  );
  part(
    "Not known now, follows when it is:",
    plan.unknown.filter(({ id }) => ours.has(id.split("@")[0]!)).map(({ id, reason }) => `${id}: ${reason}`),
  );
  part(
    "Cannot be done:",
    plan.blocked
      .filter(({ id }) => ours.has(id.split("@")[0]!))
      .map(({ id, reason, hint }) => `${id}: ${reason}${hint === undefined ? "" : ` (${hint})`}`),
  );
  part("Note:", [...input.notes, ...compiled.notes]);
  part("Read before this, from hosts and not from you:", input.lines.length > 0 ? input.lines.slice(-20) : input.taint.slice(-20));
  if (changes.length > 0)
    lines.push(
      "",
      `Risk: ${sayRisk(changes)}. Consequence: ${changes.map(({ consequence }) => consequence).reduce(graver, "none")}. Undo: ${undoOf(changes)}.`,
    );
  if (input.others > 0)
    lines.push(
      `${countOf(input.others, "other change")} that ${input.others === 1 ? "waits" : "wait"} already ${input.others === 1 ? "is" : "are"} no part of this.`,
    );
  if (input.cost !== undefined) lines.push(`Cost of understanding it: ${input.cost}.`);
  return lines.join("\n");
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").slice(0, 500);

function sayChange(change: Change): string[] {
  const say = (value: unknown): string => (value === undefined ? "nothing" : typeof value === "string" ? value : JSON.stringify(value));
  const differences = change.differences.slice(0, 10).flatMap((one) =>
    one.diff === undefined
      ? [`      ${one.path}: ${say(one.have)} -> ${say(one.want)}${one.note === undefined ? "" : ` (${one.note})`}`]
      : one.diff
          .split("\n")
          .slice(0, 40)
          .map((line) => `      ${line}`),
  );
  return [`  ${change.host}: ${change.summary}`, ...differences];
}

/** The risk of the request's own changes, with the reasons of those that reach it, as the plan has them. */
function sayRisk(changes: readonly Change[]): string {
  const risk = changes.reduce<Risk>((so, change) => higher(so, change.risk), "low"),
    reasons = new Set(changes.filter((change) => change.risk === risk).flatMap((change) => change.reasons));
  return reasons.size === 0 ? risk : `${risk} (${[...reasons].slice(0, 5).join(", ")})`;
}

function undoOf(changes: readonly Change[]): string {
  const impossible = changes.filter(({ undo }) => undo.how === "impossible");
  if (impossible.length === 0) return "backend-ai undo takes it back";
  const notes = [...new Set(impossible.map(({ undo }) => undo.note))];
  return `${
    impossible.length === changes.length
      ? "not possible"
      : `not possible for ${nameList(
          impossible.map(({ id }) => id),
          5,
        )}`
  }${notes[0] === undefined || notes[0] === "" ? "" : ` (${notes[0]})`}`;
}
