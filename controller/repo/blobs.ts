import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { Socket } from "node:net";
import { error, ProblemError } from "../../schemas/problem.ts";
import { gitProcess, killGroup } from "./git.ts";

interface Request {
  readonly id: string;
  tries: number;
  readonly resolve: (content: Buffer | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

const maxTries = 3;
const objectId = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/** Reads objects through one long-lived `git cat-file --batch`; started when needed, started again when it dies. */
export class BlobReader {
  readonly #gitDir: string;
  readonly #timeoutMs: number;
  #child: ChildProcessWithoutNullStreams | undefined;
  /** Asked and not answered, in the order of the answers. */
  #waiting: Request[] = [];
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes that the answer at hand still needs, its header's included; 0: the header is not complete. */
  #needed = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #started = 0;

  constructor(gitDir: string, timeoutMs = 30_000) {
    this.#gitDir = gitDir;
    this.#timeoutMs = timeoutMs;
  }

  /** How often a process was started. */
  get started(): number {
    return this.#started;
  }

  /** The process at work, for those who want to see it die. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The content of an object; undefined where the repository does not have it. */
  read(id: string): Promise<Buffer | undefined> {
    if (!objectId.test(id)) return Promise.reject(new TypeError(`not an object id: ${id}`));
    if (this.#closed) return Promise.reject(new ProblemError(error("repo/closed", "Unable to read from the repository: it was closed")));
    return new Promise((resolve, reject) => {
      this.#ask({ id, tries: 0, resolve, reject });
    });
  }

  close(): void {
    this.#closed = true;
    this.#child?.stdin.end();
    this.#rest();
  }

  #ask(request: Request): void {
    request.tries += 1;
    const child = (this.#child ??= this.#start());
    this.#waiting.push(request);
    this.#hold(child, true);
    this.#watchTime();
    child.stdin.write(`${request.id}\n`);
  }

  #again(request: Request): void {
    try {
      this.#ask(request);
    } catch (thrown) {
      request.reject(thrown);
    }
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = gitProcess(this.#gitDir, [`--git-dir=${this.#gitDir}`, "cat-file", "--batch"]);
    this.#started += 1;
    this.#chunks = [];
    this.#size = this.#needed = 0;
    child.stdin.on("error", () => {});
    child.stderr.resume();
    child.stdout.on("data", (chunk: Buffer) => {
      if (child === this.#child) this.#take(chunk);
    });
    child.on("error", () => this.#died(child));
    child.on("close", () => this.#died(child));
    return child;
  }

  /** An idle process keeps nobody from ending. */
  #hold(child: ChildProcessWithoutNullStreams, busy: boolean): void {
    for (const part of [child, child.stdin as unknown as Socket, child.stdout as unknown as Socket, child.stderr as unknown as Socket]) {
      if (busy) part.ref();
      else part.unref();
    }
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    this.#watchTime();
    while (this.#size > 0 && (this.#needed === 0 || this.#size >= this.#needed)) {
      const all = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
      this.#chunks = [all];
      const end = all.indexOf(10);
      if (end < 0) return;
      const size = /^\S+ \w+ (\d+)$/.exec(all.toString("latin1", 0, end))?.[1];
      // "ID TYPE SIZE", the content, a line end; or "ID missing" alone.
      this.#needed = size === undefined ? end + 1 : end + 1 + Number(size) + 1;
      if (this.#size < this.#needed) return;
      this.#answer(size === undefined ? undefined : Buffer.from(all.subarray(end + 1, this.#needed - 1)));
      this.#chunks = [all.subarray(this.#needed)];
      this.#size -= this.#needed;
      this.#needed = 0;
    }
  }

  #answer(content: Buffer | undefined): void {
    this.#waiting.shift()?.resolve(content);
    if (this.#waiting.length === 0) this.#rest();
  }

  #rest(): void {
    clearTimeout(this.#timer);
    if (this.#child !== undefined) this.#hold(this.#child, false);
  }

  #watchTime(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => killGroup(this.#child?.pid), this.#timeoutMs);
  }

  #died(child: ChildProcessWithoutNullStreams): void {
    if (child !== this.#child) return;
    this.#child = undefined;
    this.#rest();
    clearTimeout(this.#timer);
    const waiting = this.#waiting.splice(0);
    for (const request of waiting) {
      if (!this.#closed && request.tries < maxTries) this.#again(request);
      else
        request.reject(
          new ProblemError(
            error("repo/git-died", "Unable to read from the repository: git cat-file ended unexpectedly", { retry: "later" }),
          ),
        );
    }
  }
}
