interface Tell {
  readonly pattern: RegExp;
  readonly cause: string;
}

/** What lines of a log give away about a cause, most telling first. They are matched, never followed. */
const tells: readonly Tell[] = [
  { pattern: /no space left on device|disk quota exceeded/i, cause: "a disk is full" },
  { pattern: /address already in use|bind\(\) .*failed|could not bind/i, cause: "another program holds its port" },
  { pattern: /out of memory|oom-kill|cannot allocate memory/i, cause: "memory ran out" },
  {
    pattern:
      /\[emerg\]|syntax error|invalid (directive|option|parameter|configuration)|unknown directive|configuration (file )?.*(failed|error)|unexpected end of file/i,
    cause: "its configuration has an error",
  },
  { pattern: /permission denied|operation not permitted/i, cause: "it lacks a permission" },
  { pattern: /certificate.*(expired|not yet valid)|cannot load certificate/i, cause: "a certificate is not valid" },
  {
    pattern: /connection refused|connection timed out|no route to host|host not found|name or service not known/i,
    cause: "something that it depends on does not answer",
  },
  { pattern: /segfault|core.?dump|signal 11|panic:/i, cause: "the program crashed" },
];

/** The most telling cause that lines of a log give away. */
export const causeIn = (lines: readonly string[]): Tell | undefined =>
  tells.find(({ pattern }) => lines.some((line) => pattern.test(line)));
