import { error, ProblemError } from "../../schemas/problem.ts";

/** A mistake in how a command was called: exit status 64. */
export const usage = (summary: string, hint?: string): ProblemError =>
  new ProblemError(error("usage", summary, hint === undefined ? {} : { hint }));

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration such as 30s, 5m or 1h30m in milliseconds; a usage problem for another text. */
export function durationOf(text: string, option: string): number {
  if (!/^(\d{1,9}(ms|s|m|h|d))+$/.test(text))
    throw usage(`${option} takes a duration such as 30s, 5m, 2h or 7d, not ${JSON.stringify(text)}`);
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) sum += Number(count) * units[unit as keyof typeof units];
  return sum;
}

/** A whole number in a range; a usage problem for another text. */
export function numberOf(text: string, option: string, from: number, to: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= from && value <= to) return value;
  throw usage(`${option} takes a number from ${from} to ${to}, not ${JSON.stringify(text)}`);
}
