import type { Clock } from "./clock.ts";

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** One line about something that happened. Fields never hold secrets: neither inputs of steps nor values of facts are logged. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Writes one JSON object a line, from `least` up. */
export function jsonLog(write: (line: string) => void, least: LogLevel, clock: Clock): Log {
  const from = logLevels.indexOf(least);
  return (level, message, fields) => {
    if (logLevels.indexOf(level) < from) return;
    write(`${JSON.stringify({ time: new Date(clock.now()).toISOString(), level, message, ...fields })}\n`);
  };
}

/** Writes nothing. */
export const silent: Log = () => {};

/** The reason of a failure in one line, for logs and problems. */
export const reasonOf = (failure: unknown): string =>
  (failure instanceof Error ? failure.message : String(failure)).split("\n", 1)[0]!.slice(0, 500);
