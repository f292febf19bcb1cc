import { namesIn, parseSelector } from "../../schemas/selector.ts";
import type { Problem } from "../../schemas/problem.ts";
import type { HostView, LoadedResource } from "./model.ts";
import { nearest } from "./nearest.ts";

/** The most warnings that are looked at: each is compared with every host. */
const most = 20;

/** Warnings of selectors that match nothing, with the nearest host where they name one that is not there. `hosts`: names and other names. */
export function withNearHosts(
  warnings: readonly Problem[],
  resources: ReadonlyMap<string, LoadedResource>,
  hosts: readonly string[],
): readonly Problem[] {
  return warnings.map((warning, n) => {
    const resource = n < most && warning.code === "selector/matches-nothing" ? resources.get(warning.where?.resource ?? "") : undefined,
      near = resource === undefined ? undefined : nearHost((resource.resource.spec as { on?: unknown }).on, hosts);
    return near === undefined ? warning : { ...warning, hint: `Did you mean ${near}? It takes effect as soon as a host matches.` };
  });
}

function nearHost(on: unknown, hosts: readonly string[]): string | undefined {
  const parsed = typeof on === "string" ? parseSelector(on) : undefined;
  if (parsed?.ok !== true) return undefined;
  const there = new Set(hosts);
  for (const name of namesIn(parsed.selector)) {
    if (there.has(name) || /[*?]/.test(name)) continue;
    const near = nearest(name, hosts);
    if (near !== undefined) return near;
  }
  return undefined;
}

/** Names and other names of all hosts. */
export const hostNames = ({ hosts }: { readonly hosts: ReadonlyMap<string, HostView> }): string[] =>
  [...hosts.values()].flatMap(({ name, aliases }) => [name, ...aliases]);
