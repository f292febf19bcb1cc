import { CronPattern } from "croner";
import { durationMs } from "../../../schemas/manifest.ts";
import { defineSettings, type Finding } from "../define.ts";
import { PolicySpec } from "./spec.ts";

/** What needs approval, when changes may run, how far they may reach, and what follows on drift. */
export const policy = defineSettings({
  kind: "Policy",
  summary: "Approval, maintenance windows, freeze, limits, protection, pruning and drift for a set of hosts",
  spec: PolicySpec,
  check: checkPolicy,
});

function checkPolicy(spec: PolicySpec): Finding[] {
  const found: Finding[] = [];
  for (const [i, window] of (spec.windows ?? []).entries()) {
    const wrong = cronProblem(window.cron);
    if (wrong !== undefined)
      found.push({
        path: `windows.${i}.cron`,
        code: "manifest/bad-cron",
        summary: `"${window.cron}" is not a schedule: ${wrong}`,
        hint: "Write minute hour day month weekday, such as 0 2 * * 6 for Saturdays at 02:00.",
      });
    if (window.timezone !== undefined && !isTimezone(window.timezone))
      found.push({
        path: `windows.${i}.timezone`,
        code: "manifest/bad-timezone",
        summary: `There is no time zone ${window.timezone}`,
        hint: "Write it as Europe/Vienna, America/New_York or UTC.",
      });
    if (durationMs(window.duration) === 0)
      found.push({
        path: `windows.${i}.duration`,
        code: "manifest/bad-duration",
        summary: "A window of no time never lets a change run",
        hint: "Write a duration such as 2h.",
      });
  }
  const { freeze, limits } = spec;
  if (freeze?.from !== undefined && freeze.until !== undefined && Date.parse(freeze.until) <= Date.parse(freeze.from))
    found.push({
      path: "freeze.until",
      code: "manifest/contradiction",
      summary: "The freeze ends before it begins",
      hint: "Let until be after from.",
    });
  if (limits !== undefined && (limits.maxDeletions ?? limits.maxHosts ?? limits.maxPercent) === undefined)
    found.push({
      path: "limits",
      code: "manifest/missing-field",
      summary: "These limits limit nothing",
      hint: "Add maxDeletions, maxHosts or maxPercent.",
    });
  return found;
}

function cronProblem(pattern: string): string | undefined {
  try {
    new CronPattern(pattern, undefined, { mode: "5-part" });
    return undefined;
  } catch (cause) {
    return cause instanceof Error ? cause.message.replace(/^CronPattern: /, "") : String(cause);
  }
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
