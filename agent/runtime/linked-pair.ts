import type { Transport } from "./transport.ts";

/** Two ends of a connection within one process: what one sends, the other receives in a later turn of the event loop. */
export function linkedPair(): readonly [Transport, Transport] {
  const left = new End(),
    right = new End();
  left.join(right);
  right.join(left);
  return [left, right];
}

class End implements Transport {
  #peer: End | undefined;
  #queue: string[] = [];
  #scheduled = false;
  #closed: string | undefined;
  #told = false;
  #message: ((text: string) => void) | undefined;
  #close: ((reason: string) => void) | undefined;

  join(peer: End): void {
    this.#peer = peer;
  }

  get buffered(): number {
    return 0;
  }

  send(text: string): void {
    if (this.#closed === undefined) this.#peer?.deliver(text);
  }

  deliver(text: string): void {
    if (this.#closed !== undefined) return;
    this.#queue.push(text);
    this.#schedule();
  }

  onMessage(handler: (text: string) => void): void {
    this.#message = handler;
    this.#schedule();
  }

  onClose(handler: (reason: string) => void): void {
    this.#close = handler;
    this.#schedule();
  }

  close(reason = "closed"): void {
    const peer = this.#peer;
    this.#end(reason, false);
    if (peer !== undefined) peer.#end(reason, true);
  }

  /** The side that closes hears nothing more; the other still gets what was under way. */
  #end(reason: string, drain: boolean): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#peer = undefined;
    if (!drain) this.#queue = [];
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#drain();
    });
  }

  #drain(): void {
    while (this.#message !== undefined && this.#queue.length > 0) this.#message(this.#queue.shift()!);
    if (this.#closed === undefined || this.#close === undefined || this.#told || this.#queue.length > 0) return;
    this.#told = true;
    this.#close(this.#closed);
  }
}
