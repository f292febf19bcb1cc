import Type, { type Static } from "typebox";

/** Where a problem sits: a file of the workspace with 1-based line and column, a resource id, a field path. */
export const Where = Type.Object({
  file: Type.Optional(Type.String()),
  line: Type.Optional(Type.Number()),
  column: Type.Optional(Type.Number()),
  resource: Type.Optional(Type.String()),
  path: Type.Optional(Type.String()),
});
export type Where = Static<typeof Where>;

/** An expected failure as a value: what is wrong, where, what was expected, what to do, and whether trying again can help. */
export const Problem = Type.Object({
  code: Type.String({ description: "Stable machine-readable word, such as manifest/unknown-field" }),
  severity: Type.Union([Type.Literal("error"), Type.Literal("warning")]),
  summary: Type.String(),
  detail: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String({ description: "What to do about it" })),
  where: Type.Optional(Where),
  retry: Type.Union([Type.Literal("never"), Type.Literal("later")]),
});
export type Problem = Static<typeof Problem>;

type Extra = Partial<Omit<Problem, "code" | "severity" | "summary">>;

/** An error that stops what was asked for. */
export const error = (code: string, summary: string, extra: Extra = {}): Problem => ({
  code,
  severity: "error",
  summary,
  retry: "never",
  ...extra,
});

/** Something worth saying that stops nothing. */
export const warning = (code: string, summary: string, extra: Extra = {}): Problem => ({
  code,
  severity: "warning",
  summary,
  retry: "never",
  ...extra,
});

/** `file:line:column: summary`, as compilers print it, with the hint on a line of its own. */
export function printProblem(problem: Problem): string {
  const { where } = problem;
  const place = [where?.file, where?.line, where?.column].filter((part) => part !== undefined).join(":");
  const subject = [place, where?.resource, where?.path].filter(Boolean).join(" ");
  const lines = [`${subject === "" ? "" : `${subject}: `}${problem.severity}: ${problem.summary}`];
  if (problem.detail !== undefined) lines.push(...problem.detail.split("\n").map((line) => `    ${line}`));
  if (problem.hint !== undefined) lines.push(`    ${problem.hint}`);
  return lines.join("\n");
}

/** A problem that travels as an exception across a boundary that can only throw; its message is the printed problem. */
export class ProblemError extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: Problem | readonly Problem[], options?: ErrorOptions) {
    const list = Array.isArray(problems) ? (problems as readonly Problem[]) : [problems as Problem];
    super(list.map(printProblem).join("\n"), options);
    this.name = "ProblemError";
    this.problems = list;
  }
}
