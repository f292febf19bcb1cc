import { consequences } from "../../schemas/contract.ts";
import type { HostView, PolicyRule } from "./model.ts";
import type { Assessment } from "./pair.ts";

export type DriftMode = "alert" | "correct" | "ignore";

/** What the policies say about drift of a kind on a host. The most careful wins: `ignore`, then `alert`, then `correct`; `otherwise` where none speaks. A mode whose time is over is `alert`. */
export function driftMode(kind: string, host: HostView, policies: readonly PolicyRule[], otherwise: DriftMode, now: number): DriftMode {
  let mode: DriftMode | undefined;
  for (const policy of policies) {
    const { drift } = policy;
    if (drift === undefined || !policy.hosts(host) || (policy.kinds !== undefined && !policy.kinds.includes(kind))) continue;
    const over = now >= (drift.until ?? Number.POSITIVE_INFINITY);
    if (drift.mode === "ignore" && !over) return "ignore";
    if (drift.mode === "alert" || over) mode = "alert";
    else if (drift.mode === "correct") mode ??= "correct";
  }
  return mode ?? otherwise;
}

export interface Situation {
  readonly assessment: Assessment;
  /** Digest of the resource as it is wanted now, and as it was when the instance was last in sync. */
  readonly wanted: string;
  readonly synced: string | undefined;
  /** A run works on the instance: what changes is our own doing. */
  readonly busy: boolean;
  readonly mode: DriftMode;
  /** Automatic corrections of the instance within the last hour. */
  readonly corrections: number;
  /** How often an instance is put back by itself within an hour before a person has to look. */
  readonly correctionsPerHour: number;
}

/** What a new fact means: nothing, a plan to be made, or drift to be told and perhaps put right. */
export type Judgement =
  | { readonly do: "silence" }
  | { readonly do: "settle" }
  | { readonly do: "plan" }
  | { readonly do: "alert"; readonly note?: string }
  | { readonly do: "correct" };

/** Compares an instance with what it was: a difference without a change of the manifest is drift, and our own writes are not. */
export function judge(situation: Situation): Judgement {
  const { assessment, mode } = situation;
  if (situation.busy) return { do: "silence" };
  if (assessment.is === "in-sync") return { do: "settle" };
  const drifted = situation.synced === situation.wanted;
  if (assessment.is === "blocked" && assessment.evaluation !== undefined && drifted)
    return mode === "ignore" ? { do: "silence" } : { do: "alert", note: assessment.reason };
  if (assessment.is !== "differs") return { do: "silence" };
  if (!drifted) return { do: "plan" };
  if (mode === "ignore") return { do: "silence" };
  if (mode === "alert") return { do: "alert" };
  if (consequences.indexOf(assessment.evaluation.consequence) > consequences.indexOf("restart"))
    return { do: "alert", note: `putting it back means ${assessment.evaluation.consequence}: that needs a person` };
  if (situation.corrections >= situation.correctionsPerHour)
    return { do: "alert", note: `put back ${situation.corrections} times within an hour: a person has to look` };
  return { do: "correct" };
}
