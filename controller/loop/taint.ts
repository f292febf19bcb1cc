import type { Desired } from "../core/select.ts";
import { carryTaint, type Tainted } from "../core/taint.ts";
import type { DesiredStore } from "../store/desired.ts";
import type { WriteBehind } from "./write-behind.ts";

type Resources = readonly (readonly [id: string, digest: string])[];

/** Which resources untrusted text had a say in: on disk before their commit is made, so that no crash in between makes a plan look harmless. */
export interface Taint {
  readonly all: Tainted;
  note(resources: Resources): Promise<void>;
  /** Of a commit that did not come about. */
  forget(resources: Resources): Promise<void>;
  restore(): Promise<void>;
  /** Called as a commit takes effect: brings along what later edits may still hold. It is written soon; until then a restart comes to the same. */
  enter(before: Parameters<typeof carryTaint>[1], after: Desired): void;
}

export function createTaint(
  store: Pick<DesiredStore, "tainted" | "setTainted">,
  synced: (id: string) => string | undefined,
  writes: Pick<WriteBehind, "add">,
): Taint {
  let all: Tainted = new Map();
  const write = (ids: Iterable<string>): Promise<void> =>
    store.setTainted([...ids].map((id) => ({ id, digests: [...(all.get(id) ?? [])] })));
  const change = (resources: Resources, digestsOf: (before: ReadonlySet<string>, digest: string) => Iterable<string>): Promise<void> => {
    const next = new Map(all);
    for (const [id, digest] of resources) {
      const digests = new Set(digestsOf(next.get(id) ?? new Set(), digest));
      if (digests.size === 0) next.delete(id);
      else next.set(id, digests);
    }
    all = next;
    return write(resources.map(([id]) => id));
  };
  return {
    get all() {
      return all;
    },
    note: (resources) => change(resources, (before, digest) => [...before, digest]),
    forget: (resources) => change(resources, (before, digest) => [...before].filter((one) => one !== digest)),
    async restore() {
      all = new Map((await store.tainted()).map(({ id, digests }) => [id, new Set(digests)]));
    },
    enter(before, after) {
      const last = all;
      all = carryTaint(last, before, after, synced);
      const moved = new Set([...last.keys()].filter((id) => last.get(id) !== all.get(id)));
      if (moved.size > 0) writes.add(() => write(moved));
    },
  };
}
