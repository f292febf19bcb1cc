/** A token bucket without a timer: filled by `rate` units a second up to `burst`, refilled when it is looked at. */
export class Bucket {
  readonly #rate: number;
  readonly #burst: number;
  #level: number;
  #at: number;

  /** `now`: milliseconds of a monotonic clock, as below. */
  constructor(rate: number, burst: number, now: number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#level = burst;
    this.#at = now;
  }

  /** Takes units, below zero if need be, and says whether there were enough. */
  take(units: number, now: number): boolean {
    this.#refill(now);
    this.#level -= units;
    return this.#level >= 0;
  }

  /** Units that are there; negative: owed. */
  level(now: number): number {
    this.#refill(now);
    return this.#level;
  }

  #refill(now: number): void {
    this.#level = Math.min(this.#burst, this.#level + ((now - this.#at) / 1000) * this.#rate);
    this.#at = now;
  }
}
