import { Cron } from "croner";
import type { Change } from "../../schemas/plan.ts";
import type { HostView, PolicyRule } from "../core/model.ts";
import { policiesFor } from "../core/risk.ts";

/** Whether changes may be carried out now: frozen ones and those outside their maintenance window wait. */
export type Gate = { readonly open: true } | { readonly open: false; readonly until: number; readonly reason: string };

export function gate(
  changes: readonly Change[],
  input: { readonly hosts: ReadonlyMap<string, HostView>; readonly policies: readonly PolicyRule[] },
  now: number,
): Gate {
  let until = 0;
  const reasons = new Set<string>();
  const wait = (to: number, reason: string): void => {
    until = Math.max(until, to);
    reasons.add(reason);
  };
  for (const policy of new Set(changes.flatMap((change) => policiesFor(change, input)))) {
    const { freeze, windows } = policy;
    if (freeze !== undefined && (freeze.from ?? 0) <= now && now < (freeze.until ?? Number.POSITIVE_INFINITY))
      wait(freeze.until ?? now + 3_600_000, `frozen by Policy/${policy.name}${freeze.reason === undefined ? "" : `: ${freeze.reason}`}`);
    if (windows === undefined || windows.length === 0 || windows.some((window) => isOpen(window, now))) continue;
    wait(Math.min(...windows.map((window) => nextOpening(window, now))), `outside the maintenance window of Policy/${policy.name}`);
  }
  return reasons.size === 0 ? { open: true } : { open: false, until, reason: [...reasons].sort().join("; ") };
}

type Window = NonNullable<PolicyRule["windows"]>[number];

/** A window is open for its duration after each moment that its cron expression names, in its time zone. */
function isOpen(window: Window, now: number): boolean {
  const started = new Cron(window.cron, { timezone: window.timezone }).previousRuns(1, new Date(now + 1))[0];
  return started !== undefined && now < started.getTime() + window.durationMs;
}

const nextOpening = (window: Window, now: number): number =>
  new Cron(window.cron, { timezone: window.timezone }).nextRun(new Date(now))?.getTime() ?? now + 86_400_000;
