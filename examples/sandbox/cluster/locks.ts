import { failed } from "./refused.ts";
import type { Time } from "./time.ts";

/** Locks on files: one holder each, others wait in turn and give up after a while. */
export interface FileLocks {
  /** Runs `work` while it holds the lock on `path`; fails with Proxmox VE's own text where it is not had within `waitMs`. `waiting` is told when it has to wait. */
  hold<T>(path: string, waitMs: number, work: () => Promise<T> | T, waiting?: () => void): Promise<T>;
  /** Takes it without end, as a process does that dies with it; the answer lets it go. */
  seize(path: string): () => void;
}

/** Makes them. */
export function fileLocks(time: Time): FileLocks {
  const held = new Map<string, (() => void)[]>();
  const take = (path: string, waitMs: number, waiting?: () => void): Promise<void> => {
    const queue = held.get(path);
    if (queue === undefined) {
      held.set(path, []);
      return Promise.resolve();
    }
    waiting?.();
    return new Promise((have, fail) => {
      const mine = (): void => {
        cancel();
        have();
      };
      const cancel = time.after(Math.min(waitMs, 2 ** 30), () => {
        const at = queue.indexOf(mine);
        if (at >= 0) queue.splice(at, 1);
        fail(failed(`can't lock file '${path}' - got timeout`));
      });
      queue.push(mine);
    });
  };
  const give = (path: string): void => {
    const queue = held.get(path);
    const next = queue?.shift();
    if (next === undefined) held.delete(path);
    else next();
  };
  return {
    async hold(path, waitMs, work, waiting) {
      await take(path, waitMs, waiting);
      try {
        return await work();
      } finally {
        give(path);
      }
    },
    seize(path) {
      const queue = held.get(path);
      let free = false;
      if (queue === undefined) held.set(path, []);
      else void take(path, Infinity).then(() => (free ? give(path) : undefined));
      return () => {
        if (!free) give(path);
        free = true;
      };
    },
  };
}

/** Where the lock on a guest's configuration lies. */
export const lockPath = (kind: "lxc" | "qemu", id: number): string =>
  kind === "qemu" ? `/var/lock/qemu-server/lock-${id}.conf` : `/run/lock/lxc/pve-config-${id}.lock`;
