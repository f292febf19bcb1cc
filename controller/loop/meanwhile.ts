import { type Compared, idsOf } from "./compared.ts";

/** What changed in the world while a commit is prepared on the side: it is done again when the commit takes effect. */
export interface Meanwhile {
  readonly hosts: Set<string>;
  /** Instances that were compared again for another reason than a fact. */
  readonly ids: Set<string>;
  /** The inventory as a whole. */
  all: boolean;
  fact(host: string, key: string): void;
  /** The instances of a commit that all this is about, but for the hosts. */
  about(next: Compared): Set<string>;
}

export function meanwhileOf(): Meanwhile {
  const facts = new Map<string, Set<string>>(),
    ids = new Set<string>();
  return {
    hosts: new Set(),
    ids,
    all: false,
    fact(host, key) {
      const keys = facts.get(host);
      if (keys === undefined) facts.set(host, new Set([key]));
      else keys.add(key);
    },
    about(next) {
      const found = new Set(ids);
      for (const [host, keys] of facts) for (const key of keys) for (const id of idsOf(next, host, key)) found.add(id);
      return found;
    },
  };
}
