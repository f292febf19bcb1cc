import type { ProbeInput, ProbeOutput } from "../../schemas/verbs/index.ts";
import { codeOf, failure, reasonOf } from "../platform/failure.ts";
import { maskSecrets } from "../platform/mask.ts";
import { runProgram } from "../platform/program.ts";
import { readSyslog, type SyslogLine } from "../platform/syslog.ts";
import type { ProbeContext } from "../runtime/verbs.ts";

type Entry = ProbeOutput<"journal">["entries"][number];

const maxBytes = 256 * 1024;
const maxLine = 4096;

/** Probe `journal`: lines of the system log, newest last, secrets masked: systemd's journal, or the syslog of a host without one. */
export async function probeJournal(input: ProbeInput<"journal">, context: ProbeContext): Promise<ProbeOutput<"journal">> {
  return (await fromJournal(input, context)) ?? fromSyslog(input);
}

async function fromSyslog(input: ProbeInput<"journal">): Promise<ProbeOutput<"journal">> {
  const log = await readSyslog(Date.now());
  if (log === undefined)
    throw failure("journal/unavailable", "Unable to read the log: this host has no systemd journal, /var/log/messages or /var/log/syslog");
  const found = matchingSyslog(log.lines, input);
  return bounded(found.slice(0, input.lines), log.cut && found.length < input.lines);
}

/** Newest first, covered before it is searched, so that no search finds a secret out. A line without a priority counts whichever is asked for. */
export function matchingSyslog(lines: readonly SyslogLine[], input: ProbeInput<"journal">): Entry[] {
  const { since = 0, priority: gravest = 7, unit } = input,
    wanted = input.match?.toLowerCase() ?? "",
    name = unit?.replace(/\.service$/, "");
  return lines
    .map((line) => ({ ...line, text: maskSecrets(line.text).slice(0, maxLine) }))
    .filter(
      (line) =>
        line.at >= since &&
        (line.priority ?? 0) <= gravest &&
        (name === undefined || line.unit === name) &&
        line.text.toLowerCase().includes(wanted),
    )
    .reverse();
}

/** Undefined where there is no journalctl. */
async function fromJournal(input: ProbeInput<"journal">, context: ProbeContext): Promise<ProbeOutput<"journal"> | undefined> {
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
    if (codeOf(cause) === "ENOENT") return undefined;
    throw failure("journal/unavailable", `Unable to read the log: ${reasonOf(cause)}`, { cause });
  });
  if (result === undefined) return undefined;
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
