import type { Static } from "typebox";
import type { Report, Result } from "../../schemas/protocol.ts";

type Stored = Static<typeof Report> | Static<typeof Result>;

/** Reports and results of one agent that wait to be stored, bounded by their number and their size in characters. */
export class Inbox {
  readonly #most: number;
  readonly #mostText: number;
  readonly #waiting: { readonly message: Stored; readonly size: number }[] = [];
  #text = 0;

  constructor(most: number, mostText: number) {
    this.#most = most;
    this.#mostText = mostText;
  }

  /** The one that came first; undefined where none waits. */
  get first(): Stored | undefined {
    return this.#waiting[0]?.message;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Whether the agent has to be held back. */
  get isFull(): boolean {
    return this.#waiting.length >= this.#most || this.#text >= this.#mostText;
  }

  /** Whether an agent that was held back may go on. */
  get hasRoom(): boolean {
    return this.#waiting.length <= this.#most / 2 && this.#text <= this.#mostText / 2;
  }

  /** Far over the limit: it came from one who cannot be held back. */
  get isOverrun(): boolean {
    return this.#waiting.length > 16 * this.#most || this.#text > 16 * this.#mostText;
  }

  put(message: Stored, size: number): void {
    this.#waiting.push({ message, size });
    this.#text += size;
  }

  /** The first one is stored. */
  done(): void {
    this.#text -= this.#waiting.shift()?.size ?? 0;
  }
}
