/** Tells whoever listens that something moved. */
export interface Listeners {
  readonly tell: () => void;
  /** Answers what ends it. */
  readonly listen: (listener: () => void) => () => void;
}

export function listeners(): Listeners {
  const all = new Set<() => void>();
  return {
    tell: () => all.forEach((listener) => listener()),
    listen(listener) {
      all.add(listener);
      return () => void all.delete(listener);
    },
  };
}
