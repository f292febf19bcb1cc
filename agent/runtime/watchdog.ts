import { execFile } from "node:child_process";
import type { Clock } from "./clock.ts";

/**
 * Tells systemd that the agent lives, half as often again as WatchdogSec asks (sd_watchdog_enabled(3)); answers what ends it.
 * Neither Node nor Bun has Unix datagram sockets, so `systemd-notify` carries the word: the unit needs NotifyAccess=all. A
 * process that hangs starts no program, and is restarted.
 */
export function watchdog(environment: Readonly<Record<string, string | undefined>>, clock: Clock): () => void {
  const everyMs = Number(environment["WATCHDOG_USEC"] ?? 0) / 2000;
  if (environment["NOTIFY_SOCKET"] === undefined || !(everyMs > 0)) return () => {};
  let cancel = (): void => {};
  const beat = (): void => {
    execFile("systemd-notify", ["WATCHDOG=1"], { timeout: 10_000 }, () => {});
    cancel = clock.after(everyMs, beat);
  };
  beat();
  return () => cancel();
}
