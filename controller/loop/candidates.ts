import { maxMessage } from "../../schemas/protocol.ts";
import type { Step } from "../../schemas/plan.ts";
import { ProblemError } from "../../schemas/problem.ts";
import type { ProbeInput } from "../../schemas/verbs/index.ts";
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

/** Asks the host to check all candidates together, secrets put in; one whose secret is missing is refused, and the others are checked without it. */
export async function checkCandidates(
  host: string,
  steps: readonly Step[],
  { agents, unseal }: { readonly agents: Pick<Agents, "query">; readonly unseal: Unseal },
): Promise<Validation> {
  const files: Candidate[] = [],
    refused: Validation["results"][number][] = [];
  for (const step of steps) {
    const opened = await unseal(step.input);
    if (!opened.ok) {
      refused.push({ validator: step.validator ?? "", paths: [pathOf(step)], ok: false, output: opened.problem.summary });
      continue;
    }
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
    } as Candidate);
  }
  const answers = await Promise.all(piecesOf(files).map((piece) => askOne(host, piece, agents)));
  return { ok: refused.length === 0 && answers.every(({ ok }) => ok), results: [...refused, ...answers.flatMap(({ results }) => results)] };
}

async function askOne(host: string, files: readonly Candidate[], agents: Pick<Agents, "query">): Promise<Validation> {
  try {
    return (await agents.query(host, { probe: "validate", input: { files } }, 60_000)) as Validation;
  } catch (failure) {
    const [problem] = failure instanceof ProblemError ? failure.problems : [];
    if (problem === undefined || problem.retry === "later") throw failure;
    // A check that cannot be made has not been passed.
    const validators = [...new Set(files.flatMap(({ validator }) => validator ?? []))];
    return { ok: false, results: validators.map((validator) => ({ validator, paths: [], ok: false, output: problem.summary })) };
  }
}

type Candidate = ProbeInput<"validate">["files"][number];

/** Candidates of one question at most, as the probe takes them; and bytes, with room for the rest of the message. */
const mostFiles = 4096,
  mostBytes = maxMessage - 64 * 1024;

/** All candidates together where one question holds them; else one question for each validator: its own files, and beside them as many others as fit. */
function piecesOf(files: readonly Candidate[]): readonly (readonly Candidate[])[] {
  const sizes = new Map(files.map((file) => [file, Buffer.byteLength(JSON.stringify(file)) + 1]));
  const bytesOf = (some: readonly Candidate[]): number => some.reduce((sum, file) => sum + (sizes.get(file) ?? 0), 0);
  const fitting = (first: readonly Candidate[], others: readonly Candidate[]): readonly Candidate[] => {
    let left = mostBytes - bytesOf(first);
    const beside: Candidate[] = [];
    for (const file of others) {
      const size = sizes.get(file) ?? 0;
      if (size > left || first.length + beside.length >= mostFiles) continue;
      left -= size;
      beside.push(file);
    }
    // Checked with its own, not here, where what it belongs to may be missing.
    return [...first, ...beside.map(({ validator: _, ...file }) => file)];
  };
  if (files.length <= mostFiles && bytesOf(files) <= mostBytes) return [files];
  const validators = [...new Set(files.flatMap(({ validator }) => validator ?? []))];
  return validators.map((name) =>
    fitting(
      files.filter(({ validator }) => validator === name),
      files.filter(({ validator }) => validator !== name),
    ),
  );
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
