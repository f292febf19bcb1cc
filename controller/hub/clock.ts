/** Time as the hub sees it. `now`: milliseconds since the epoch, may jump. `mono`: milliseconds that only go forward, for everything that is measured. */
export interface HubClock {
  now(): number;
  mono(): number;
}

/** The machine's own clocks. */
export const machineClock: HubClock = { now: Date.now, mono: () => performance.now() };
