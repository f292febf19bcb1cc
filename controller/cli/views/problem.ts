import type { Problem } from "../../../schemas/problem.ts";
import type { Paint } from "../paint.ts";

/** The line of a file that a problem is in; undefined where it cannot be shown. */
export type LineOf = (file: string, line: number) => string | undefined;

/** A problem as compilers print it: place, what is wrong, the line with a caret, what to do. */
export function problemView(problem: Problem, paint: Paint, lineOf: LineOf = () => undefined): string {
  const { where } = problem,
    bad = problem.severity === "error";
  const place = [where?.file, where?.line, where?.column].filter((part) => part !== undefined).join(":");
  const head = [place, where?.resource].filter(Boolean).join(" ");
  const lines = [
    `${head === "" ? "" : `${paint("bold", head)}: `}${paint(bad ? "bad" : "change", `${problem.severity}:`)} ${problem.summary}`,
  ];
  const source = where?.file === undefined || where.line === undefined ? undefined : lineOf(where.file, where.line);
  if (source !== undefined && where?.line !== undefined) lines.push(...excerpt(source, where.line, where.column, paint));
  if (problem.detail !== undefined) lines.push(...problem.detail.split("\n").map((line) => `    ${line}`));
  if (problem.hint !== undefined) lines.push(`    ${paint("info", problem.hint)}`);
  return lines.join("\n");
}

/** All problems, errors first where `order` is not to be kept. */
export const problemsView = (problems: readonly Problem[], paint: Paint): string =>
  problems.map((problem) => problemView(problem, paint)).join("\n");

const widest = 120;

function excerpt(source: string, line: number, column: number | undefined, paint: Paint): string[] {
  const number = `${line} | `.padStart(8),
    text = source.trimEnd().replaceAll("\t", " ");
  const shown = `${paint("dim", number)}${text.slice(0, widest)}`;
  return column === undefined || column > widest ? [shown] : [shown, `${" ".repeat(number.length + column - 1)}${paint("bad", "^")}`];
}
