import { type FileHandle, open, readFile, truncate } from "node:fs/promises";
import type { FactReport, HostEvent } from "../../schemas/report.ts";
import { writeDurably } from "./durable.ts";
import { type Log, reasonOf } from "./log.ts";
import type { SpoolEntry } from "./memory.ts";
import { SpoolQueue } from "./spool-queue.ts";

/** Reports on their way: numbered, kept until the controller has acknowledged them. */
export interface Spool {
  /** Takes a report at once; resolves when it is kept as well as it can be: on disk, or in memory alone where the disk refuses. */
  add(facts: readonly FactReport[], events: readonly HostEvent[]): Promise<void>;
  /** The first kept report numbered above `seq` that may be sent: its number will never stand for another, whatever happens to this process. */
  next(seq: number): SpoolEntry | undefined;
  ack(seq: number): void;
  /** Numbers everything anew above `seq`; resolves when that may be sent. */
  rebase(seq: number): Promise<void>;
  /** Whether facts were let go since the last call, so that all have to be told afresh. */
  takeLost(): boolean;
  readonly acked: number;
  /** Highest number that may ever have been used. */
  readonly last: number;
  close(): Promise<void>;
}

/** A spool that lasts as long as the process: for the sandbox and tests. */
export function volatileSpool(): Spool {
  const queue = new SpoolQueue();
  return {
    add: async (facts, events) => void queue.add(facts, events),
    next: (seq) => queue.next(seq),
    ack: (seq) => queue.ack(seq),
    rebase: async (seq) => queue.rebase(seq),
    takeLost: () => queue.takeLost(),
    get acked() {
      return queue.acked;
    },
    get last() {
      return queue.last;
    },
    close: () => Promise.resolve(),
  };
}

/** First line of the file, and lines of their own later on: numbers up to `last` may have been used. */
interface Head {
  readonly last: number;
  readonly acked: number;
}

/** The file is written anew when it is this long and holds little that still counts. */
const rewriteAt = 1024 * 1024;
/** So many numbers are set aside on disk ahead, so that a report can be sent while it is still being written. */
const ahead = 1000;

/** A spool in an append-only file of JSON lines. Reports that come while the disk is busy share one fsync. */
export async function fileSpool(path: string, log: Log): Promise<Spool> {
  const { queue, bytes } = await load(path, log);
  return new FileSpool(path, queue, bytes, log);
}

class FileSpool implements Spool {
  readonly #path: string;
  readonly #queue: SpoolQueue;
  readonly #log: Log;
  #lines: string[] = [];
  #bytes: number;
  #anew: boolean;
  /** Numbers up to this one are set aside on disk. */
  #reserved: number;
  #handle: FileHandle | undefined;
  #flushing: Promise<void> | undefined;

  constructor(path: string, queue: SpoolQueue, bytes: number, log: Log) {
    this.#path = path;
    this.#queue = queue;
    this.#log = log;
    this.#bytes = bytes;
    this.#anew = bytes === 0;
    this.#reserved = queue.last;
    void this.#soon();
  }

  get acked(): number {
    return this.#queue.acked;
  }

  get last(): number {
    return this.#queue.last;
  }

  add(facts: readonly FactReport[], events: readonly HostEvent[]): Promise<void> {
    const { entry, rewritten } = this.#queue.add(facts, events);
    if (rewritten) this.#anew = true;
    else this.#lines.push(`${JSON.stringify(entry)}\n`);
    return this.#soon();
  }

  next(seq: number): SpoolEntry | undefined {
    const entry = this.#queue.next(seq);
    return entry !== undefined && entry.seq <= this.#reserved ? entry : undefined;
  }

