import { askKey } from "../../schemas/canonical.ts";
import { ask } from "../../schemas/contract.ts";
import { type AgentFact, agentProbe } from "../../schemas/verbs/agent.ts";
import type { Fact, TakenBack } from "../core/model.ts";

/** Releases that agents took back, by what they say of themselves; the same array as long as it says the same. */
export interface TakenBackReleases {
  /** Whether the fact is an agent's own; it is taken in then. */
  absorb(fact: Fact, clockOffset: number): boolean;
  remove(host: string): void;
  list(): readonly TakenBack[];
}

const agentKey = askKey(ask(agentProbe, {}));

export function takenBackReleases(): TakenBackReleases {
  const byHost = new Map<string, TakenBack>();
  let list: readonly TakenBack[] = [];
  const renew = (): void => void (list = [...byHost.values()]);
  return {
    absorb({ key, host, value }, clockOffset) {
      if (key !== agentKey) return false;
      const { failed } = (value ?? {}) as Partial<AgentFact>,
        known = byHost.get(host);
      if (failed === undefined) {
        if (byHost.delete(host)) renew();
      } else if (known?.sha256 !== failed.sha256 || known.failedAt !== failed.at) {
        const { version, sha256, reason, at } = failed;
        byHost.set(host, { host, version, sha256, reason, failedAt: at, at: at + clockOffset });
        renew();
      }
      return true;
    },
    remove(host) {
      if (byHost.delete(host)) renew();
    },
    list: () => list,
  };
}
