import type { ProbeInput, ProbeOutput } from "../../schemas/verbs/index.ts";
import { codeOf, failure, reasonOf } from "../platform/failure.ts";
import { maskSecrets } from "../platform/mask.ts";
import { runProgram } from "../platform/program.ts";
import type { ProbeContext } from "../runtime/verbs.ts";

type Entry = ProbeOutput<"journal">["entries"][number];

const maxBytes = 256 * 1024;
const maxLine = 4096;

/** Probe `journal`: lines of the system log, newest last, secrets masked. */
export async function probeJournal(input: ProbeInput<"journal">, context: ProbeContext): Promise<ProbeOutput<"journal">> {
  const argv = [
    "journalctl",
    "--no-pager",
    "--quiet",
    "--output=json",
    "--output-fields=MESSAGE,PRIORITY,_SYSTEMD_UNIT,UNIT,SYSLOG_IDENTIFIER",
    `--lines=${input.match === undefined ? input.lines : 20_000}`,
    "--reverse",
  ];
  if (input.unit !== undefined) argv.push(`--unit=${input.unit}`);
  if (input.priority !== undefined) argv.push(`--priority=${input.priority}`);
  if (input.since !== undefined) argv.push(`--since=@${(input.since / 1000).toFixed(3)}`);
  const result = await runProgram(argv, {
    timeoutMs: 20_000,
    signal: context.signal,
    maxOutput: 16 * 1024 * 1024,
    keep: "start",
    ignoreErrors: true,
  }).catch((cause: unknown) => {
    throw failure(
      "journal/unavailable",
      `Unable to read the log: ${codeOf(cause) === "ENOENT" ? "this host has no systemd journal" : reasonOf(cause)}`,
      { cause },
    );
  });
  const found = parseJournal(result.output, input.match).slice(0, input.lines);
  return bounded(found, result.truncated);
}

/** Newest first, cut at 256 KiB; turned round so that the newest comes last. */
function bounded(entries: readonly Entry[], truncated: boolean): ProbeOutput<"journal"> {
  let size = 0;
  const kept = entries.filter((entry) => (size += entry.text.length + 80) <= maxBytes);
  return { entries: kept.reverse(), truncated: truncated || kept.length < entries.length };
}

/** Lines of `journalctl -o json`; a message that is not UTF-8 comes as a list of bytes. */
export function parseJournal(output: string, match?: string): Entry[] {
  const wanted = match?.toLowerCase();
  return output.split("\n").flatMap((line) => {
    const entry = parseLine(line);
    return entry === undefined || (wanted !== undefined && !entry.text.toLowerCase().includes(wanted)) ? [] : [entry];
  });
}

function parseLine(line: string): Entry | undefined {
  if (line === "") return undefined;
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const raw = Array.isArray(fields.MESSAGE) ? Buffer.from(fields.MESSAGE as number[]).toString("utf8") : String(fields.MESSAGE ?? "");
  const unit = fields.UNIT ?? fields._SYSTEMD_UNIT ?? fields.SYSLOG_IDENTIFIER;
  return {
    at: Math.floor(Number(fields.__REALTIME_TIMESTAMP) / 1000),
    ...(typeof unit === "string" ? { unit } : {}),
    ...(fields.PRIORITY === undefined ? {} : { priority: Number(fields.PRIORITY) }),
    text: maskSecrets(raw).slice(0, maxLine),
  };
}
