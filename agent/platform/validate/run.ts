import type { Validator } from "../../../schemas/verbs/file.ts";
import type { ProbeInput, ProbeOutput } from "../../../schemas/verbs/index.ts";
import { parseAllDocuments } from "yaml";
import type { NamespaceAnswer, NamespaceOrder } from "../in-namespace.ts";
import { groupBy } from "../group-by.ts";
import { maskSecrets } from "../mask.ts";
import { lastLines, runProgram } from "../program.ts";
import { type LaidFile, layOut } from "./candidates.ts";
import { type ValidatorRun, validatorPrograms } from "./programs.ts";

type Result = ProbeOutput<"validate">["results"][number];

/** What runs a program in a mount namespace of its own: systemd where there is one, unshare elsewhere. */
export interface Isolation {
  readonly init: "systemd" | "openrc" | "other";
  /** The agent's own program, to which `in-namespace` is added. */
  readonly self: readonly string[];
}

const timeoutMs = 30_000;

/** Runs every validator that the files name, with all files laid over the live ones. Live files, logs and processes are not touched. */
export async function validate(input: ProbeInput<"validate">, isolation: Isolation, signal: AbortSignal): Promise<ProbeOutput<"validate">> {
  const laid = await layOut(input.files);
  const named = groupBy(
    input.files.filter(({ validator }) => validator !== undefined),
    ({ validator }) => validator as Validator,
  );
  const results: Result[] = [];
  for (const [validator, files] of named) {
    const paths = [...new Set(files.map(({ path }) => path))];
    if (validator === "json" || validator === "yaml") results.push(...paths.map((path) => readable(validator, path, laid.get(path))));
    else results.push(...(await runAll(validator, await validatorPrograms[validator](paths), [...laid.values()], isolation, signal)));
  }
  return { ok: results.every(({ ok }) => ok), results };
}

/** Formats that need no program: the text is parsed. A removed file is fine. */
function readable(validator: "json" | "yaml", path: string, file: LaidFile | undefined): Result {
  const text = file?.content === undefined ? undefined : Buffer.from(file.content, "base64").toString("utf8");
  const wrong =
    text === undefined
      ? undefined
      : validator === "json"
        ? wrongJson(text)
        : parseAllDocuments(text).flatMap(({ errors }) => errors)[0]?.message;
  return { validator, paths: [path], ok: wrong === undefined, output: wrong === undefined ? "" : `${path}: ${wrong}` };
}

function wrongJson(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (cause) {
    return (cause as Error).message;
  }
}

/** One run after the other; once files were refused, further runs for the same ones have nothing to add. */
async function runAll(
  validator: Validator,
  runs: readonly ValidatorRun[],
  files: readonly LaidFile[],
  isolation: Isolation,
  signal: AbortSignal,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const run of runs) {
    const refused = new Set(results.filter(({ ok }) => !ok).flatMap(({ paths }) => paths));
    if (!run.paths.every((path) => refused.has(path))) results.push(await runOne(validator, run, files, isolation, signal));
  }
  return results;
}

async function runOne(
  validator: Validator,
  run: ValidatorRun,
  files: readonly LaidFile[],
  isolation: Isolation,
  signal: AbortSignal,
): Promise<Result> {
  const { argv, paths } = run;
  if (argv === undefined)
    return {
      validator,
      paths: [...paths],
      ok: false,
      output: `Unable to check by ${validator}: ${run.looked} is not installed on this host`,
    };
  const order: NamespaceOrder = { files, argv, timeoutMs };
  const command = isolation.init === "systemd" ? systemdCommand(isolation.self, run.network) : unshareCommand(isolation.self, run.network);
  const result = await runProgram(command, { timeoutMs: timeoutMs + 10_000, signal, input: JSON.stringify(order), maxOutput: 65_536 });
  const answer = answerIn(result.output);
  if (answer === undefined)
    return {
      validator,
      paths: [...paths],
      ok: false,
      output: `Unable to check by ${validator}: ${maskSecrets(lastLines(result.output, 4096)) || `the sandbox ended with ${result.code ?? "a signal"}`}`,
    };
  const output = maskSecrets(lastLines(answer.output));
  return {
    validator,
    paths: [...paths],
    ok: answer.code === 0 && run.refuses?.test(answer.output) !== true,
    output: answer.timedOut ? `${output}\n(no answer within ${timeoutMs / 1000} s)` : output,
  };
}

function answerIn(output: string): NamespaceAnswer | undefined {
  const line = output.trimEnd().split("\n").at(-1) ?? "";
  if (!line.startsWith('{"code":')) return undefined;
  try {
    return JSON.parse(line) as NamespaceAnswer;
  } catch {
    return undefined;
  }
}

/** A transient unit that sees the host read-only, has no part in its sockets, and ends with its client. */
function systemdCommand(self: readonly string[], network: boolean): string[] {
  const inHome = self.some((part) => /^\/(home|root|run\/user)\//.test(part));
  const properties = [
    "PrivateMounts=yes",
    `PrivateNetwork=${network ? "no" : "yes"}`,
    "ProtectSystem=strict",
    `ProtectHome=${inHome ? "read-only" : "yes"}`,
    "PrivateIPC=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectControlGroups=yes",
    "NoNewPrivileges=yes",
    "RestrictRealtime=yes",
    "MemoryMax=512M",
    "TasksMax=256",
    `RuntimeMaxSec=${timeoutMs / 1000 + 5}`,
  ];
  return [
    "systemd-run",
    "--quiet",
    "--wait",
    "--pipe",
    "--collect",
    ...properties.map((property) => `--property=${property}`),
    "--",
    ...self,
    "in-namespace",
  ];
}

const unshareCommand = (self: readonly string[], network: boolean): string[] => [
  "unshare",
  "--mount",
  "--propagation",
  "private",
  ...(network ? [] : ["--net"]),
  "--",
  ...self,
  "in-namespace",
];
