import { pause } from "../../../agent/runtime/clock.ts";
import { failure } from "../../../agent/platform/failure.ts";
import type { PowerEvent, PretendHost, WorldChange } from "../pretend-host.ts";

/** Lines that a host keeps of what happened to it. */
const maxJournal = 200;

/** Tells the watchers of a host that something changed. */
export function tell(host: PretendHost, change: WorldChange): void {
  for (const watcher of host.watchers) watcher(change);
}

/** Tells whoever runs the host's agent what befell the machine. */
export function befall(host: PretendHost, event: PowerEvent): void {
  for (const listener of host.power) listener(event);
}

/** Writes a line to the host's journal; `priority` as syslog has it (3 error, 4 warning, 6 information). */
export function log(host: PretendHost, unit: string | undefined, priority: number, text: string): void {
  host.journal.push({ at: host.clock.now(), priority, text, ...(unit === undefined ? {} : { unit }) });
  if (host.journal.length > maxJournal) host.journal.splice(0, host.journal.length - maxJournal);
}

/** Lets the time pass that something takes on a real host, by the host's pace; fails when the deadline comes first. */
export async function take(host: PretendHost, ms: number, what: string, signal: AbortSignal | undefined): Promise<void> {
  if (host.pace > 0) await pause(host.clock, ms * host.pace, signal);
  if (signal?.aborted === true) throw failure("sandbox/timeout", `Unable to ${what}: it had not finished in time`, { retry: "later" });
}
