import type { Step } from "../../schemas/plan.ts";
import { ProblemError } from "../../schemas/problem.ts";
import type { Agents, Unseal } from "./ports.ts";

/** What a host's validators said of the candidates. */
export interface Validation {
  readonly ok: boolean;
  readonly results: readonly {
    readonly validator: string;
    readonly paths: readonly string[];
    readonly ok: boolean;
    readonly output: string;
  }[];
}

/** Asks the host to check all candidates together, secrets put in. */
export async function checkCandidates(
  host: string,
  steps: readonly Step[],
  { agents, unseal }: { readonly agents: Pick<Agents, "query">; readonly unseal: Unseal },
): Promise<Validation> {
  const files: unknown[] = [];
  for (const step of steps) {
    const opened = await unseal(step.input);
    if (!opened.ok)
      return {
        ok: false,
        results: [{ validator: step.validator ?? "", paths: [pathOf(step)], ok: false, output: opened.problem.summary }],
      };
    const { path, content, encoding, format, values } = opened.input as Record<string, unknown>;
    if (step.action === "file.restore" || (step.action === "file.write" && content === undefined)) continue;
    files.push({
      path,
      content,
      encoding,
      format,
      values,
      ...(step.action === "file.remove" ? { remove: true } : {}),
      ...(step.validator === undefined ? {} : { validator: step.validator }),
    });
  }
  try {
    return (await agents.query(host, { probe: "validate", input: { files } }, 60_000)) as Validation;
  } catch (failure) {
    const [problem] = failure instanceof ProblemError ? failure.problems : [];
    if (problem === undefined || problem.retry === "later") throw failure;
    // A check that cannot be made has not been passed.
    const validators = [...new Set(steps.flatMap((step) => step.validator ?? []))];
    return { ok: false, results: validators.map((validator) => ({ validator, paths: [], ok: false, output: problem.summary })) };
  }
}

const pathOf = (step: Step): string => String((step.input as { path?: unknown }).path ?? "");

/** Steps whose check failed, with its output, and the others. */
export function verdicts(steps: readonly Step[], answer: Validation): { steps: string[]; ok: boolean; output: string }[] {
  const failed = answer.results.filter((result) => !result.ok);
  const bad = (step: Step): Validation["results"][number] | undefined =>
    failed.find((result) =>
      step.validator === undefined
        ? result.paths.includes(pathOf(step))
        : step.validator === result.validator && (result.paths.length === 0 || result.paths.includes(pathOf(step))),
    );
  const groups = failed.map((result) => ({
    ok: false,
    output: result.output,
    steps: steps.filter((step) => bad(step) === result).map((step) => step.id),
  }));
  const good = steps.filter((step) => bad(step) === undefined).map((step) => step.id);
  return [...groups.filter((group) => group.steps.length > 0), ...(good.length > 0 ? [{ ok: true, output: "", steps: good }] : [])];
}
