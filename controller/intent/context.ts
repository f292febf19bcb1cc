import pLimit from "p-limit";
import { ProblemError } from "../../schemas/problem.ts";
import type { ProbeOutput } from "../../schemas/verbs/index.ts";
import type { Controller } from "../loop/controller.ts";
import { type Known, type KnownUnit, selectorHostOf } from "./known.ts";

interface ContextOptions {
  readonly controller: Pick<Controller, "hosts" | "resources" | "query">;
  /** Phrases that the settings in force explain. */
  readonly glossary: () => Promise<Readonly<Record<string, string>>>;
  readonly now: () => number;
}

/** Hosts are asked for their units at most so many at once, waited for so long, and asked again after a minute. */
const limits = { hosts: 300, atOnce: 16, timeoutMs: 3000, freshMs: 60_000 };

/** Gathers what the understanding of a sentence may look at. */
export interface Context {
  /** `bindings`: phrases that a person has explained in this conversation. */
  know(bindings?: Readonly<Record<string, string>>): Promise<Known>;
  /** Forgets the units of hosts that were just changed. */
  forget(hosts: Iterable<string>): void;
}

export function createContext({ controller, glossary, now }: ContextOptions): Context {
  const limit = pLimit(limits.atOnce),
    units = new Map<string, { readonly at: number; readonly units: readonly KnownUnit[] | undefined }>();
  const ask = async (host: string): Promise<readonly KnownUnit[] | undefined> => {
    const known = units.get(host);
    if (known !== undefined && now() - known.at < limits.freshMs) return known.units;
    const found = await unitsOf(host, controller);
    units.set(host, { at: now(), units: found });
    return found;
  };
  return {
    async know(bindings = {}) {
      const { hosts } = controller.hosts(),
        asked = hosts.filter(({ online }) => online).slice(0, limits.hosts),
        there = new Set(hosts.map(({ name }) => name));
      for (const name of units.keys()) if (!there.has(name)) units.delete(name);
      const found = new Map(await Promise.all(asked.map((host) => limit(async () => [host.name, await ask(host.name)] as const))));
      return {
        hosts: hosts.map((summary) => {
          const own = found.get(summary.name);
          return { name: summary.name, online: summary.online, summary, as: selectorHostOf(summary, own), units: own };
        }),
        resources: controller.resources(),
        glossary: { ...(await glossary()), ...bindings },
      };
    },
    forget(hosts) {
      for (const host of hosts) units.delete(host);
    },
  };
}

/** The units of a host; undefined where it does not tell. */
async function unitsOf(host: string, controller: Pick<Controller, "query">): Promise<readonly KnownUnit[] | undefined> {
  try {
    const answer = (await controller.query(host, "services", { pattern: "*.service" }, limits.timeoutMs)) as ProbeOutput<"services">;
    return answer.units.map(({ unit, active, enabled }) => ({ unit, active, enabled }));
  } catch (thrown) {
    if (thrown instanceof ProblemError) return undefined;
    throw thrown;
  }
}
