import { type Ask } from "../../schemas/contract.ts";
import { askKey } from "../../schemas/canonical.ts";
import { instanceId } from "../../schemas/ids.ts";
import { type Problem, warning } from "../../schemas/problem.ts";
import { compileSelector, parseSelector, resolveWords, type SelectorHost } from "../../schemas/selector.ts";
import type { KindTable } from "../kinds/define.ts";
import type { HostView, Instance, KindContext, LoadedResource } from "./model.ts";
import { selectorHost } from "./inventory.ts";

/** What the manifests ask for on the hosts that there are, with indexes that keep each later look-up as cheap as the change. */
export interface Desired {
  readonly commit: string;
  readonly tree: string;
  readonly resources: ReadonlyMap<string, LoadedResource>;
  readonly instances: ReadonlyMap<string, Instance>;
  readonly byResource: ReadonlyMap<string, readonly Instance[]>;
  readonly byHost: ReadonlyMap<string, readonly Instance[]>;
  readonly warnings: readonly Problem[];
}

/** Resolves every resource's `on:` against the inventory; a selector that matches no host is a warning. Cost: resources x hosts, once a commit or inventory change. */
export function select(
  from: { commit: string; tree: string; resources: readonly LoadedResource[] },
  hosts: ReadonlyMap<string, HostView>,
  kinds: KindTable,
  context: (host: HostView) => KindContext,
): Desired {
  const instances = new Map<string, Instance>();
  const byResource = new Map<string, Instance[]>();
  const byHost = new Map<string, Instance[]>();
  const warnings: Problem[] = [];
  const candidates = [...hosts.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((view) => ({ view, context: context(view), as: selectorHost(view) }));
  const inventory = candidates.map((candidate) => candidate.as);
  const parsed = new Map<string, (host: SelectorHost) => boolean>();
  for (const resource of from.resources) {
    const kind = kinds.get(resource.kind);
    if (kind === undefined || kind.scope !== "hosts") continue;
    const text = String(resource.resource.spec["on"] ?? "");
    const matches = compiled(text, inventory, parsed);
    const mine: Instance[] = [];
    for (const candidate of candidates) {
      if (!matches(candidate.as)) continue;
      const ask: Ask = kind.observe(resource.resource.spec, candidate.context);
      const instance: Instance = {
        id: instanceId(resource.id, candidate.view.name),
        resource,
        host: candidate.view.name,
        ask,
        askKey: askKey(ask),
      };
      mine.push(instance);
      instances.set(instance.id, instance);
      const there = byHost.get(instance.host);
      if (there === undefined) byHost.set(instance.host, [instance]);
      else there.push(instance);
    }
    if (mine.length === 0)
      warnings.push(
        warning("selector/matches-nothing", `${resource.id}: no host matches '${text}'`, {
          where: resource.where("spec.on"),
          hint: "It takes effect as soon as a host matches.",
        }),
      );
    byResource.set(resource.id, mine);
  }
  return {
    commit: from.commit,
    tree: from.tree,
    resources: new Map(from.resources.map((r) => [r.id, r])),
    instances,
    byResource,
    byHost,
    warnings,
  };
}

/** The predicate of a selector text, with its bare words resolved over the whole inventory; a host of which too little is known does not match. */
function compiled(
  text: string,
  hosts: readonly SelectorHost[],
  known: Map<string, (host: SelectorHost) => boolean>,
): (host: SelectorHost) => boolean {
  const before = known.get(text);
  if (before !== undefined) return before;
  const parsed = parseSelector(text, { stableOnly: true });
  if (!parsed.ok) throw new TypeError(`an unchecked selector reached the planner: ${text}`);
  const decide = compileSelector(resolveWords(parsed.selector, hosts));
  const predicate = (host: SelectorHost): boolean => decide(host) === true;
  known.set(text, predicate);
  return predicate;
}
