import { spawn } from "node:child_process";

/** What became of a program. `code` is null where a signal ended it; `output` is standard output and error in order, its end where it was too long. */
export interface ProgramResult {
  readonly code: number | null;
  readonly output: string;
  readonly truncated: boolean;
  readonly timedOut: boolean;
}

export interface ProgramOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Given to standard input, which is then closed. */
  readonly input?: string | Uint8Array | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Bytes of output that are kept; 1 MiB where not given. */
  readonly maxOutput?: number | undefined;
  /** Keep the beginning of a long output instead of its end, and stop the program there. */
  readonly keep?: "start" | "end" | undefined;
  /** Leave standard error out of the output. */
  readonly ignoreErrors?: boolean | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
}

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What every program is given: the plain locale, so that its output can be parsed, and nothing of the agent's own environment. */
export const environment = { PATH: path, LC_ALL: "C", LANG: "C", HOME: "/root", TERM: "dumb" };

/** Runs a program by its argument array, never by a shell, in a process group of its own that is killed as a whole at the deadline. Rejects only where it cannot be started. */
export function runProgram(argv: readonly string[], options: ProgramOptions): Promise<ProgramResult> {
  const [file, ...args] = argv;
  if (file === undefined) throw new TypeError("runProgram: no program given");
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { detached: true, stdio: ["pipe", "pipe", "pipe"], env: { ...environment, ...options.env }, cwd: "/" });
    const kept = keeper(options.maxOutput ?? 1_048_576, options.keep ?? "end");
    const lines = options.onLine === undefined ? undefined : lineCutter(options.onLine);
    let timedOut = false;
    const kill = (): void => killGroup(child.pid);
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
    }, options.timeoutMs);
    const take = (chunk: Buffer): void => {
      if (!kept.add(chunk)) kill();
      lines?.(chunk);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", (chunk: Buffer) => (options.ignoreErrors === true ? undefined : take(chunk)));
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    options.signal?.addEventListener("abort", kill, { once: true });
    if (options.signal?.aborted === true) kill();
    const settle = (): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", kill);
    };
    child.on("error", (cause) => {
      settle();
      reject(cause);
    });
    child.on("close", (code) => {
      settle();
      resolve({ code, output: kept.text(), truncated: kept.truncated(), timedOut: timedOut || options.signal?.aborted === true });
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group has ended already.
  }
}

/** Holds at most `limit` bytes of what passes; `add` answers false once the beginning is full. */
function keeper(limit: number, keep: "start" | "end") {
  const chunks: Buffer[] = [];
  let size = 0;
  let cut = false;
  return {
    add(chunk: Buffer): boolean {
      if (keep === "start" && size + chunk.length > limit) {
        chunks.push(chunk.subarray(0, limit - size));
        size = limit;
        cut = true;
        return false;
      }
      chunks.push(chunk);
      size += chunk.length;
      while (keep === "end" && size > limit) {
        const first = chunks.shift() as Buffer;
        cut = true;
        const rest = first.subarray(Math.min(first.length, size - limit));
        size -= first.length - rest.length;
        if (rest.length > 0) chunks.unshift(rest);
      }
      return true;
    },
    text: () => Buffer.concat(chunks).toString("utf8"),
    truncated: () => cut,
  };
}

function lineCutter(onLine: (line: string) => void): (chunk: Buffer) => void {
  let rest = "";
  return (chunk) => {
    const parts = (rest + chunk.toString("utf8")).split("\n");
    rest = (parts.pop() ?? "").slice(-4096);
    for (const line of parts) onLine(line.slice(0, 4096));
  };
}

/** The last lines of an output, at most 8 KiB: what a failed step shows. */
export function lastLines(output: string, limit = 8192): string {
  const text = output.trimEnd();
  return text.length <= limit ? text : text.slice(text.length - limit).replace(/^[^\n]*\n/, "");
}
