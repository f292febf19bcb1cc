import type { Dial, Transport } from "../../agent/runtime/transport.ts";
import type { PretendHost } from "./pretend-host.ts";

/** The way from a host to the controller, with what befalls it: cut, silent, slow. */
export const linkOf =
  (host: PretendHost, dial: Dial): Dial =>
  async (controller, signal) => {
    if (!host.running || host.link.is !== "up") throw new Error(`${host.name} has no way to ${controller}`);
    return new PretendLink(host, await dial(controller, signal));
  };

/** A connection that carries nothing while its host is silent and is gone once the silence ends, like one that outlived its routes. */
class PretendLink implements Transport {
  readonly #host: PretendHost;
  readonly #inner: Transport;
  #wasSilent = false;
  readonly #changed = (): void => {
    const { running, link } = this.#host;
    if (link.is === "silent") this.#wasSilent = true;
    else if (!running || link.is === "cut" || this.#wasSilent) this.close("the link was cut");
  };

  constructor(host: PretendHost, inner: Transport) {
    this.#host = host;
    this.#inner = inner;
    host.power.add(this.#changed);
  }

  get buffered(): number {
    return this.#inner.buffered;
  }

  send(text: string): void {
    this.#carry(() => this.#inner.send(text));
  }

  onMessage(handler: (text: string) => void): void {
    this.#inner.onMessage((text) => this.#carry(() => handler(text)));
  }

  onClose(handler: (reason: string) => void): void {
    this.#inner.onClose((reason) => {
      this.#host.power.delete(this.#changed);
      handler(reason);
    });
  }

  close(reason?: string): void {
    this.#host.power.delete(this.#changed);
    this.#inner.close(reason);
  }

  /** A delay is the same for all messages of a moment, so their order holds. */
  #carry(pass: () => void): void {
    const { link, clock } = this.#host;
    if (this.#wasSilent || link.is === "silent") return;
    if (link.delayMs === 0) pass();
    else clock.after(link.delayMs, () => this.#wasSilent || pass());
  }
}
