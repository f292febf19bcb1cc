import type { Evaluation, KindTable } from "../kinds/define.ts";
import type { FactLookup, HostView, Instance, KindContext } from "./model.ts";

/** How one instance stands: what is wanted against what was last seen. */
export type Assessment =
  | { readonly id: string; readonly is: "in-sync" }
  | { readonly id: string; readonly is: "differs"; readonly evaluation: Evaluation; readonly fact: string }
  | {
      readonly id: string;
      readonly is: "blocked";
      readonly reason: string;
      readonly hint?: string | undefined;
      readonly evaluation?: Evaluation | undefined;
      readonly fact?: string;
    }
  | {
      readonly id: string;
      readonly is: "unknown" | "changing";
      readonly reason: string;
      readonly hint?: string | undefined /** The host is connected and its answer is on the way. */;
      readonly awaited?: true;
    };

export interface PairInput {
  readonly kinds: KindTable;
  readonly hosts: ReadonlyMap<string, HostView>;
  readonly fact: FactLookup;
  readonly context: (host: HostView) => KindContext;
  /** Instances that were rolled back, with the digest of the resource they were rolled back from. */
  readonly held: ReadonlyMap<string, { readonly digest: string; readonly reason: string }>;
}

/** Compares one instance with its fact. A silent host or a fact that was never read is unknown: nothing is planned on it. */
export function assess(instance: Instance, input: PairInput): Assessment {
  const { id } = instance;
  const kind = input.kinds.get(instance.resource.kind);
  const host = input.hosts.get(instance.host);
  if (kind === undefined || kind.scope !== "hosts") throw new TypeError(`${id}: a kind without instances reached the planner`);
  if (host === undefined || !host.online)
    return { id, is: "unknown", reason: `${instance.host} is not connected`, hint: `See: backend-ai agents` };
  if (host.facts?.shuttingDown === true) return { id, is: "changing", reason: `${instance.host} is shutting down` };
  const fact = input.fact(instance.host, instance.askKey);
  if (fact === undefined) return { id, is: "unknown", reason: `${instance.host} has not answered yet`, awaited: true };
  if (fact.problem !== undefined) {
    const { summary, hint, retry } = fact.problem;
    return retry === "later" ? { id, is: "unknown", reason: summary, hint } : { id, is: "blocked", reason: summary, hint };
  }
  const outcome = kind.evaluate(instance.resource.resource.spec, fact.value, input.context(host));
  if (outcome.is === "in-sync") return { id, is: "in-sync" };
  if (outcome.is === "changing") return { id, is: "changing", reason: outcome.reason };
  if (outcome.is === "blocked") return { id, ...outcome, fact: fact.digest };
  const held = input.held.get(id);
  if (held !== undefined && held.digest === instance.resource.digest)
    return { id, is: "blocked", reason: `held: ${held.reason}`, hint: "It is tried again when the resource changes in git." };
  return { id, is: "differs", evaluation: outcome.evaluation, fact: fact.digest };
}
