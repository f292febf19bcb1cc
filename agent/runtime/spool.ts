import { type FileHandle, open, readFile, truncate } from "node:fs/promises";
import type { FactReport, HostEvent } from "../../schemas/report.ts";
import { writeDurably } from "./durable.ts";
import { type Log, reasonOf } from "./log.ts";
import type { SpoolEntry } from "./memory.ts";
import { SpoolQueue } from "./spool-queue.ts";

/** Reports on their way: numbered, kept until the controller has acknowledged them. */
export interface Spool {
  /** Resolves once the report is kept as well as it can be: on disk, or in memory alone where the disk refuses. */
  add(facts: readonly FactReport[], events: readonly HostEvent[]): Promise<void>;
  /** The first kept report numbered above `seq`. */
  next(seq: number): SpoolEntry | undefined;
  ack(seq: number): void;
  rebase(seq: number): void;
  /** Whether facts were let go since the last call, so that all have to be told afresh. */
  takeLost(): boolean;
  readonly acked: number;
  readonly last: number;
  close(): Promise<void>;
}

/** A spool that lasts as long as the process: for the sandbox and tests. */
export function volatileSpool(): Spool {
  const queue = new SpoolQueue();
  return over(
    queue,
    async (facts, events) => void queue.add(facts, events),
    () => Promise.resolve(),
  );
}

function over(queue: SpoolQueue, add: Spool["add"], close: Spool["close"], changed = (): void => {}): Spool {
  return {
    add,
    next: (seq) => queue.next(seq),
    ack(seq) {
      queue.ack(seq);
      changed();
    },
    rebase(seq) {
      queue.rebase(seq);
      changed();
    },
    takeLost: () => queue.takeLost(),
    get acked() {
      return queue.acked;
    },
    get last() {
      return queue.last;
    },
    close,
  };
}

interface Head {
  readonly last: number;
  readonly acked: number;
}

/** The file is written anew when it is this long and holds little that still counts. */
const rewriteAt = 1024 * 1024;

/** A spool in an append-only file of JSON lines: a head with the numbers so far, then one report a line. Reports that come while the disk is busy share one fsync. */
export async function fileSpool(path: string, log: Log): Promise<Spool> {
  const { queue, bytes } = await load(path, log);
  const journal = new Journal(path, queue, bytes, log);
  return over(
    queue,
    (facts, events) => {
      const { entry, rewritten } = queue.add(facts, events);
      return journal.write(rewritten ? undefined : entry);
    },
    () => journal.close(),
    () => journal.tidy(),
  );
}

class Journal {
  #lines: string[] = [];
  #anew: boolean;
  #bytes: number;
  #handle: FileHandle | undefined;
  #flushing: Promise<void> | undefined;
  readonly #path: string;
  readonly #queue: SpoolQueue;
  readonly #log: Log;

  constructor(path: string, queue: SpoolQueue, bytes: number, log: Log) {
    this.#path = path;
    this.#queue = queue;
    this.#log = log;
    this.#bytes = bytes;
    this.#anew = bytes === 0;
  }

  /** Appends an entry; undefined: entries changed, so the whole file has to. */
  write(entry: SpoolEntry | undefined): Promise<void> {
    if (entry === undefined) this.#anew = true;
    else this.#lines.push(`${JSON.stringify(entry)}\n`);
    return this.#soon();
  }

  /** After an acknowledgement: a long file that holds little is written anew, without anybody waiting for it. */
  tidy(): void {
    if (this.#bytes < rewriteAt || this.#queue.bytes > this.#bytes / 4) return;
    this.#anew = true;
    void this.#soon();
  }

  async close(): Promise<void> {
    if (this.#flushing !== undefined) await this.#flushing;
    if (this.#queue.acked > 0) await this.#flush(true).catch(() => undefined);
    await this.#handle?.close();
    this.#handle = undefined;
  }

  /** One flush at a time; who comes while one runs is served by the next. */
  async #soon(): Promise<void> {
    if (this.#flushing !== undefined) await this.#flushing;
    this.#flushing ??= this.#flush(false)
      .catch((failure: unknown) => {
        this.#anew = true;
        this.#log("error", "unable to write the spool; reports are kept in memory alone", { path: this.#path, reason: reasonOf(failure) });
      })
      .finally(() => {
        this.#flushing = undefined;
      });
    await this.#flushing;
  }

  async #flush(anew: boolean): Promise<void> {
    const lines = this.#lines.join("");
    this.#lines = [];
    if (!this.#anew && !anew) {
      if (lines === "") return;
      this.#handle ??= await open(this.#path, "a", 0o600);
      await this.#handle.appendFile(lines);
      await this.#handle.datasync();
      this.#bytes += lines.length;
      return;
    }
    this.#anew = false;
    const text = [{ last: this.#queue.last, acked: this.#queue.acked } satisfies Head, ...this.#queue.entries()]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join("");
    await this.#handle?.close();
    this.#handle = undefined;
    await writeDurably(this.#path, text, 0o600);
    this.#bytes = text.length;
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
  const [head, ...rest] = lines;
  const entries = rest.filter(isEntry);
  if (!isHead(head) || entries.length < rest.length)
    log("error", "spool file is damaged; what can be read is kept", { path, unreadable: rest.length - entries.length });
  const queue = isHead(head) ? new SpoolQueue(head.last, head.acked) : new SpoolQueue();
  for (const entry of isEntry(head) ? [head, ...entries] : entries) queue.restore(entry);
  return { queue, bytes: isHead(head) ? whole : 0 };
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
