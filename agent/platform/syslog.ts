import { open } from "node:fs/promises";

/** A line of a syslog file. `priority` is there where the daemon writes it (busybox does). `at`: milliseconds since the epoch. */
export interface SyslogLine {
  readonly at: number;
  readonly unit?: string;
  readonly priority?: number;
  readonly text: string;
}

const paths = ["/var/log/messages", "/var/log/syslog"];
/** So much of the end of a log is looked at. */
const maxTail = 4 * 1024 * 1024;
const day = 86_400_000;

/** The end of the host's syslog; undefined where it keeps none. `cut`: there is more before it. */
export async function readSyslog(now: number, from: readonly string[] = paths): Promise<{ lines: SyslogLine[]; cut: boolean } | undefined> {
  for (const path of from) {
    const file = await open(path, "r").catch(() => undefined);
    if (file === undefined) continue;
    try {
      const { size } = await file.stat();
      const bytes = Buffer.alloc(Math.min(size, maxTail));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, size - bytes.length);
      const text = bytes.toString("utf8", 0, bytesRead);
      const cut = size > maxTail;
      return { lines: parseSyslog(cut ? text.slice(text.indexOf("\n") + 1) : text, now), cut };
    } finally {
      await file.close();
    }
  }
  return undefined;
}

const priorities = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
const aliases: Readonly<Record<string, string>> = { panic: "emerg", error: "err", warning: "warn" };

/**
 * Lines such as `Nov 20 15:04:05 web-1 nginx[42]: text` (RFC 3164), the same with `daemon.info` before the program (busybox), or
 * with an RFC 3339 time (rsyslog). A time without a year is the latest that is not in the future.
 */
export function parseSyslog(text: string, now: number): SyslogLine[] {
  return text.split("\n").flatMap((line) => {
    const match =
      /^(\d{4}-\d\d-\d\dT\S+|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) \S+ (?:[a-z0-9]+\.([a-z]+) )?([^\s:[]+)(?:\[\d+\])?: (.*)$/.exec(line);
    const at = match === null ? Number.NaN : timeOf(match[1] ?? "", now);
    if (match === null || Number.isNaN(at)) return [];
    const [, , level = "", unit = "", rest = ""] = match;
    const priority = priorities.indexOf(aliases[level] ?? level);
    return [{ at, unit, ...(priority < 0 ? {} : { priority }), text: rest }];
  });
}

function timeOf(text: string, now: number): number {
  if (/^\d/.test(text)) return Date.parse(text);
  const year = new Date(now).getFullYear();
  const at = Date.parse(`${text.slice(0, 6)} ${year}${text.slice(6)}`);
  return at > now + day ? Date.parse(`${text.slice(0, 6)} ${year - 1}${text.slice(6)}`) : at;
}
