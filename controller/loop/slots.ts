/** Room for what is done at the same time on hosts, all runs together. */
export interface Slots {
  /** Takes a place on a host; false where all of the host's or all places are taken. */
  take(host: string): boolean;
  /** Whether all places are taken; who asks counts as somebody who found none. */
  full(): boolean;
  release(host: string): void;
}

/** Places on each host as `perHost` says, `overall` on all together. `onFree` is called, once for what happens in one turn, when somebody found none and one is free again. */
export function createSlots(limits: { readonly perHost: (host: string) => number; readonly overall: number }, onFree: () => void): Slots {
  const taken = new Map<string, number>();
  let all = 0,
    wanted = false;
  return {
    take(host) {
      const mine = taken.get(host) ?? 0;
      if (mine >= limits.perHost(host) || all >= limits.overall) {
        wanted = true;
        return false;
      }
      taken.set(host, mine + 1);
      all += 1;
      return true;
    },
    full() {
      if (all < limits.overall) return false;
      wanted = true;
      return true;
    },
    release(host) {
      const mine = taken.get(host) ?? 0;
      if (mine === 0) return;
      if (mine === 1) taken.delete(host);
      else taken.set(host, mine - 1);
      all -= 1;
      if (!wanted) return;
      wanted = false;
      queueMicrotask(onFree);
    },
  };
}
