import { splitInstance } from "../../../schemas/ids.ts";
import type { RunEvent, RunView, StepResult } from "../../../schemas/run.ts";
import type { Paint } from "../paint.ts";
import { durationText } from "./time.ts";

/** Where a step of a run belongs, by its id. */
export type StepNames = ReadonlyMap<string, { readonly host: string; readonly action: string; readonly resource: string }>;

export const stepNames = (run: RunView): StepNames =>
  new Map(
    run.changes.flatMap((change) =>
      change.steps.map((step) => [step.id, { host: step.host, action: step.action, resource: splitInstance(change.id).resource }] as const),
    ),
  );

/** What an event of a run says, and about which host; undefined for what nobody waits for. */
export function progressOf(
  event: RunEvent,
  names: StepNames,
  paint: Paint,
): { readonly host: string; readonly text: string; readonly over: boolean; readonly failed: boolean } | undefined {
  if (event.type === "step-sent" || event.type === "undo-sent") {
    const { host, action, resource } = nameOf(event.step, names);
    return { host, text: `${resource} ${event.type === "undo-sent" ? `takes ${action} back` : action} …`, over: false, failed: false };
  }
  if (event.type === "step-result" || event.type === "undo-result") {
    const { host, action, resource } = nameOf(event.step, names),
      failed = event.result.outcome !== "done";
    return {
      host,
      text: `${resource} ${action} ${event.type === "undo-result" && !failed ? "taken back" : outcomeText(event.result, paint)} (${durationText(event.result.ms)})${reason(event.result)}`,
      over: true,
      failed,
    };
  }
  if (event.type === "health") {
    const { host, resource } = splitInstance(event.change);
    return {
      host,
      text: `${resource} ${event.ok ? paint("good", "healthy") : paint("bad", "not healthy")}: ${event.detail}`,
      over: true,
      failed: !event.ok,
    };
  }
  if (event.type === "validated" && !event.ok)
    return { host: event.host, text: `${paint("bad", "refused by its validator")}: ${event.output}`, over: true, failed: true };
  return undefined;
}

const nameOf = (step: string, names: StepNames) =>
  names.get(step) ?? { host: splitInstance(step).host.replace(/#\d+$/, ""), action: "step", resource: splitInstance(step).resource };
const outcomeText = ({ outcome, remembered }: StepResult, paint: Paint): string =>
  outcome === "done" ? paint("good", remembered === true ? "done before" : "done") : paint("bad", outcome);
const reason = ({ problem }: StepResult): string => (problem === undefined ? "" : `: ${problem.summary}`);