  ack(seq: number): void {
    this.#queue.ack(seq);
    // A long file that holds little is written anew, without anybody waiting for it.
    if (this.#bytes < rewriteAt || this.#queue.bytes > this.#bytes / 4) return;
    this.#anew = true;
    void this.#soon();
  }

  rebase(seq: number): Promise<void> {
    this.#queue.rebase(seq);
    this.#anew = true;
    return this.#soon();
  }

  takeLost(): boolean {
    return this.#queue.takeLost();
  }

  async close(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    // With nothing more to come, no number beyond the last is set aside.
    await this.#writeAnew(0).catch((failure: unknown) => this.#refused(failure));
    await this.#handle?.close();
    this.#handle = undefined;
  }

  /** One flush at a time; who comes while one runs is served by the next. */
  async #soon(): Promise<void> {
    if (this.#flushing !== undefined) await this.#flushing;
    this.#flushing ??= this.#flush()
      .catch((failure: unknown) => this.#refused(failure))
      .finally(() => {
        this.#flushing = undefined;
      });
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    if (this.#anew) return this.#writeAnew(ahead);
    if (this.#queue.last + ahead / 2 > this.#reserved) this.#lines.unshift(this.#head(ahead));
    const reserved = this.#queue.last + ahead / 2 > this.#reserved ? this.#queue.last + ahead : this.#reserved;
    const text = this.#lines.join("");
    this.#lines = [];
    if (text === "") return;
    this.#handle ??= await open(this.#path, "a", 0o600);
    await this.#handle.appendFile(text);
    await this.#handle.datasync();
    this.#bytes += text.length;
    this.#reserved = reserved;
  }

  async #writeAnew(more: number): Promise<void> {
    this.#anew = false;
    this.#lines = [];
    const reserved = this.#queue.last + more;
    const text =
      this.#head(more) +
      this.#queue
        .entries()
        .map((entry) => `${JSON.stringify(entry)}\n`)
        .join("");
    await this.#handle?.close();
    this.#handle = undefined;
    await writeDurably(this.#path, text, 0o600);
    this.#bytes = text.length;
    this.#reserved = reserved;
  }

  #head(more: number): string {
    return `${JSON.stringify({ last: this.#queue.last + more, acked: this.#queue.acked } satisfies Head)}\n`;
  }

  /** A disk that refuses must not keep the news of it from the controller. */
  #refused(failure: unknown): void {
    this.#anew = true;
    this.#reserved = Number.POSITIVE_INFINITY;
    this.#log("error", "unable to write the spool; reports are kept in memory alone", { path: this.#path, reason: reasonOf(failure) });
  }
}

async function load(path: string, log: Log): Promise<{ queue: SpoolQueue; bytes: number }> {
  let raw: Buffer;
  try {
    raw = await readFile(path);
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === "ENOENT") return { queue: new SpoolQueue(), bytes: 0 };
    throw new Error(`Unable to read ${path}: ${reasonOf(failure)}`, { cause: failure });
  }
  const whole = raw.lastIndexOf(0x0a) + 1;
  if (whole < raw.length) await truncate(path, whole);
  const lines = raw.subarray(0, whole).toString("utf8").split("\n").slice(0, -1).map(parse);
  const heads = lines.filter(isHead),
    entries = lines.filter(isEntry);
  const damaged = lines.length - heads.length - entries.length;
  if (damaged > 0 || heads.length === 0) log("error", "spool file is damaged; what can be read is kept", { path, unreadable: damaged });
  const queue = new SpoolQueue(Math.max(0, ...heads.map((head) => head.last)), Math.max(0, ...heads.map((head) => head.acked)));
  for (const entry of entries) queue.restore(entry);
  return { queue, bytes: heads.length === 0 ? 0 : whole };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const isHead = (value: unknown): value is Head =>
  typeof value === "object" && value !== null && Number.isInteger((value as Head).last) && Number.isInteger((value as Head).acked);
const isEntry = (value: unknown): value is SpoolEntry =>
  typeof value === "object" &&
  value !== null &&
  Number.isInteger((value as SpoolEntry).seq) &&
  Array.isArray((value as SpoolEntry).facts) &&
  Array.isArray((value as SpoolEntry).events);
