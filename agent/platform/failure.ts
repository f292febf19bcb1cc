import { ProblemError, error } from "../../schemas/problem.ts";

/** An expected failure of a verb: "Unable to VERB THING: reason", with more lines where the host said more. */
export function failure(
  code: string,
  summary: string,
  extra: { detail?: string | undefined; hint?: string | undefined; retry?: "never" | "later"; cause?: unknown } = {},
): ProblemError {
  const { detail, hint, retry } = extra;
  return new ProblemError(
    error(code, summary, {
      ...(detail === undefined || detail === "" ? {} : { detail }),
      ...(hint === undefined ? {} : { hint }),
      ...(retry === undefined ? {} : { retry }),
    }),
    extra.cause === undefined ? undefined : { cause: extra.cause },
  );
}

/** The reason of a caught value as one short text: the message of an error, its code where it has one. */
export const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** The code of a system error such as ENOENT; undefined for anything else. */
export const codeOf = (cause: unknown): string | undefined => (cause as { code?: string } | undefined)?.code;
