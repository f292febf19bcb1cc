import type { Static } from "typebox";
import { type PollReceived, type PollSend, type PollSent, pollHoldMs } from "../../schemas/protocol.ts";
import type { Transport } from "../../schemas/transport.ts";
import { Bucket } from "./bucket.ts";

type Received = Static<typeof PollReceived>;

/** What bounds a connection of polls; milliseconds where it says so. */
export interface PollLimits {
  /** How long a request is held while there is nothing to say. */
  readonly holdMs: number;
  /** With no request under way for so long the agent is gone. */
  readonly idleMs: number;
  /** How long the end of a connection can still be fetched. */
  readonly farewellMs: number;
  /** Requests a second, and how many may come at once. */
  readonly rate: number;
  readonly burst: number;
}

/** What they are where nobody says otherwise. */
export const pollLimits: PollLimits = { holdMs: pollHoldMs, idleMs: 20_000, farewellMs: 5_000, rate: 500, burst: 2_000 };

/** Characters of messages that one answer has at most, if it is more than one message. */
const answerText = 1024 * 1024;

/** One who sends numbers that cannot be: beyond what was said, or with a gap. */
export class OutOfOrder extends Error {}

/**
 * The server's end of one agent's long polls as a transport. What is sent is kept until a later poll acknowledges it, and what came is taken once,
 * by its number: a poll that is cut in the middle loses and repeats nothing. Of each kind the newest request counts; the one before is let go.
 */
export class PollTransport implements Transport {
  readonly agent: string;
  /** Ends the request whose body is being read: there is never more than one. */
  reading: (() => void) | undefined;
  readonly #limits: PollLimits;
  readonly #mono: () => number;
  readonly #bucket: Bucket;
  readonly #out: string[] = [];
  /** Number of the first message that is kept. */
  #first = 1;
  #buffered = 0;
  #poll: (() => void) | undefined;
  #answering = false;
  /** Messages that are being taken: `step` goes on with them, `finish` lets them go. */
  #batch: { step(): void; finish(): void } | undefined;
  /** Number of the next message that is taken. */
  #next = 1;
  #paused = false;
  #under = 0;
  #quietSince: number;
  #closed: string | undefined;
  #closedAt = 0;
  #message: (text: string) => void = () => {};
  #end: (reason: string) => void = () => {};

  /** `mono`: a monotonic clock, milliseconds. */
  constructor(agent: string, limits: PollLimits, mono: () => number) {
    this.agent = agent;
    this.#limits = limits;
    this.#mono = mono;
    this.#quietSince = mono();
    this.#bucket = new Bucket(limits.rate, limits.burst, this.#quietSince);
  }

  get buffered(): number {
    return this.#buffered;
  }

  send(text: string): void {
    if (this.#closed !== undefined) return;
    this.#out.push(text);
    this.#buffered += text.length;
    this.#wake();
  }

  onMessage(handler: (text: string) => void): void {
    this.#message = handler;
  }

  onClose(handler: (reason: string) => void): void {
    this.#end = handler;
  }

  close(reason = ""): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#closedAt = this.#mono();
    this.#batch?.finish();
    this.#wake();
    this.#end(reason);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    // In a turn of its own, as messages from a network come: whoever resumes may not be done yet.
    setImmediate(() => this.#batch?.step());
  }

  /** Whether one more request may come now; counts it. */
  admits(): boolean {
    return this.#bucket.level(this.#mono()) >= 1 && this.#bucket.take(1, this.#mono());
  }

  /** Counts a request as under way; the answer ends it. */
  began(): () => void {
    this.#under++;
    return () => {
      if (--this.#under === 0) this.#quietSince = this.#mono();
    };
  }

  /** Notices an agent that does not come any more; true once nothing of the connection is needed. */
  isOver(): boolean {
    const now = this.#mono();
    if (this.#closed !== undefined) return now - this.#closedAt >= this.#limits.farewellMs;
    if (this.#under > 0 || now - this.#quietSince < this.#limits.idleMs) return false;
    this.close("connection lost");
    return true;
  }

  /** Takes messages in their order, each once. Resolves when they are taken; while the connection is paused it waits, and answers what was not taken at the end. */
  take({ from, messages, close }: Static<typeof PollSend>, gone: AbortSignal): Promise<Static<typeof PollSent>> {
    this.#batch?.finish();
    const known = this.#next;
    if (this.#closed !== undefined) return Promise.resolve({ next: known });
    if (from > known) return Promise.reject(new OutOfOrder(`messages from ${from} came where ${known} was awaited`));
    return new Promise((resolve) => {
      let at = known - from;
      const finish = (): void => {
        clearTimeout(timer);
        gone.removeEventListener("abort", finish);
        if (this.#batch === batch) this.#batch = undefined;
        resolve({ next: this.#next });
      };
      const step = (): void => {
        while (this.#batch === batch && !this.#paused && at < messages.length) {
          this.#next++;
          this.#message(messages[at++]!);
        }
        if (at < messages.length || this.#batch !== batch) return;
        finish();
        if (close !== undefined) this.close(close);
      };
      const batch = { step, finish },
        timer = setTimeout(finish, this.#limits.holdMs);
      gone.addEventListener("abort", finish, { once: true });
      this.#batch = batch;
      step();
    });
  }

  /** Forgets what came before `from`, which the agent has; resolves with what follows as soon as there is something. */
  give(from: number, gone: AbortSignal): Promise<Received> {
    if (from < this.#first || from > this.#first + this.#out.length)
      return Promise.reject(
        new OutOfOrder(`messages from ${from} were asked for, and there are ${this.#out.length} from ${this.#first} on`),
      );
    for (const text of this.#out.splice(0, from - this.#first)) this.#buffered -= text.length;
    this.#first = from;
    this.#poll?.();
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        gone.removeEventListener("abort", finish);
        if (this.#poll === finish) this.#poll = undefined;
        // The poll that came instead acknowledged less or more: this one gets nothing but its number back.
        resolve(this.#first === from ? this.#answer() : { from, messages: [] });
      };
      const timer = setTimeout(finish, this.#limits.holdMs);
      gone.addEventListener("abort", finish, { once: true });
      this.#poll = finish;
      if (this.#out.length > 0 || this.#closed !== undefined) finish();
    });
  }

  #answer(): Received {
    const messages: string[] = [];
    let size = 0;
    for (const text of this.#out) {
      size += text.length;
      if (messages.length > 0 && size > answerText) break;
      messages.push(text);
    }
    const isAll = messages.length === this.#out.length;
    return { from: this.#first, messages, ...(isAll && this.#closed !== undefined ? { closed: this.#closed } : {}) };
  }

  /** Answers the held poll once everything that is said in this turn has been said. */
  #wake(): void {
    if (this.#answering || this.#poll === undefined) return;
    this.#answering = true;
    queueMicrotask(() => {
      this.#answering = false;
      this.#poll?.();
    });
  }
}
