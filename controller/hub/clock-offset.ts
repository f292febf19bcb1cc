const kept = 5;
/** Round trips slower than this say too little about the clock. */
const slowest = 5_000;

/** What to add to a time of the host's clock to get the controller's, in milliseconds: the median of the last five round trips. */
export class ClockOffset {
  #samples: number[] = [];
  /** undefined: not measured. */
  value: number | undefined;

  /** Takes a first guess from a message that came with the host's time, which the first measured one replaces. */
  guess(hostTime: number, now: number): void {
    this.value = now - hostTime;
  }

  /** `sentAt`: the controller's time when it asked; `roundTrip`: until the answer was there; `hostTime`: what the host answered. */
  measure(sentAt: number, roundTrip: number, hostTime: number): void {
    if (roundTrip < 0 || roundTrip > slowest || !Number.isFinite(hostTime)) return;
    this.#samples = [...this.#samples.slice(1 - kept), sentAt + roundTrip / 2 - hostTime];
    const sorted = [...this.#samples].sort((a, b) => a - b);
    this.value = sorted[sorted.length >> 1];
  }
}
