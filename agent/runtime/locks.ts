/** Runs tasks such that no two with a claim in common run at once, at most `limit` in all, in the order of asking where they compete. */
export interface Locks {
  run<T>(claims: readonly string[], task: () => Promise<T>): Promise<T>;
  readonly waiting: number;
}

interface Waiting {
  readonly claims: readonly string[];
  readonly start: () => void;
}

/** Makes locks that nothing is held of. */
export function locks(limit: number): Locks {
  const held = new Set<string>();
  let queue: Waiting[] = [],
    running = 0;

  const startWhatMay = (): void => {
    const spoken = new Set<string>(),
      stays: Waiting[] = [],
      starts: Waiting[] = [];
    for (const one of queue) {
      const free = running + starts.length < limit && one.claims.every((claim) => !held.has(claim) && !spoken.has(claim));
      for (const claim of one.claims) spoken.add(claim);
      (free ? starts : stays).push(one);
    }
    queue = stays;
    for (const one of starts) {
      running += 1;
      for (const claim of one.claims) held.add(claim);
      one.start();
    }
  };

  const release = (claims: readonly string[]): void => {
    running -= 1;
    for (const claim of claims) held.delete(claim);
    startWhatMay();
  };

  return {
    get waiting() {
      return queue.length;
    },
    async run(claims, task) {
      await new Promise<void>((start) => {
        queue.push({ claims, start });
        startWhatMay();
      });
      try {
        return await task();
      } finally {
        release(claims);
      }
    },
  };
}
