import { clean, cleanJson, cleanText } from "./clean.ts";
import { type Paint, paintFor } from "./paint.ts";

/** Who reads what a command writes: data goes to standard output, talk to standard error. */
export interface Terminal {
  /** Data, for programs: as it is, a newline added; where a person reads it, cleaned. */
  data(text: string): void;
  json(value: unknown): void;
  /** Data for people: rendered by a pure view from data that was cleaned of terminal controls. */
  show<T>(view: (data: T, paint: Paint, columns: number) => string, data: T): void;
  /** Talk, cleaned by who calls or ours. */
  say(text: string): void;
  /** The same view on standard error. */
  tell<T>(view: (data: T, paint: Paint, columns: number) => string, data: T): void;
  /** Whether somebody can be asked. */
  readonly interactive: boolean;
  /** Whether standard error can be drawn over. */
  readonly live: boolean;
  readonly paint: Paint;
  confirm(question: string): Promise<boolean>;
  /** A line of text from the person; undefined where they leave. */
  ask(question: string): Promise<string | undefined>;
}

/** What a terminal is taken for that does not say its size. */
const unknownSize = { columns: 80, rows: 24 };

/** The terminal of this process. */
export function processTerminal(env: NodeJS.ProcessEnv): Terminal {
  const { stdin, stdout, stderr } = process;
  // Whoever reads may stop reading: `backend-ai events --follow | head`.
  for (const stream of [stdout, stderr]) stream.on("error", (cause: NodeJS.ErrnoException) => process.exit(cause.code === "EPIPE" ? 0 : 1));
  const out = paintFor(stdout, env),
    err = paintFor(stderr, env),
    live = stderr.isTTY === true && (stderr.columns ?? 0) >= 20 && env["TERM"] !== "dumb" && !["", undefined].includes(env["TERM"]),
    widthOf = (stream: { columns?: number }): number => stream.columns || 100;
  // Serial lines and some containers do not know their size, and say 0 by 0: what draws questions would write one letter a line.
  for (const stream of [stdout, stderr]) if (stream.isTTY && stream.columns === 0) Object.assign(stream, unknownSize);
  const write = (stream: NodeJS.WriteStream, text: string): void => void stream.write(text.endsWith("\n") ? text : `${text}\n`);
  return {
    data: (text) => write(stdout, stdout.isTTY === true ? cleanText(text) : text),
    json: (value) => write(stdout, cleanJson(value)),
    show: (view, data) => write(stdout, view(clean(data), out, widthOf(stdout))),
    say: (text) => write(stderr, text),
    tell: (view, data) => write(stderr, view(clean(data), err, widthOf(stderr))),
    interactive: stdin.isTTY === true && stderr.isTTY === true,
    live,
    paint: err,
    async confirm(question) {
      const { confirm, isCancel } = await import("@clack/prompts");
      const answer = await confirm({ message: question, initialValue: false, output: stderr });
      return !isCancel(answer) && answer;
    },
    async ask(question) {
      const { text, isCancel } = await import("@clack/prompts");
      const answer = await text({ message: question, output: stderr });
      return isCancel(answer) || answer === undefined || answer.trim() === "" ? undefined : answer;
    },
  };
}
