import type { ProblemBody } from "../../schemas/api.ts";
import { error, type Problem, ProblemError } from "../../schemas/problem.ts";

const statusOfFamily: Readonly<Record<string, number>> = {
  "not-found": 404,
  conflict: 409,
  forbidden: 403,
  invalid: 400,
  unauthorized: 401,
  selector: 400,
  manifest: 400,
  settings: 400,
  workspace: 400,
  secret: 400,
  import: 400,
  undo: 400,
  enrol: 400,
  "too-large": 413,
  "media-type": 415,
  rate: 429,
};

/** The HTTP status of a problem: by the family of its code; 507 where a disk is full, 503 where trying again later can help, else 500. */
export function statusOf(problem: Problem): number {
  if (problem.code.endsWith("/disk-full")) return 507;
  return statusOfFamily[problem.code.split("/")[0] ?? ""] ?? (problem.retry === "later" ? 503 : 500);
}

/** What went wrong as problems: those of a ProblemError, fastify's own complaints in our words, one that tells nothing for all else. */
export function problemsOf(cause: unknown): readonly Problem[] {
  if (cause instanceof ProblemError && cause.problems.length > 0) return cause.problems;
  const { code, statusCode } = (typeof cause === "object" && cause !== null ? cause : {}) as { code?: string; statusCode?: number };
  const said = typeof code === "string" ? fastifyProblems[code] : undefined;
  if (said !== undefined) return [said];
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500)
    return [error("invalid/request", "Unable to read the request: it is not well-formed HTTP")];
  return [unexpected];
}

/** Whether an error is a fault of ours, which the log has to have in full. */
export const isBug = (problems: readonly Problem[]): boolean => problems[0] === unexpected;

const unexpected: Problem = error("internal", "Unable to answer: an unexpected error in the controller", {
  hint: "The controller's log has it under the id of this request (`instance`).",
});

const fastifyProblems: Readonly<Record<string, Problem>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: error("too-large/body", "Unable to read the request: its body is larger than this route takes"),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: error("media-type/body", "Unable to read the request: its body has to be application/json"),
  FST_ERR_CTP_INVALID_JSON_BODY: error("invalid/json", "Unable to read the request: its body is not JSON"),
  FST_ERR_CTP_EMPTY_JSON_BODY: error("invalid/json", "Unable to read the request: it says application/json and has no body"),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: error("invalid/request", "Unable to read the request: its body is not as long as it says"),
  FST_ERR_BAD_URL: error("invalid/url", "Unable to read the request: its path is not a valid URL"),
};

/** Problems as the body of an answer (RFC 9457); the first one decides type, title and status. */
export function problemBody(problems: readonly Problem[], instance: string): ProblemBody {
  const first = problems[0] ?? unexpected;
  return {
    type: `urn:backend-ai:problem:${first.code}`,
    title: first.summary,
    status: statusOf(first),
    ...(first.detail === undefined ? {} : { detail: first.detail }),
    instance,
    problems: [...problems],
  };
}
