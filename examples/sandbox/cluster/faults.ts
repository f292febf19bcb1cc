/** A request as faults see it. */
export interface Asked {
  readonly method: string;
  /** Below /api2/json. */
  readonly path: string;
  /** The node that was asked. */
  readonly via: string;
}

/** What is done to a request: slow, an answer of the proxy's own, or a connection that ends before or after the work. */
export interface Trouble {
  readonly delayMs?: number | undefined;
  readonly status?: { readonly code: 595 | 596 | 599; readonly text: string } | undefined;
  readonly cut?: "before" | "after" | undefined;
  /** The API itself refuses with this text, and has done nothing. */
  readonly refuse?: Error | undefined;
}

/** Which requests it meets: all of them where nothing is said, and how many. */
export interface Aim {
  readonly method?: string | undefined;
  readonly path?: RegExp | undefined;
  readonly via?: string | undefined;
  readonly times?: number | undefined;
}

/** Trouble that waits for requests. */
export interface Troubles {
  /** Sets it up; the answer takes it back. */
  make(aim: Aim, trouble: Trouble): () => void;
  /** What this request meets; counts it. */
  meet(asked: Asked): Trouble;
  clear(): void;
}

/** Makes a list of trouble without any. */
export function troubles(): Troubles {
  const all = new Set<{ readonly aim: Aim; readonly trouble: Trouble; left: number }>();
  return {
    make(aim, trouble) {
      const one = { aim, trouble, left: aim.times ?? Infinity };
      all.add(one);
      return () => void all.delete(one);
    },
    meet(asked) {
      for (const one of all) {
        const { method, path, via } = one.aim;
        if (method !== undefined && method !== asked.method) continue;
        if (path !== undefined && !path.test(asked.path)) continue;
        if (via !== undefined && via !== asked.via) continue;
        if ((one.left -= 1) <= 0) all.delete(one);
        return one.trouble;
      }
      return {};
    },
    clear: () => all.clear(),
  };
}
