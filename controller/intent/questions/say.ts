/** `1 host`, `3 hosts`, `no host`. */
export const countOf = (count: number, noun: string): string =>
  `${count === 0 ? "No" : count} ${noun}${count === 1 || count === 0 ? "" : "s"}`;

/** At most 20 names, and how many more there are. */
export const nameList = (names: readonly string[], most = 20): string =>
  names.length <= most ? names.join(", ") : `${names.slice(0, most).join(", ")} and ${names.length - most} more`;

/** A time as `2026-11-20 10:00:05`, in UTC. */
export const moment = (ms: number): string => new Date(ms).toISOString().replace("T", " ").slice(0, 19);

export const ago = (ms: number): string =>
  ms < 120_000
    ? `${Math.round(ms / 1000)} s ago`
    : ms < 7_200_000
      ? `${Math.round(ms / 60_000)} min ago`
      : ms < 172_800_000
        ? `${Math.round(ms / 3_600_000)} h ago`
        : `${Math.round(ms / 86_400_000)} days ago`;
